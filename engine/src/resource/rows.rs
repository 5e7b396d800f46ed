//! The rows of an evaluateTree answer, held against single names by whoever keeps the answer.

use super::name::Name;
use super::pattern::Pattern;
use super::{NameError, canonical, fold};

/// The rows of a tree: a decision for a name at or beneath the root is the combination of the rows that cover it
/// (DESIGN ruling B24).
#[derive(Debug)]
pub struct TreeRows {
    root: Name<'static>,
    /// None: the root has more wildcards than any pattern, so that no policy is filed under it.
    rows: Vec<Option<Pattern>>,
}

/// Why a text is not a row's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowError {
    /// It is not a resource name.
    Name(NameError),
    /// It has more wildcards in one part than any policy may have.
    TooManyWildcards,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::TooManyWildcards => write!(
                f,
                "more than {} wildcards in one part",
                crate::limits::MAX_WILDCARDS
            ),
        }
    }
}

impl TreeRows {
    /// The tree of a root, whose own row is the first: it holds the policies whose pattern is the root itself,
    /// wildcards and all.
    ///
    /// # Errors
    /// The root is not a resource name.
    pub fn new(root: &str) -> Result<Self, NameError> {
        let own = Pattern::new(&fold(&canonical(root)?));
        Ok(Self {
            root: Name::parse(root)?.into_owned(),
            rows: vec![own],
        })
    }

    /// Adds the next row, by the pattern that the answer shows.
    ///
    /// # Errors
    /// The text is no pattern.
    pub fn add(&mut self, pattern: &str) -> Result<(), RowError> {
        let canonical = canonical(pattern).map_err(RowError::Name)?;
        let row = Pattern::new(&fold(&canonical)).ok_or(RowError::TooManyWildcards)?;
        self.rows.push(Some(row));
        Ok(())
    }

    /// The places of the rows that cover a name; `None` where the name is not at or beneath the root.
    ///
    /// # Errors
    /// The text is not a resource name.
    pub fn covering(&self, name: &str) -> Result<Option<Vec<u32>>, NameError> {
        let name = Name::parse(name)?;
        if !name.is_at_or_beneath(&self.root) {
            return Ok(None);
        }
        let covers = |row: &Option<Pattern>| row.as_ref().is_some_and(|row| row.covers(&name));
        let covering = (0..).zip(&self.rows).filter(|(_, row)| covers(row));
        Ok(Some(covering.map(|(place, _)| place).collect()))
    }
}
