//! `assize tokens`: the settings that Pexip's API keeps in the store, also while a server runs on it. Who has switched
//! passwords off and has no token left that could switch them on again does it here.

use clap::Args;
use serde_json::json;

use super::{Common, Failure, print, runtime};
use crate::clock;
use crate::limits::{ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_SECONDS_MINIMUM};
use crate::oauth::audit;
use crate::oauth::registry::TokenSettings;
use crate::serve::open_store;

/// Who a change by this command is said to be made by.
const AUTHOR: &str = "assize tokens";

#[derive(Args)]
pub(super) struct Tokens {
    #[command(flatten)]
    common: Common,
    /// Whether users' passwords are refused on the management APIs: true or false
    #[arg(long, value_name = "BOOL")]
    disable_basic: Option<bool>,
    /// Whether clients may change the authentication configuration where their role permits it: true or false
    #[arg(long, value_name = "BOOL")]
    allow_all_perms: Option<bool>,
    /// Life of the access tokens of /oauth/token/ in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(i64::from(ACCESS_TOKEN_SECONDS_MINIMUM)..=i64::from(ACCESS_TOKEN_SECONDS)))]
    expiration: Option<u32>,
}

impl Tokens {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load()?;
        runtime(config.workers)?.block_on(async {
            let store = open_store(&config).await?;
            let (before, there) = TokenSettings::stored(store.as_ref()).await?;
            let after = TokenSettings {
                expiration: self.expiration.or(before.expiration),
                disable_basic: self.disable_basic.unwrap_or(before.disable_basic),
                allow_all_permissions: self.allow_all_perms.unwrap_or(before.allow_all_permissions),
            };
            if after != before {
                let writes = after.in_place_of(there);
                store
                    .apply(AUTHOR, clock::now(), "authentication changed", &writes)
                    .await?;
                audit::administered("authentication.changed", AUTHOR, "1");
            }
            let shown = json!({
                "api_oauth2_expiration": after.expiration.unwrap_or(config.token_seconds),
                "api_oauth2_disable_basic": after.disable_basic,
                "api_oauth2_allow_all_perms": after.allow_all_permissions,
            });
            print(&format!("{shown:#}\n"))
        })
    }
}
