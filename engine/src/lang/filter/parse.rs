//! The string representation of filters, RFC 4515 §3.

use super::{Extensible, Filter, Leaf, MAX_COMPONENTS, MAX_DEPTH, MAX_LENGTH, Substring};

pub(super) fn filter(text: &str) -> Result<Filter, String> {
    let text = text.trim();
    if text.len() > MAX_LENGTH {
        return Err(format!("a filter is at most {MAX_LENGTH} octets long"));
    }
    if text.is_empty() {
        return Err("a filter must not be empty".to_owned());
    }
    let completed;
    let text = if text.starts_with('(') && text.ends_with(')') {
        text
    } else {
        completed = format!("({text})");
        &completed
    };
    let mut reader = Reader {
        text,
        at: 0,
        components: 0,
    };
    let filter = reader.component(1)?;
    if reader.at < text.len() {
        return Err(reader.fault("nothing may follow the filter"));
    }
    Ok(filter)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    components: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn fault(&self, why: &str) -> String {
        format!("octet {}: {why}", self.at)
    }

    fn component(&mut self, depth: usize) -> Result<Filter, String> {
        self.components += 1;
        if depth > MAX_DEPTH {
            return Err(format!("a filter nests at most {MAX_DEPTH} deep"));
        }
        if self.components > MAX_COMPONENTS {
            return Err(format!("a filter has at most {MAX_COMPONENTS} components"));
        }
        if !self.take('(') {
            return Err(self.fault("`(` is missing"));
        }
        let filter = if self.take('&') {
            Filter::And(self.components(depth)?)
        } else if self.take('|') {
            Filter::Or(self.components(depth)?)
        } else if self.take('!') {
            Filter::Not(Box::new(self.component(depth + 1)?))
        } else {
            self.item()?
        };
        if !self.take(')') {
            return Err(self.fault("`)` is missing"));
        }
        Ok(filter)
    }

    fn components(&mut self, depth: usize) -> Result<Vec<Filter>, String> {
        let mut parts = Vec::new();
        while self.rest().starts_with('(') {
            parts.push(self.component(depth + 1)?);
        }
        Ok(parts)
    }

    /// Everything up to the next parenthesis: values hold them escaped only.
    fn item(&mut self) -> Result<Filter, String> {
        let rest = self.rest();
        let item = rest
            .get(..rest.find(['(', ')']).unwrap_or(rest.len()))
            .unwrap_or("");
        let (left, value) = item
            .split_once('=')
            .ok_or_else(|| self.fault("`=` is missing"))?;
        let filter = if let Some(attribute) = left.strip_suffix('~') {
            Filter::Approx(self.leaf(attribute, value)?)
        } else if let Some(attribute) = left.strip_suffix('>') {
            Filter::AtLeast(self.leaf(attribute, value)?)
        } else if let Some(attribute) = left.strip_suffix('<') {
            Filter::AtMost(self.leaf(attribute, value)?)
        } else if let Some(left) = left.strip_suffix(':') {
            self.extensible(left, value)?
        } else if value == "*" {
            Filter::Present(self.description(left)?)
        } else if value.contains('*') {
            self.substring(left, value)?
        } else {
            Filter::Equal(self.leaf(left, value)?)
        };
        self.at += item.len();
        Ok(filter)
    }

    fn leaf(&self, attribute: &str, value: &str) -> Result<Leaf, String> {
        Ok(Leaf {
            attribute: self.description(attribute)?,
            value: self.value(value)?,
        })
    }

    fn substring(&self, attribute: &str, value: &str) -> Result<Filter, String> {
        let attribute = self.description(attribute)?;
        let mut parts = value
            .split('*')
            .map(|part| self.value(part))
            .collect::<Result<Vec<_>, _>>()?;
        let last = parts.pop().filter(|part| !part.is_empty());
        let mut parts = parts.into_iter();
        let initial = parts.next().filter(|part| !part.is_empty());
        let any: Vec<String> = parts.collect();
        if any.iter().any(String::is_empty) {
            return Err(self.fault("two stars have nothing between them"));
        }
        Ok(Filter::Substring(Substring {
            attribute,
            initial,
            any,
            last,
        }))
    }

    fn extensible(&self, left: &str, value: &str) -> Result<Filter, String> {
        let mut parts = left.split(':').peekable();
        let attribute = match parts.next() {
            Some("") | None => None,
            Some(attribute) => Some(self.description(attribute)?),
        };
        let with_name = parts
            .next_if(|part| part.eq_ignore_ascii_case("dn"))
            .is_some();
        let rule = parts.next().map(|rule| self.identifier(rule)).transpose()?;
        if parts.next().is_some() || attribute.is_none() && rule.is_none() {
            return Err(self.fault("an extensible match reads `attribute:dn:rule:=value`"));
        }
        Ok(Filter::Extensible(Extensible {
            attribute,
            with_name,
            rule,
            value: self.value(value)?,
        }))
    }

    /// An attribute description: a name or OID and options, RFC 4512 §2.5.
    fn description(&self, text: &str) -> Result<String, String> {
        let mut parts = text.split(';');
        let name = self.identifier(parts.next().unwrap_or(""))?;
        if parts.all(|option| {
            !option.is_empty()
                && option
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }) {
            Ok(if name.len() == text.len() {
                name
            } else {
                text.to_ascii_lowercase()
            })
        } else {
            Err(self.fault(&format!("`{text}` is not an attribute description")))
        }
    }

    /// A name or a dotted OID, RFC 4512 §1.4.
    fn identifier(&self, text: &str) -> Result<String, String> {
        let fits = match text.as_bytes() {
            [first, rest @ ..] if first.is_ascii_alphabetic() => rest
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'),
            [_, ..] => text.split('.').all(is_number),
            [] => false,
        };
        if fits {
            Ok(text.to_ascii_lowercase())
        } else {
            Err(self.fault(&format!("`{text}` is not a name or OID")))
        }
    }

    /// Replaces `\XX`; the octets must make up UTF-8, because facts are text.
    fn value(&self, text: &str) -> Result<String, String> {
        let mut octets = Vec::with_capacity(text.len());
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            octets.push(match byte {
                b'\\' => {
                    let high = bytes.next().and_then(hex);
                    let low = bytes.next().and_then(hex);
                    let (high, low) = high
                        .zip(low)
                        .ok_or_else(|| self.fault("`\\` needs two hexadecimal digits"))?;
                    high << 4 | low
                }
                0 | b'*' => return Err(self.fault("a null character or star must be escaped here")),
                _ => byte,
            });
        }
        String::from_utf8(octets).map_err(|_| self.fault("a value is not UTF-8"))
    }
}

fn is_number(text: &str) -> bool {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain && (text.len() == 1 || !text.starts_with('0'))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
