//! A pull reader for JSON that borrows what it can.
//!
//! Requests are read once, in order, straight into their final form: building a value tree first
//! would cost more than the decision. Numbers are never turned into floating point.

use std::borrow::Cow;

use crate::error::{Error, ErrorCode};
use crate::limits::MAX_JSON_DEPTH;

/// The kind of the next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
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
        self.skip_blanks();
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Looks at the next value without reading it.
    pub(crate) fn kind(&mut self) -> Result<Kind, Error> {
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

    fn expect(&mut self, wanted: Kind, name: &str) -> Result<(), Error> {
        let kind = self.kind()?;
        if kind == wanted {
            Ok(())
        } else {
            Err(wrong_type(name))
        }
    }

    /// Reads an object, giving each member's name and then its value to `member`.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.expect(Kind::Object, "an object")?;
        self.enter()?;
        if !self.next_is(b'}') {
            loop {
                self.skip_blanks();
                if self.byte() != Some(b'"') {
                    return Err(self.bad("expected a member name"));
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
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.expect(Kind::Array, "an array")?;
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
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, Error> {
        self.expect(Kind::Text, "a string")?;
        self.string()
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, Error> {
        self.expect(Kind::Bool, "a boolean")?;
        if self.byte() == Some(b't') {
            self.word("true").map(|()| true)
        } else {
            self.word("false").map(|()| false)
        }
    }

    /// Reads a whole number.
    pub(crate) fn integer(&mut self) -> Result<i64, Error> {
        self.expect(Kind::Number, "a whole number")?;
        let number = self.number()?;
        number.parse().map_err(|_| wrong_type("a whole number"))
    }

    /// Whether the next value is `null`, which is then read.
    pub(crate) fn null(&mut self) -> Result<bool, Error> {
        if self.kind()? != Kind::Null {
            return Ok(false);
        }
        self.word("null").map(|()| true)
    }

    /// Reads over any value, checking that it is JSON.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        match self.kind()? {
            Kind::Object => self.object(|reader, _| reader.skip()),
            Kind::Array => self.array(|reader, _| reader.skip()),
            Kind::Text => self.string().map(|_| ()),
            Kind::Number => self.number().map(|_| ()),
            Kind::Bool => self.boolean().map(|_| ()),
            Kind::Null => self.word("null"),
        }
    }

    /// Nothing but blanks may follow the value.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
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

    /// Reads a string that begins at the current quote.
    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let end = special(bytes);
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

/// Where a quote, a backslash or a control character comes first. Looks at eight bytes at once:
/// most of a request is plain text between quotes.
pub(crate) fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        let quote = zero_byte(word ^ ONES.wrapping_mul(u64::from(b'"')));
        let backslash = zero_byte(word ^ ONES.wrapping_mul(u64::from(b'\\')));
        let control = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            // Only the lowest mark is exact: a borrow may mark bytes above it.
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|&b| b == b'"' || b == b'\\' || b < 0x20)
        .map(|found| at + found)
}

/// The error for a value of another type than `wanted`.
pub(crate) fn wrong_type(wanted: &str) -> Error {
    Error::new(ErrorCode::BadRequest, format!("must be {wanted}"))
}
