//! LDAP filters (RFC 4515) over a user's attributes, for the condition LDAPFilter.
//!
//! There is no schema: every attribute is compared as text that ignores case and superfluous spaces, and an attribute that the user
//! does not have matches nothing.

use core::fmt;

pub mod compare;
mod parse;

/// Longest filter text, in octets.
pub const MAX_LENGTH: usize = 8_192;

/// Deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 32;

/// Most components (leaves and AND, OR, NOT alike) of a filter.
pub const MAX_COMPONENTS: usize = 512;

/// A parsed filter. Attribute descriptions are lower-cased, values are unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `(&…)`; true when empty (RFC 4526).
    And(Vec<Filter>),
    /// `(|…)`; false when empty (RFC 4526).
    Or(Vec<Filter>),
    /// `(!…)`
    Not(Box<Filter>),
    /// `(attribute=value)`
    Equal(Leaf),
    /// `(attribute~=value)`, compared as equality.
    Approx(Leaf),
    /// `(attribute>=value)`
    AtLeast(Leaf),
    /// `(attribute<=value)`
    AtMost(Leaf),
    /// `(attribute=*)`
    Present(String),
    /// `(attribute=initial*any*last)`
    Substring(Substring),
    /// `(attribute:dn:rule:=value)`
    Extensible(Extensible),
}

/// One attribute and the value to compare it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Attribute description.
    pub attribute: String,
    /// Assertion value.
    pub value: String,
}

/// A value with stars in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substring {
    /// Attribute description.
    pub attribute: String,
    /// Text before the first star.
    pub initial: Option<String>,
    /// Texts between stars, none of them empty.
    pub any: Vec<String>,
    /// Text after the last star.
    pub last: Option<String>,
}

/// An extensible match. At least one of `attribute` and `rule` is present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extensible {
    /// Attribute description; without it nothing matches, because no schema tells which attributes the rule applies to.
    pub attribute: Option<String>,
    /// `:dn`: the parts of the entry's name count as well. The facts hold no such parts beyond the attributes.
    pub with_name: bool,
    /// Matching rule, a name or OID, lower-cased; see [`compare::extensible`].
    pub rule: Option<String>,
    /// Assertion value.
    pub value: String,
}

impl Filter {
    /// Reads a filter. Outer blanks are dropped and outer parentheses completed, as AM does with a condition's filter.
    ///
    /// # Errors
    /// What is wrong, with the octet at which it was found; also a bound that is exceeded.
    pub fn parse(text: &str) -> Result<Filter, String> {
        parse::filter(text)
    }

    /// Whether a user has what the filter asks for. `values` gives an attribute's values by its lower-cased description, `None` when
    /// the user lacks it.
    pub fn matches<'v>(&self, values: &dyn Fn(&str) -> Option<&'v [String]>) -> bool {
        let any = |attribute: &str, test: &dyn Fn(&str) -> bool| {
            values(attribute).is_some_and(|values| values.iter().any(|value| test(value)))
        };
        match self {
            Filter::And(parts) => parts.iter().all(|part| part.matches(values)),
            Filter::Or(parts) => parts.iter().any(|part| part.matches(values)),
            Filter::Not(part) => !part.matches(values),
            Filter::Equal(leaf) | Filter::Approx(leaf) => any(&leaf.attribute, &|value| {
                compare::equals(value, &leaf.value)
            }),
            Filter::AtLeast(leaf) => any(&leaf.attribute, &|value| {
                compare::at_least(value, &leaf.value)
            }),
            Filter::AtMost(leaf) => any(&leaf.attribute, &|value| {
                compare::at_most(value, &leaf.value)
            }),
            Filter::Present(attribute) => any(attribute, &|_| true),
            Filter::Substring(parts) => any(&parts.attribute, &|value| {
                let between = parts.any.iter().map(String::as_str);
                compare::substring(
                    parts.initial.as_deref(),
                    between,
                    parts.last.as_deref(),
                    value,
                )
            }),
            Filter::Extensible(parts) => parts.attribute.as_deref().is_some_and(|attribute| {
                any(attribute, &|value| {
                    compare::extensible(parts.rule.as_deref(), value, &parts.value)
                })
            }),
        }
    }
}

/// The string representation of RFC 4515; parsing it gives an equal filter.
impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(parts) => list(out, '&', parts),
            Filter::Or(parts) => list(out, '|', parts),
            Filter::Not(part) => write!(out, "(!{part})"),
            Filter::Equal(leaf) => write!(out, "({}={})", leaf.attribute, Escaped(&leaf.value)),
            Filter::Approx(leaf) => write!(out, "({}~={})", leaf.attribute, Escaped(&leaf.value)),
            Filter::AtLeast(leaf) => write!(out, "({}>={})", leaf.attribute, Escaped(&leaf.value)),
            Filter::AtMost(leaf) => write!(out, "({}<={})", leaf.attribute, Escaped(&leaf.value)),
            Filter::Present(attribute) => write!(out, "({attribute}=*)"),
            Filter::Substring(parts) => {
                write!(
                    out,
                    "({}={}*",
                    parts.attribute,
                    Escaped(parts.initial.as_deref().unwrap_or(""))
                )?;
                for part in &parts.any {
                    write!(out, "{}*", Escaped(part))?;
                }
                write!(out, "{})", Escaped(parts.last.as_deref().unwrap_or("")))
            }
            Filter::Extensible(parts) => {
                write!(out, "({}", parts.attribute.as_deref().unwrap_or(""))?;
                if parts.with_name {
                    write!(out, ":dn")?;
                }
                if let Some(rule) = &parts.rule {
                    write!(out, ":{rule}")?;
                }
                write!(out, ":={})", Escaped(&parts.value))
            }
        }
    }
}

fn list(out: &mut fmt::Formatter<'_>, operator: char, parts: &[Filter]) -> fmt::Result {
    write!(out, "({operator}")?;
    for part in parts {
        write!(out, "{part}")?;
    }
    write!(out, ")")
}

struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '(' | ')' | '*' | '\\' | '\0' => write!(out, "\\{:02x}", u32::from(character))?,
                _ => write!(out, "{character}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
