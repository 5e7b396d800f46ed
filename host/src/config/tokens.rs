//! What no single key of the token settings can say.

use super::{Config, ConfigError};
use crate::limits::{ACCESS_TOKEN_SECONDS, USER_TOKEN_SECONDS};

impl Config {
    /// Refuses combinations that would make an insecure or useless token service.
    pub(super) fn check_tokens(&self) -> Result<(), ConfigError> {
        let refuse = |key: &'static str, why: String| Err(ConfigError::Value { key, why });
        let scope_token = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        for (key, name) in [
            ("management_audience", &self.management_audience),
            ("runtime_audience", &self.runtime_audience),
            (
                "external_issuer_management_audience",
                &self.external_issuer_management_audience,
            ),
            (
                "external_issuer_runtime_audience",
                &self.external_issuer_runtime_audience,
            ),
        ] {
            if !scope_token(name) {
                return refuse(
                    key,
                    format!("{name:?} is no scope: visible ASCII characters but \" and \\ only"),
                );
            }
        }
        for (key, one, other) in [
            (
                "runtime_audience",
                &self.management_audience,
                &self.runtime_audience,
            ),
            (
                "external_issuer_runtime_audience",
                &self.external_issuer_management_audience,
                &self.external_issuer_runtime_audience,
            ),
        ] {
            if one == other {
                return refuse(
                    key,
                    "must differ from the management audience: tokens for one would be good for the other".into(),
                );
            }
        }
        for (key, seconds, most) in [
            ("token_seconds", self.token_seconds, ACCESS_TOKEN_SECONDS),
            (
                "user_token_seconds",
                self.user_token_seconds,
                USER_TOKEN_SECONDS,
            ),
            ("refresh_token_hours", self.refresh_token_hours, 24 * 365),
        ] {
            if seconds == 0 || seconds > most {
                return refuse(key, format!("must be between 1 and {most}"));
            }
        }
        if self.refresh_grace_seconds > 300 {
            return refuse("refresh_grace_seconds", "must be at most 300".into());
        }
        if !["RS256", "ES256"].contains(&self.token_algorithm.as_str()) {
            return refuse(
                "token_algorithm",
                format!("{:?} is neither RS256 nor ES256", self.token_algorithm),
            );
        }
        let base = |url: &str| {
            let rest = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| {
                !rest.is_empty()
                    && rest
                        .bytes()
                        .all(|b| b.is_ascii_graphic() && !b"?#\"<>\\^`{|}@".contains(&b))
            })
        };
        for (key, url) in [
            ("public_url", &self.public_url),
            ("external_issuer", &self.external_issuer),
        ] {
            if !url.is_empty() && !base(url) {
                return refuse(
                    key,
                    format!(
                        "{url:?} is not a URL such as \"https://pdp.example.org\", without query and fragment"
                    ),
                );
            }
        }
        Ok(())
    }
}
