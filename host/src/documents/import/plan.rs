//! What an import would do: the writes, what each is from, and what is to be said about them.

use std::collections::{BTreeMap, HashMap};

use assize_engine::Fault;

use super::Whole;
use crate::realm::RealmPath;
use crate::store::{Draft, Expect, Kind, Object, Write};

/// Something wrong with an object of a document.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Name of the file.
    pub(crate) file: String,
    /// JSON pointer into it.
    pub(crate) path: String,
    pub(crate) message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        write!(f, "{}: {path}: {}", self.file, self.message)
    }
}

/// What an import would write, and what is to be said about it.
#[derive(Default)]
pub(crate) struct Plan {
    /// That stored documents are as they were read: policy sets and resource types that the objects were checked against,
    /// and those of which something is carried over.
    pub(super) required: Vec<Write>,
    /// What a restored realm holds and its export does not. It goes first, so that its names are free.
    pub(super) removals: Vec<Write>,
    pub(super) writes: Vec<Write>,
    /// Objects written, by realm and kind.
    pub(crate) counts: BTreeMap<(String, &'static str), usize>,
    /// What keeps objects from being imported.
    pub(crate) errors: Vec<Problem>,
    /// What is imported though it will not do what it says.
    pub(crate) warnings: Vec<Problem>,
    /// The highest revision that a restored export shows; 0 where there is none.
    pub(crate) exported: u64,
    planned: HashMap<Id, Planned>,
    /// Second names taken, and by which key.
    names: HashMap<Id, String>,
}

/// Kind, realm, and a key or second name.
type Id = (Kind, String, String);

/// A document that the plan writes, and where it was read.
struct Planned {
    file: String,
    path: String,
    at: usize,
}

impl Plan {
    /// All writes, in the order in which they are to be made; none where there is nothing to import.
    pub(crate) fn into_writes(self) -> Vec<Write> {
        let changes: Vec<Write> = self.removals.into_iter().chain(self.writes).collect();
        if changes.is_empty() {
            return changes;
        }
        self.required.into_iter().chain(changes).collect()
    }

    /// Whether a document is written by this plan.
    pub(super) fn puts(&self, kind: Kind, realm: &str, key: &str) -> bool {
        let id = (kind, realm.to_owned(), key.to_owned());
        self.planned.contains_key(&id)
    }

    /// The second name that the plan gives to a document.
    pub(super) fn second_name(&self, kind: Kind, realm: &str, key: &str) -> Option<&str> {
        let planned = self
            .planned
            .get(&(kind, realm.to_owned(), key.to_owned()))?;
        match self.writes.get(planned.at)? {
            Write::Put(_, draft) => Some(&draft.name_key),
            _ => None,
        }
    }

    /// What a new realm begins with; its documents may be put again by whatever is imported.
    pub(super) fn begin(&mut self, writes: Vec<Write>) {
        for write in &writes {
            if let Write::Put(_, draft) = write {
                self.names.insert(second_id(draft), draft.key.clone());
            }
        }
        self.writes.extend(writes);
    }
}

fn second_id(draft: &Draft) -> Id {
    (draft.kind, draft.realm.clone(), draft.name_key.clone())
}

/// One document while it is being planned.
pub(super) struct Context<'p> {
    pub(super) file: &'p str,
    pub(super) realm: RealmPath,
    pub(super) key: String,
    pub(super) plan: &'p mut Plan,
    /// Whether it is a whole export that is restored.
    pub(super) whole: Option<Whole>,
    /// Second names that the realm's stored documents have, and their keys: of kinds that have second names.
    pub(super) stored_names: HashMap<(Kind, String), String>,
}

impl Context<'_> {
    /// Plans a document that was read at `path`. The same one in several files is one; in one file it is an error, and so
    /// is a second name that another document has.
    pub(super) fn put(&mut self, path: &str, draft: Draft) {
        let id = (draft.kind, draft.realm.clone(), draft.key.clone());
        let other = match self.plan.names.get(&second_id(&draft)) {
            Some(key) => Some(key),
            None if self.whole.is_some() => None,
            None => self.stored_names.get(&(draft.kind, draft.name_key.clone())),
        };
        if let Some(other) = other.filter(|key| **key != draft.key) {
            let message = format!(
                "another {} has the name {:?} already: {other}",
                draft.kind.name(),
                draft.name_key
            );
            return self.error(path.to_owned(), message);
        }
        if let Some(earlier) = self.plan.planned.get(&id) {
            let place = format!("{}: {}", earlier.file, earlier.path);
            if earlier.file == self.file {
                let message = format!("{} is there twice, first at {place}", draft.name);
                return self.error(path.to_owned(), message);
            }
            let slot = self.plan.writes.get_mut(earlier.at);
            if let Some(Write::Put(_, before)) = slot
                && before.body != draft.body
            {
                *before = draft;
                let message = format!("replaces what {place} says");
                self.warn(path, message);
            }
            return;
        }
        *self
            .plan
            .counts
            .entry((self.realm.as_str().to_owned(), draft.kind.name()))
            .or_default() += 1;
        let planned = Planned {
            file: self.file.to_owned(),
            path: path.to_owned(),
            at: self.plan.writes.len(),
        };
        self.plan.names.insert(second_id(&draft), draft.key.clone());
        self.plan.planned.insert(id, planned);
        self.plan.writes.push(Write::Put(Expect::Anything, draft));
    }

    /// Plans that stored documents are as they were read, but for those that are written anew.
    pub(super) fn require(&mut self, kind: Kind, stored: &[Object]) {
        let kept = stored
            .iter()
            .filter(|object| !self.plan.puts(kind, &self.key, &object.key));
        let kept: Vec<Write> = kept
            .map(|object| Write::require(kind, &self.key, object))
            .collect();
        self.plan.required.extend(kept);
    }

    pub(super) fn error(&mut self, path: String, message: impl Into<String>) {
        self.plan.errors.push(Problem {
            file: self.file.to_owned(),
            path,
            message: message.into(),
        });
    }

    pub(super) fn faults(&mut self, prefix: &str, faults: Vec<Fault>) {
        for fault in faults {
            self.error(format!("{prefix}{}", fault.path), fault.message);
        }
    }

    pub(super) fn warn(&mut self, path: &str, message: impl Into<String>) {
        self.plan.warnings.push(Problem {
            file: self.file.to_owned(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn tolerated(&mut self, prefix: &str, faults: Vec<Fault>) {
        for fault in faults {
            self.warn(&format!("{prefix}{}", fault.path), fault.message);
        }
    }
}
