//! JSON as requests and answers need it: a pull reader that borrows what it can, and the writing of texts.
//!
//! Requests are read once, in order, straight into their final form: building a value tree first
//! would cost more than the decision. Numbers are never turned into floating point.

mod scan;
mod string;
mod write;

use std::borrow::Cow;

use crate::error::{Error, ErrorCode};
use crate::limits::MAX_JSON_DEPTH;
use scan::is_plain;
#[cfg(test)]
pub(super) use scan::special;
pub use write::write_text;

/// The kind of the next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    Text,
    /// A number of any form.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Whether there is no backslash and no control character: a string ends at the next quote.
    plain: bool,
}

impl<'a> Reader<'a> {
    /// Begins at the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            plain: is_plain(text.as_bytes()),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn bad(&self, what: &str) -> Error {
        Error::new(
            ErrorCode::BadJson,
            format!("not valid JSON: {what} at byte {}", self.at),
        )
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        if self.byte() != Some(byte) {
            self.skip_blanks();
            if self.byte() != Some(byte) {
                return false;
            }
        }
        self.at += 1;
        true
    }

    /// Looks at the next value without reading it.
    ///
    /// # Errors
    /// `badJson`: no value begins here.
    pub fn kind(&mut self) -> Result<Kind, Error> {
        self.skip_blanks();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::Text),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(_) => Err(self.bad("unexpected character")),
            None => Err(self.bad("unexpected end")),
        }
    }

    /// Stands at a value of the wanted kind, which begins with `first`.
    fn open(&mut self, first: u8, wanted: Kind, name: &str) -> Result<(), Error> {
        if self.byte() == Some(first) {
            return Ok(());
        }
        self.expect(wanted, name)
    }

    fn expect(&mut self, wanted: Kind, name: &str) -> Result<(), Error> {
        let kind = self.kind()?;
        if kind == wanted {
            Ok(())
        } else {
            Err(wrong_type(name))
        }
    }

    /// Reads an object, giving each member's name to `member`, which reads its value.
    ///
    /// # Errors
    /// `badJson`; `badRequest` where another value comes next; `limitExceeded` where it is nested too
    /// deep; the errors of `member`.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open(b'{', Kind::Object, "an object")?;
        self.enter()?;
        if !self.next_is(b'}') {
            loop {
                if self.byte() != Some(b'"') {
                    self.skip_blanks();
                    if self.byte() != Some(b'"') {
                        return Err(self.bad("expected a member name"));
                    }
                }
                let name = self.string()?;
                if !self.next_is(b':') {
                    return Err(self.bad("expected `:`"));
                }
                member(self, name)?;
                if self.next_is(b',') {
                    continue;
                }
                if self.next_is(b'}') {
                    break;
                }
                return Err(self.bad("expected `,` or `}`"));
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array, giving the number of each item to `item`, which reads it.
    ///
    /// # Errors
    /// As [`Reader::object`].
    pub fn array(
        &mut self,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.open(b'[', Kind::Array, "an array")?;
        self.enter()?;
        if !self.next_is(b']') {
            let mut index = 0;
            loop {
                item(self, index)?;
                index += 1;
                if self.next_is(b',') {
                    continue;
                }
                if self.next_is(b']') {
                    break;
                }
                return Err(self.bad("expected `,` or `]`"));
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Whether an empty array comes next, which is then read.
    pub(crate) fn is_empty_array(&mut self) -> bool {
        self.next_is(b'[') && self.next_is(b']')
    }

    /// Steps over the opening bracket.
    fn enter(&mut self) -> Result<(), Error> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_JSON_DEPTH {
            return Err(Error::new(
                ErrorCode::LimitExceeded,
                format!("JSON is nested more than {MAX_JSON_DEPTH} deep"),
            ));
        }
        Ok(())
    }

    /// Reads a text.
    ///
    /// # Errors
    /// `badJson`; `badRequest` where another value comes next.
    pub fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        self.open(b'"', Kind::Text, "a string")?;
        self.string()
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn boolean(&mut self) -> Result<bool, Error> {
        self.expect(Kind::Bool, "a boolean")?;
        if self.byte() == Some(b't') {
            self.word("true").map(|()| true)
        } else {
            self.word("false").map(|()| false)
        }
    }

    /// Reads a whole number of 64 bits.
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn integer(&mut self) -> Result<i64, Error> {
        self.expect(Kind::Number, "a whole number")?;
        let number = self.number()?;
        number.parse().map_err(|_| wrong_type("a whole number"))
    }

    /// Whether the next value is `null`, which is then read.
    ///
    /// # Errors
    /// `badJson`.
    pub fn null(&mut self) -> Result<bool, Error> {
        if self.kind()? != Kind::Null {
            return Ok(false);
        }
        self.word("null").map(|()| true)
    }

    /// Reads over any value, checking that it is JSON.
    ///
    /// # Errors
    /// `badJson`; `limitExceeded` where it is nested too deep.
    pub fn skip(&mut self) -> Result<(), Error> {
        match self.kind()? {
            Kind::Object => self.object(|reader, _| reader.skip()),
            Kind::Array => self.array(|reader, _| reader.skip()),
            Kind::Text => self.string().map(|_| ()),
            Kind::Number => self.number().map(|_| ()),
            Kind::Bool => self.boolean().map(|_| ()),
            Kind::Null => self.word("null"),
        }
    }

    /// Checks that nothing but blanks follows the value.
    ///
    /// # Errors
    /// `badJson`.
    pub fn end(&mut self) -> Result<(), Error> {
        self.skip_blanks();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.bad("trailing data"))
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Error> {
        let found = self
            .text
            .get(self.at..)
            .is_some_and(|t| t.starts_with(word));
        if !found {
            return Err(self.bad("unexpected character"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<&'a str, Error> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let zero = self.byte() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || (zero && digits > 1) {
            return Err(self.bad("not a number"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.bad("not a number"));
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.bad("not a number"));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }
}

/// The error for a value of another type than `wanted`.
pub(crate) fn wrong_type(wanted: &str) -> Error {
    Error::new(ErrorCode::BadRequest, format!("must be {wanted}"))
}
