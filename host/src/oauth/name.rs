//! What people call a client, a role or a role mapping.

use std::ops::Deref;

use serde::Serialize;

use crate::limits::CLIENT_NAME_CHARACTERS;

/// A name: not blank, no blanks around it, no control characters, not too long.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Name(String);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFault {
    Blank,
    ControlCharacter,
    TooLong,
}

impl Name {
    /// Blanks around it do not count.
    ///
    /// # Errors
    /// [`NameFault`]
    pub(crate) fn parse(text: &str) -> Result<Name, NameFault> {
        let name = text.trim();
        if name.is_empty() {
            Err(NameFault::Blank)
        } else if name.chars().any(char::is_control) {
            Err(NameFault::ControlCharacter)
        } else if name.chars().count() > CLIENT_NAME_CHARACTERS {
            Err(NameFault::TooLong)
        } else {
            Ok(Name(name.to_owned()))
        }
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

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl std::fmt::Display for NameFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NameFault::Blank | NameFault::ControlCharacter => {
                f.write_str("must be text without control characters")
            }
            NameFault::TooLong => write!(f, "has more than {CLIENT_NAME_CHARACTERS} characters"),
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
            ("a\u{7}b", NameFault::ControlCharacter),
            (&format!("{most}x"), NameFault::TooLong),
        ] {
            assert_eq!(Name::parse(text), Err(fault), "{text:?}");
        }
    }
}
