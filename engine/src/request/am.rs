//! Reading AM's own body beside the context that the server resolved (seed 001).
//!
//! Nothing of the body is rebuilt: its resources and environment are borrowed by the request.

use super::json::{Kind, Reader};
use super::read::{Seen, checked_text, non_empty};
use super::{Request, Target};
use crate::error::{Error, ErrorCode};

/// Which of AM's two actions is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmCall {
    /// `policies?_action=evaluate`
    Evaluate,
    /// `policies?_action=evaluateTree`
    EvaluateTree,
}

/// Reads an AM request. `context` holds the members of contract §3 that the server knows
/// (`subject`, `now`, `timeZone`, `externals`), and `resourceVersion`, which drops the ttl where
/// it is `1.0`. Members of the body that AM does not know are ignored, as AM ignores them.
///
/// # Errors
/// In AM's order: `application`, then `environment`, then the resources. `badJson` names the body
/// when its message does not begin with `context`.
pub(crate) fn read_am<'a>(
    context: &'a [u8],
    body: &'a [u8],
    call: AmCall,
) -> Result<Request<'a>, Error> {
    let mut request = Request::empty();
    let mut seen = Seen::default();
    let mut reader = Reader::new(checked_text(context)?);
    reader.object(|reader, name| {
        if name == "resourceVersion" {
            request.with_ttl = reader.text()? != "1.0";
            return Ok(());
        }
        request
            .read_context(reader, &name, &mut seen)
            .map_err(|error| error.at(&name))
    })?;
    reader.end()?;
    seen.check_now()?;
    read_body(&mut request, checked_text(body)?, call)?;
    Ok(request)
}

fn read_body<'a>(request: &mut Request<'a>, body: &'a str, call: AmCall) -> Result<(), Error> {
    let target = match call {
        AmCall::Evaluate => "resources",
        AmCall::EvaluateTree => "resource",
    };
    let missing =
        || Error::new(ErrorCode::BadRequest, format!("Invalid value {target}")).at(target);
    if body.trim().is_empty() {
        return Err(missing());
    }
    let mut reader = Reader::new(body);
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        reader.end()?;
        return Err(missing());
    }
    // AM reports the first fault in its own order, not in the order of the members.
    let mut faults: [Option<Error>; 3] = [None, None, None];
    let mut found = false;
    reader.object(|reader, name| {
        let start = reader.clone();
        let (rank, result) = match &*name {
            "application" => (0, read_application(request, reader)),
            "environment" => (1, request.read_environment(reader)),
            member if member == target => (
                2,
                read_target(request, reader, call).map(|present| found = present),
            ),
            _ => return reader.skip(),
        };
        if let Err(error) = result {
            if error.code() == ErrorCode::BadJson {
                return Err(error);
            }
            if let Some(fault) = faults.get_mut(rank) {
                fault.get_or_insert(error.at(&name));
            }
            *reader = start;
            reader.skip()?;
        }
        Ok(())
    })?;
    reader.end()?;
    if let Some(error) = faults.into_iter().flatten().next() {
        return Err(error);
    }
    if found { Ok(()) } else { Err(missing()) }
}

fn read_application<'a>(request: &mut Request<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if !reader.null()? {
        request.policy_set = non_empty(reader.text()?)?;
    }
    Ok(())
}

/// Whether something to decide is given: AM treats null and nothing alike.
fn read_target<'a>(
    request: &mut Request<'a>,
    reader: &mut Reader<'a>,
    call: AmCall,
) -> Result<bool, Error> {
    if reader.null()? {
        return Ok(false);
    }
    match call {
        AmCall::Evaluate => {
            let mut ahead = reader.clone();
            if ahead.kind()? == Kind::Array && ahead.is_empty_array() {
                *reader = ahead;
                return Ok(false);
            }
            request.read_resources(reader)?;
        }
        AmCall::EvaluateTree => {
            let root = reader.text()?;
            if root.is_empty() {
                return Ok(false);
            }
            request.target = Target::Tree(root);
        }
    }
    Ok(true)
}
