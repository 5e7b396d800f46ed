//! What the configuration says about tokens, in the units that the code counts in.

use super::external::ExternalSettings;
use super::scope::AudienceNames;
use crate::clock::Millis;
use crate::config::Config;
use crate::keys::Purpose;

/// Settings of the token service; what each means is said in `config/default.toml`.
#[derive(Clone, Debug)]
pub(crate) struct OauthSettings {
    pub(crate) public_url: String,
    pub(crate) audience_names: AudienceNames,
    pub(crate) token_seconds: u32,
    pub(crate) user_token_seconds: u32,
    pub(crate) refresh_ms: Millis,
    pub(crate) refresh_grace_ms: Millis,
    /// Whether users' passwords may be exchanged for tokens (the JSON endpoint of seed 004 only).
    pub(crate) password_grant: bool,
    /// Whose keys sign access tokens.
    pub(crate) signing: Purpose,
    pub(crate) failures_per_address: u32,
    pub(crate) failures_per_client: u32,
    pub(crate) external: Option<ExternalSettings>,
}

impl OauthSettings {
    pub(crate) fn of(config: &Config) -> Self {
        const HOUR: Millis = 3_600_000;
        let external = (!config.external_issuer.is_empty()).then(|| ExternalSettings {
            authority: config.external_issuer.clone(),
            audience_names: AudienceNames {
                management: config.external_issuer_management_audience.clone(),
                runtime: config.external_issuer_runtime_audience.clone(),
            },
            token_types: config
                .external_issuer_token_types
                .iter()
                .map(|typ| typ.to_ascii_lowercase())
                .collect(),
            names_clients: config.external_issuer_clients,
        });
        OauthSettings {
            public_url: config.public_url.clone(),
            audience_names: AudienceNames {
                management: config.management_audience.clone(),
                runtime: config.runtime_audience.clone(),
            },
            token_seconds: config.token_seconds,
            user_token_seconds: config.user_token_seconds,
            refresh_ms: i64::from(config.refresh_token_hours) * HOUR,
            refresh_grace_ms: i64::from(config.refresh_grace_seconds) * 1000,
            password_grant: config.password_grant,
            signing: match config.token_algorithm.as_str() {
                "ES256" => Purpose::TokensEs256,
                _ => Purpose::TokensRs256,
            },
            failures_per_address: config.failures_per_address,
            failures_per_client: config.failures_per_client,
            external,
        }
    }
}
