//! Rules of the ResourceEnvIP condition: `IF name=value THEN name=value` (conditions §2.13, rulings C3, C9 and C12).

use super::address::{self, Address, Range};
use crate::resource::fold::same;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Environment key that the rule looks at, case-sensitive.
    pub name: String,
    /// Text that one of the key's values must equal, ignoring case.
    pub value: String,
    /// What to compare `requestIp` with when the key was not sent: present when the value is an IP expression in brackets.
    pub addresses: Option<Vec<Range>>,
    /// What the rule asks of the subject.
    pub then: Then,
    /// Value that it asks for, which is also the advice's value.
    pub then_value: String,
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// `module=`: an authentication scheme.
    Module,
    /// `service=`: a chain or tree.
    Service,
    /// `authlevel=`: a level, perhaps `realm:n`; [`auth_level`] reads it.
    AuthLevel,
    /// `role=`: a value of the session's `Role`.
    Role,
    /// `user=`: a value of the session's `UserToken`.
    User,
    /// `redirectURL=`: authentication by federation.
    RedirectUrl,
    /// `realm=` or `org=`: a realm authenticated to.
    Realm,
}

impl Then {
    const NAMES: [(&'static str, Then); 8] = [
        ("module", Then::Module),
        ("service", Then::Service),
        ("authlevel", Then::AuthLevel),
        ("role", Then::Role),
        ("user", Then::User),
        ("redirecturl", Then::RedirectUrl),
        ("realm", Then::Realm),
        ("org", Then::Realm),
    ];

    const ALL: [Then; 7] = [
        Then::Module,
        Then::Service,
        Then::AuthLevel,
        Then::Role,
        Then::User,
        Then::RedirectUrl,
        Then::Realm,
    ];

    /// A number that [`Then::from_word`] reads back.
    pub fn to_word(self) -> u32 {
        Then::ALL
            .iter()
            .position(|then| *then == self)
            .unwrap_or_default() as u32
    }

    /// Reads a stored number.
    pub fn from_word(word: u32) -> Option<Then> {
        Then::ALL.get(word as usize).copied()
    }

    /// Name of the advice that a rule which is not met reports.
    pub fn advice(self) -> &'static str {
        match self {
            Then::Module => "AuthSchemeConditionAdvice",
            Then::Service => "AuthenticateToServiceConditionAdvice",
            Then::AuthLevel => "AuthLevelConditionAdvice",
            Then::Role => "AuthRoleConditionAdvice",
            Then::User => "AuthUserConditionAdvice",
            Then::RedirectUrl => "AuthRedirectionConditionAdvice",
            Then::Realm => "AuthenticateToRealmConditionAdvice",
        }
    }
}

impl Rule {
    /// Reads a rule. Key words and the name after THEN ignore case; blanks may stand between the parts, not inside a value.
    ///
    /// # Errors
    /// Why the text is no rule, or one that can never be met: an unknown name after THEN, a level that is no number, `IP=` with
    /// anything but an IP expression in brackets.
    pub fn parse(text: &str) -> Result<Rule, String> {
        let mut end = text.len();
        // Blanks around THEN are optional and a value may contain the letters, so the last THEN that leaves two clauses counts.
        while let Some(at) = last_then(text, end) {
            let clauses = (
                text.get(..at).and_then(if_clause),
                text.get(at + 4..).and_then(clause),
            );
            if let (Some((name, value)), Some((then, then_value))) = clauses {
                return Rule::of_clauses(name, value, then, then_value);
            }
            end = at + 3;
        }
        Err("a rule reads `IF name=value THEN name=value`".to_owned())
    }

    fn of_clauses(
        name: &str,
        value: &str,
        then_name: &str,
        then_value: &str,
    ) -> Result<Rule, String> {
        let then = Then::NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(then_name))
            .map(|&(_, then)| then)
            .ok_or_else(|| format!("`{then_name}` after THEN is none of module, service, authlevel, role, user, redirectURL, realm, org"))?;
        if then == Then::AuthLevel && auth_level(then_value).is_none() {
            return Err(format!(
                "authlevel needs a whole number, not `{then_value}`"
            ));
        }
        let addresses = match bracketed(value).map(address::expression) {
            Some(Ok(ranges)) => Some(ranges),
            // Under another name the text can still equal a value of that environment key.
            Some(Err(why)) if name.eq_ignore_ascii_case("ip") => return Err(why),
            None if name.eq_ignore_ascii_case("ip") => {
                return Err(format!(
                    "IP needs an address expression in brackets, not `{value}`"
                ));
            }
            Some(Err(_)) | None => None,
        };
        Ok(Rule {
            name: name.to_owned(),
            value: value.to_owned(),
            addresses,
            then,
            then_value: then_value.to_owned(),
        })
    }
}

/// Splits the value of `authlevel=` into an optional realm and the level: `3`, `/sub:3`. `None` when the level is no whole number.
pub fn auth_level(text: &str) -> Option<(Option<&str>, i32)> {
    match text.split_once(':') {
        Some((realm, level)) => Some((Some(realm.trim()), level.trim().parse().ok()?)),
        None => Some((None, text.parse().ok()?)),
    }
}

/// How one rule stands towards a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A value of the named environment key equals the rule's.
    Named,
    /// The address is in the rule's ranges.
    Address,
    /// Neither.
    Apart,
}

/// How a rule stands. `values` are those of the rule's environment key (none: absent or empty); `ip` is the address to compare
/// when it was not sent: `requestIp`, the session's client address when `requestIp` is an empty list, `None` when there is none or it
/// is not an address.
pub fn standing<'v>(
    value: &str,
    ranges: &[Range],
    values: impl IntoIterator<Item = &'v str>,
    ip: Option<&Address>,
) -> Standing {
    let mut sent = false;
    for candidate in values {
        sent = true;
        if same(candidate, value) {
            return Standing::Named;
        }
    }
    match ip {
        Some(ip) if !sent && ranges.iter().any(|range| range.contains(ip)) => Standing::Address,
        _ => Standing::Apart,
    }
}

/// Index of the rule that applies, from the standings in list order: the first whose address range holds ends the search; before it
/// a later named match replaces an earlier one. `None` when no rule applies, which fails without advice.
///
/// AM walks its rules so, but in hash order; the list's order is ruled (C3).
pub fn choose(standings: impl IntoIterator<Item = Standing>) -> Option<usize> {
    let mut chosen = None;
    for (index, standing) in standings.into_iter().enumerate() {
        match standing {
            Standing::Address => return Some(index),
            Standing::Named => chosen = Some(index),
            Standing::Apart => {}
        }
    }
    chosen
}

fn last_then(text: &str, end: usize) -> Option<usize> {
    let bytes = text.as_bytes().get(..end)?;
    bytes
        .windows(4)
        .rposition(|window| window.eq_ignore_ascii_case(b"then"))
}

fn if_clause(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(is_blank);
    let keyword = text.get(..2)?;
    if keyword.eq_ignore_ascii_case("if") {
        clause(text.get(2..)?)
    } else {
        None
    }
}

fn clause(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim_matches(is_blank), value.trim_matches(is_blank));
    let named = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let valued = !value.is_empty() && !value.contains(is_blank);
    (named && valued).then_some((name, value))
}

fn bracketed(value: &str) -> Option<&str> {
    value.strip_prefix('[')?.strip_suffix(']')
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r')
}

#[cfg(test)]
mod tests;
