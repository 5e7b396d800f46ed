//! Numbers and texts in the order in which they are read again: a lowered policy takes two allocations, however many
//! conditions it has. A realm keeps all of its policies so, and linking reads them from one end to the other.

/// What a [`Packer`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    numbers: Box<[u32]>,
    texts: Box<str>,
}

impl Packed {
    pub(super) fn read(&self) -> Unpacker<'_> {
        Unpacker {
            numbers: &self.numbers,
            texts: &self.texts,
        }
    }
}

#[derive(Default)]
pub(super) struct Packer {
    numbers: Vec<u32>,
    texts: String,
}

impl Packer {
    pub(super) fn number(&mut self, number: u32) {
        self.numbers.push(number);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.texts.push_str(text);
    }

    pub(super) fn finish(self) -> Packed {
        Packed {
            numbers: self.numbers.into_boxed_slice(),
            texts: self.texts.into_boxed_str(),
        }
    }
}

/// Reads what was packed, in the same order. Who reads more than was written gets zeros and empty texts.
#[derive(Clone, Copy)]
pub(super) struct Unpacker<'a> {
    numbers: &'a [u32],
    texts: &'a str,
}

impl<'a> Unpacker<'a> {
    pub(super) fn number(&mut self) -> u32 {
        match self.numbers.split_first() {
            Some((number, rest)) => {
                self.numbers = rest;
                *number
            }
            None => 0,
        }
    }

    pub(super) fn text(&mut self) -> &'a str {
        let length = self.number() as usize;
        let (text, rest) = self.texts.split_at_checked(length).unwrap_or_default();
        self.texts = rest;
        text
    }
}
