//! What people call a client, a role or a role mapping, and what a mapping looks for: one rule for every API.

use std::ops::Deref;

use serde::Serialize;

use crate::limits::{CLIENT_NAME_CHARACTERS, MAPPING_VALUE_CHARACTERS};
use crate::naming::is_invisible;

/// A name: not blank, no blanks around it, no characters that nobody sees, not too long.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Name(String);

/// Why a text is no name, or nothing that a mapping looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFault {
    Blank,
    Invisible,
    /// It has more characters than this.
    TooLong(usize),
}

/// What a role mapping looks for: a `sub`, a role or a group. Blanks around it do not count.
///
/// # Errors
/// [`NameFault`]
pub(crate) fn mapping_value(text: &str) -> Result<String, NameFault> {
    checked(text, MAPPING_VALUE_CHARACTERS).map(str::to_owned)
}

fn checked(text: &str, most: usize) -> Result<&str, NameFault> {
    let text = text.trim();
    if text.is_empty() {
        Err(NameFault::Blank)
    } else if text.chars().any(is_invisible) {
        Err(NameFault::Invisible)
    } else if text.chars().count() > most {
        Err(NameFault::TooLong(most))
    } else {
        Ok(text)
    }
}

impl Name {
    /// Blanks around it do not count.
    ///
    /// # Errors
    /// [`NameFault`]
    pub(crate) fn parse(text: &str) -> Result<Name, NameFault> {
        checked(text, CLIENT_NAME_CHARACTERS).map(Name::known)
    }

    /// A name that was checked when it was stored, or is made here.
    pub(crate) fn known(text: impl Into<String>) -> Name {
        Name(text.into())
    }

    /// As names are compared: without regard to case.
    pub(crate) fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for NameFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NameFault::Blank => f.write_str("must not be blank"),
            NameFault::Invisible => {
                f.write_str("must not hold control characters or others that nobody sees")
            }
            NameFault::TooLong(most) => write!(f, "has more than {most} characters"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_for_people() {
        assert_eq!(Name::parse("  Café 1 ").as_deref(), Ok("Café 1"));
        let most = "ü".repeat(CLIENT_NAME_CHARACTERS);
        assert_eq!(Name::parse(&most).as_deref(), Ok(most.as_str()));
        for (text, fault) in [
            (" \t ", NameFault::Blank),
            ("a\u{7}b", NameFault::Invisible),
            ("a\u{200b}b", NameFault::Invisible),
            (
                &format!("{most}x"),
                NameFault::TooLong(CLIENT_NAME_CHARACTERS),
            ),
        ] {
            assert_eq!(Name::parse(text), Err(fault), "{text:?}");
        }
        assert_eq!(mapping_value(&format!(" {most}x ")), Ok(format!("{most}x")));
        let fault = NameFault::TooLong(MAPPING_VALUE_CHARACTERS);
        assert_eq!(mapping_value(&most.repeat(6)), Err(fault));
    }
}
