//! The strings of a JSON text (RFC 8259 §7): borrowed from it where they hold no escape.

use std::borrow::Cow;

use super::Reader;
use super::scan::{quote, special};
use crate::error::Error;

impl<'a> Reader<'a> {
    /// Reads a string that begins at the current quote.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let end = if self.plain {
            quote(bytes)
        } else {
            special(bytes)
        };
        match end.map(|e| (e, bytes.get(e))) {
            Some((end, Some(b'"'))) => {
                self.at = start + end + 1;
                Ok(Cow::Borrowed(
                    self.text.get(start..start + end).unwrap_or_default(),
                ))
            }
            Some((end, Some(b'\\'))) => self.escaped(start, start + end),
            Some((end, _)) => {
                self.at = start + end;
                Err(self.bad("a control character in a string"))
            }
            None => Err(self.bad("a string without an end")),
        }
    }

    fn escaped(&mut self, start: usize, first: usize) -> Result<Cow<'a, str>, Error> {
        let mut out = self.text.get(start..first).unwrap_or_default().to_owned();
        self.at = first;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.push(c);
                }
                Some(0..=0x1f) => return Err(self.bad("a control character in a string")),
                Some(_) => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let run = special(rest.as_bytes()).unwrap_or(rest.len());
                    out.push_str(rest.get(..run).unwrap_or_default());
                    self.at += run;
                }
                None => return Err(self.bad("a string without an end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => {
                self.at -= 1;
                return Err(self.bad("an unknown escape"));
            }
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if !self
                .text
                .get(self.at..)
                .is_some_and(|t| t.starts_with("\\u"))
            {
                return Err(self.bad("half of a surrogate pair"));
            }
            self.at += 2;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.bad("half of a surrogate pair"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.bad("half of a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let digits = self.text.get(self.at..self.at + 4);
        let code = digits
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u32::from_str_radix(d, 16).ok());
        match code {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.bad("an unknown escape")),
        }
    }
}
