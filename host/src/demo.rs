//! `assize serve --demo`: a sample realm with the policies behind seed 001's examples, and curl lines to try them.

use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::auth::random_text;
use crate::config::Config;
use crate::documents::import::{Importer, Mode};
use crate::serve::{Server, StartError};

/// The sample as an import document, without the user's password: there is no default one.
const DOCUMENT: &str = include_str!("../demo/seed.json");
const RANDOM_BYTES: usize = 12;

/// The passwords that the printed lines use.
pub(crate) struct Accounts {
    demo: String,
    administrator_given: bool,
    deployment: String,
}

impl Accounts {
    /// The demo user's password: `ASSIZE_DEMO_PASSWORD`, or a random one.
    pub(crate) fn from_environment(config: &Config) -> Self {
        let given = std::env::var("ASSIZE_DEMO_PASSWORD")
            .ok()
            .filter(|password| !password.is_empty());
        Accounts {
            demo: given.unwrap_or_else(|| random_text(RANDOM_BYTES).unwrap_or_default()),
            administrator_given: config.admin_password.reveal().is_some(),
            deployment: config.deployments.first().cloned().unwrap_or_default(),
        }
    }
}

/// Starts a server with the sample in its store.
///
/// # Errors
/// As [`Server::start`]; the sample is refused.
pub(crate) async fn start(config: Config, accounts: &Accounts) -> Result<Server, StartError> {
    if accounts.demo.is_empty() {
        return Err(StartError("the system gave no randomness".into()));
    }
    let (app, first_start) = App::open(config).await?;
    let mut document: Value =
        serde_json::from_str(DOCUMENT).map_err(|e| StartError(format!("demo: {e}")))?;
    if let Some(Value::Object(user)) = document.pointer_mut("/users/0") {
        user.insert("userpassword".into(), accounts.demo.as_str().into());
    }
    let importer = Importer {
        store: app.store.as_ref(),
        passwords: &app.passwords,
        directory: &app.subjects.directory,
        mode: Mode::Add,
    };
    let files = [("demo".to_owned(), document.to_string().into_bytes())];
    let plan = importer
        .plan(&files)
        .await
        .map_err(|e| StartError(format!("demo: {e}")))?;
    if let Some(problem) = plan.errors.first() {
        return Err(StartError(problem.to_string()));
    }
    app.publisher
        .commit("assize serve --demo", "demo", plan.into_writes())
        .await
        .map_err(|e| StartError(e.to_string()))?;
    Server::listen(Arc::new(app), first_start).await
}

/// What to paste into a shell next.
pub(crate) fn instructions(server: &Server, accounts: &Accounts) -> String {
    let base = format!("http://{}{}/json", server.address(), accounts.deployment);
    // Whoever chose a password is not shown it again: the shell has to know it, or says so.
    let administrator = match (&server.first_start.administrator_password, accounts.administrator_given) {
        (Some(made_up), _) => format!("'{made_up}'"),
        (None, true) => "\"${ASSIZE_ADMIN_PASSWORD:?set it in this shell, too}\"".to_owned(),
        (None, false) => "\"${ASSIZE_ADMIN_PASSWORD:?set it to what the first start showed, or start the server with it}\"".to_owned(),
    };
    let demo = &accounts.demo;
    format!(
        r#"
Assize listens on {base} with a sample realm. Paste these lines into another shell:

# Two sessions: the administrator, who may ask for decisions, and a user, about whom they are.
AM={base}
login() {{ curl -s -X POST -H "X-OpenAM-Username: $1" -H "X-OpenAM-Password: $2" $AM/authenticate | sed 's/.*"tokenId":"\([^"]*\)".*/\1/'; }}
USER_TOKEN=$(login demo '{demo}')
ADMIN_TOKEN=$(login amadmin {administrator})
ask() {{ curl -s -X POST -H "iPlanetDirectoryPro: $ADMIN_TOKEN" -H "Content-Type: application/json" -H "Accept-API-Version: resource=2.1" -d "$2" "$AM/realms/root/policies?_action=$1&_prettyPrint=true"; echo; }}

# Allowed (GET), denied (POST), with an attribute; and an advice: authenticate at level 3 first.
ask evaluate '{{"resources":["http://www.example.com/index.html","http://www.example.com/do?action=run"],"subject":{{"ssoToken":"'$USER_TOKEN'"}}}}'

# One advice of each kind.
ask evaluate '{{"resources":["http://www.example.com/advice/auth-level","http://www.example.com/advice/auth-scheme","http://www.example.com/advice/realm","http://www.example.com/advice/service"],"subject":{{"ssoToken":"'$USER_TOKEN'"}}}}'
ask evaluate '{{"resources":["http://www.example.com/advice/ip-level"],"environment":{{"requestIp":["127.0.0.12"]}},"subject":{{"ssoToken":"'$USER_TOKEN'"}}}}'
ask evaluate '{{"resources":["http://www.example.com/advice/ip-service"],"environment":{{"requestIp":["127.0.0.11"]}},"subject":{{"ssoToken":"'$USER_TOKEN'"}}}}'
ask evaluate '{{"resources":["http://www.example.com/advice/session"],"environment":{{"requestSessionCreationTime":["0"]}},"subject":{{"ssoToken":"'$USER_TOKEN'"}}}}'

# A resource and everything beneath it.
ask evaluateTree '{{"resource":"http://site.example.com/","subject":{{"ssoToken":"'$USER_TOKEN'"}}}}'
"#
    )
}
