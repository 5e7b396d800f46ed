//! `POST …/policies?_action=evaluate` and `evaluateTree` (seed 001; `evaluation.md` §1).
//!
//! The body is read once here, only as far as its `subject`, and handed on as it was sent. Checks come in AM's order:
//! JSON, caller, privilege, version, subject; then, in the engine, environment, resources and policy set.

mod body;
mod context;
mod outcome;

use std::sync::Arc;

use axum::http::{HeaderValue, Method};

use super::Call;
use super::answer::{Answer, Content};
use super::crest::fields::Fields;
use super::crest::operation::{self, Operation};
use super::crest::version::Version;
use super::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::decide::{AmCall, DecideError, Pace, Question};
use crate::documents::defaults::DEFAULT_SET;
use crate::limits::INLINE_BODY_BYTES;
use crate::outside::{Asked, Externals, Need};
use crate::store::StoreError;
use body::Peek;
use context::Resolution;

const ROUTES: [(Version, &str); 3] = [
    (Version(1, 0), "resource=1.0"),
    (Version(2, 0), "resource=2.0"),
    (Version(2, 1), "resource=2.1"),
];

/// Whether a request on `policies` is one of the two actions; their names are compared exactly.
pub(crate) fn is_asked(call: &Call) -> bool {
    let named = |action| matches!(action, "evaluate" | "evaluateTree");
    call.method == Method::POST && call.parameters.first("_action").is_some_and(named)
}

/// Answers either action.
///
/// # Errors
/// `evaluation.md` §1.2, first the ones that need no caller.
pub(crate) async fn handle(app: &App, call: &Call) -> Result<Answer, ApiError> {
    let operation = operation::of(
        &call.method,
        &call.headers,
        &call.parameters,
        &call.requested,
    )?;
    if !matches!(operation, Operation::Action(_)) {
        call.well_formed(&operation)?;
    }
    operation::check_parameters(&operation, &call.parameters)?;
    let Operation::Action(action) = operation else {
        // A method override makes it another operation, which the administration of policies answers.
        return Box::pin(super::manage::handle(app, call, &["policies"], operation)).await;
    };
    Peek::read(&call.body)?;
    let evaluate = Permission::new(Endpoint::Policies, Verb::Evaluate);
    let caller = call.authorized(app, evaluate).await?;
    let Some(served) = call.requested.route(&ROUTES) else {
        return Err(ApiError::no_such_resource(""));
    };
    let kind = if action == "evaluate" {
        AmCall::Evaluate
    } else {
        AmCall::EvaluateTree
    };
    let mut confirmed = Externals::new();
    let mut decided = decide(app, call, &caller, kind, served, &mut confirmed).await;
    for _ in 0..OVERTAKEN {
        let Err(Undecided::Overtaken) = decided else {
            break;
        };
        let Some(latest) = call.as_of(app.publisher.live_now()) else {
            break;
        };
        let again = decide(app, &latest, &caller, kind, served, &mut confirmed);
        decided = Box::pin(again).await;
    }
    decided.map_err(|undecided| ApiError::from(undecided).served(served))
}

/// How often in a row a change may come between the resolution of a subject and the decision about it.
const OVERTAKEN: usize = 8;

/// Why there is no answer.
enum Undecided {
    /// A change went live after the subject was resolved: what its policies ask may not have been looked up.
    Overtaken,
    Refused(ApiError),
}

impl From<ApiError> for Undecided {
    fn from(error: ApiError) -> Self {
        Undecided::Refused(error)
    }
}

impl From<StoreError> for Undecided {
    fn from(error: StoreError) -> Self {
        Undecided::Refused(error.into())
    }
}

impl From<Undecided> for ApiError {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::Refused(error) => error,
            Undecided::Overtaken => ApiError::unavailable(
                "The policies of this realm change faster than a decision is made; try again.",
            ),
        }
    }
}

