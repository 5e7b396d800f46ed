//! What follows a command's name: `--name value` pairs and plain words.

/// Words not yet looked at.
pub(crate) struct Options {
    words: Vec<String>,
}

impl Options {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Options {
        Options {
            words: words.collect(),
        }
    }

    /// Takes the number that follows `--name`, if there is one.
    ///
    /// # Errors
    /// Nothing follows it, or something that is no whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, String> {
        let Some(at) = self.words.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.words.remove(at);
        if at == self.words.len() {
            return Err(format!("{name} needs a number"));
        }
        let value = self.words.remove(at);
        value
            .parse()
            .map(Some)
            .map_err(|_| format!("{name} {value}: not a whole number"))
    }

    /// What is left, all of it plain words.
    ///
    /// # Errors
    /// There is an option among them that nobody has taken.
    pub(crate) fn words(self) -> Result<Vec<String>, String> {
        match self.words.iter().find(|word| word.starts_with('-')) {
            Some(unknown) => Err(format!("unknown option {unknown}")),
            None => Ok(self.words),
        }
    }

    /// Refuses anything that is left.
    ///
    /// # Errors
    /// Something is left.
    pub(crate) fn none_left(self) -> Result<(), String> {
        match self.words.first() {
            Some(word) => Err(format!("unexpected argument {word}")),
            None => Ok(()),
        }
    }
}