/// Decides once. `confirmed` holds what transactions came to, which a further attempt must not ask again: a confirmation
/// is used up when it is looked up.
async fn decide(
    app: &App,
    call: &Call,
    caller: &Authorized,
    kind: AmCall,
    served: &'static str,
    confirmed: &mut Externals,
) -> Result<Answer, Undecided> {
    let restricted = match call.realm.settings.environment_overrides_session {
        true => None,
        false => body::without_session_facts(&call.body)?.map(|body| call.with_body(body)),
    };
    let call = restricted.as_ref().unwrap_or(call);
    let peek = Peek::read(&call.body)?;
    let question = context::resolve(app, call, caller, &peek, served).await?;
    let first = ask(app, call, &question.context, kind).await?;
    let (answer, effects) = match outcome::of(first, &call.realm)? {
        outcome::Outcome::Decided { answer, effects } => (answer, effects),
        outcome::Outcome::Needs(needs) => {
            let policy_set = peek.policy_set();
            let asked = Asked {
                policy_set: policy_set.as_deref().unwrap_or(DEFAULT_SET),
                realm: &call.realm,
                revision: call.live.revision,
                now: call.now,
                subject: question.whom(),
                environment: peek.environment(),
            };
            let open: Vec<Need> = needs
                .into_iter()
                .filter(|need| !confirmed.contains_key(&need.id))
                .collect();
            let mut externals = app.outside.resolve(&asked, &open).await;
            for need in open.iter().filter(|need| need.is_transaction()) {
                if let Some(found) = externals.get(&need.id) {
                    confirmed.insert(need.id.clone(), found.clone());
                }
            }
            externals.extend(confirmed.clone());
            let resolved = context::with_externals(&question.context, &externals)?;
            let again = ask(app, call, &resolved, kind).await?;
            match outcome::of(again, &call.realm)? {
                outcome::Outcome::Decided { answer, effects } => (answer, effects),
                // The one answer was by the bundle of before, the other by the one that takes its place.
                outcome::Outcome::Needs(_) if call.realm.bundles.len() > 1 => {
                    return Err(Undecided::Overtaken);
                }
                outcome::Outcome::Needs(_) => {
                    let twice = "outside conditions were asked for twice";
                    return Err(ApiError::internal(twice).into());
                }
            }
        }
    };
    let fields = Fields::of(&call.parameters);
    let content = match &question.subject {
        // INVARIANT: whoever is unknown, expired or inactive is told nothing about the policies (ruling B26).
        Resolution::Nobody => {
            let emptied = outcome::emptied(&answer, kind, served)?;
            Content::Value(outcome::select(emptied, &fields))
        }
        Resolution::Somebody(session) => {
            if let Some(session) = session {
                app.sessions.touch(session, call.now);
                outcome::carry_out(app, session, &effects).await?;
            }
            if fields.is_everything() {
                Content::Text(answer)
            } else {
                Content::Value(outcome::select(outcome::parsed(&answer)?, &fields))
            }
        }
    };
    let digest = call.realm.deciding();
    Ok(Answer {
        content,
        // Also for a subject that is nobody's: which policies there are is no secret to who may ask them, and a header that
        // is missing would tell whose token is good.
        bundle: digest.and_then(|digest| HeaderValue::from_str(digest).ok()),
        ..Answer::text(served, Vec::new())
    })
}

/// Asks the engine: a small evaluate right here, as it takes microseconds, unless it would have to wait; anything else on a
/// blocking thread.
async fn ask(app: &App, call: &Call, context: &[u8], kind: AmCall) -> Result<Vec<u8>, Undecided> {
    let decider = app.publisher.decider();
    let pace = if kind == AmCall::Evaluate && call.body.len() <= INLINE_BODY_BYTES {
        Pace::Quick
    } else {
        Pace::Long
    };
    let here = match pace {
        Pace::Quick => decider.answer_here(&call.realm, context, &call.body, kind),
        Pace::Long => None,
    };
    let answer = match here {
        Some(answer) => answer,
        None => {
            let question = Question {
                realm: Arc::clone(&call.realm),
                context: context.to_vec(),
                body: call.body.clone(),
                call: kind,
            };
            // Boxed: few questions come here, and the future of all others is not to be as large as this one.
            Box::pin(decider.answer_apart(question, pace)).await
        }
    };
    answer.map_err(|error| match error {
        DecideError::OtherBundle => Undecided::Overtaken,
        DecideError::NotLoaded => Undecided::Refused(ApiError::unavailable(
            "No policies are loaded for this realm; nothing is decided.",
        )),
        DecideError::Failed(why) => Undecided::Refused(ApiError::internal(why)),
    })
}
