//! Reading members of JSON objects with the path of every fault.

use serde_json::{Map, Value};

use super::{Fault, FaultCode};

/// Where a value stands. Written out only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => {
                parent.pointer() + "/" + &name.replace('~', "~0").replace('/', "~1")
            }
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// Everything that is found to be wrong.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, path: &Path<'_>, code: FaultCode, message: impl Into<String>) {
        self.0.push(Fault {
            code,
            path: path.pointer(),
            message: message.into(),
        });
    }

    fn wrong_type(&mut self, path: &Path<'_>, wanted: &str) {
        let name = match path {
            Path::Member(_, name) => format!("Invalid value for property {name}: must be {wanted}"),
            _ => format!("must be {wanted}"),
        };
        self.add(path, FaultCode::WrongType, name);
    }
}

/// An object that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Object<'v, 'p> {
    map: &'v Map<String, Value>,
    pub(crate) path: &'p Path<'p>,
}

impl<'v, 'p> Object<'v, 'p> {
    pub(crate) fn of(value: &'v Value, path: &'p Path<'p>, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self { map, path }),
            _ => {
                faults.wrong_type(path, "an object");
                None
            }
        }
    }

    /// Members beyond these are faults.
    pub(crate) fn only(&self, known: &[&str], faults: &mut Faults) {
        for name in self
            .map
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
        {
            let path = Path::Member(self.path, name);
            faults.add(
                &path,
                FaultCode::UnknownMember,
                format!("Invalid value {name}"),
            );
        }
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Whether a member is there, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&'v str, &'v Value)> + use<'v> {
        self.map.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn missing(&self, name: &str, faults: &mut Faults) {
        let path = Path::Member(self.path, name);
        let message = format!("Property value '{name}' should be defined.");
        faults.add(&path, FaultCode::Missing, message);
    }

    pub(crate) fn invalid(&self, name: &str, message: impl Into<String>, faults: &mut Faults) {
        faults.add(&Path::Member(self.path, name), FaultCode::Invalid, message);
    }

    pub(crate) fn text(&self, name: &str, faults: &mut Faults) -> Option<&'v str> {
        let value = self.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            faults.wrong_type(&Path::Member(self.path, name), "a string");
        }
        text
    }

    /// A text that must be there and not blank.
    pub(crate) fn required(&self, name: &str, faults: &mut Faults) -> Option<&'v str> {
        if self.get(name).is_none() {
            self.missing(name, faults);
            return None;
        }
        let text = self.text(name, faults)?;
        if text.trim().is_empty() {
            self.missing(name, faults);
            return None;
        }
        Some(text)
    }

    pub(crate) fn boolean(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        let value = self.map.get(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            faults.wrong_type(&Path::Member(self.path, name), "true or false");
        }
        flag
    }

    /// A whole number, which may come as text (seed 001 writes `"maxSessionTime": "10"`).
    pub(crate) fn integer(&self, name: &str, faults: &mut Faults) -> Option<i64> {
        let value = self.get(name)?;
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            faults.wrong_type(&Path::Member(self.path, name), "a whole number");
        }
        number
    }

    /// An array of texts, each once, in order. Null and absent are `None`.
    pub(crate) fn texts(&self, name: &str, faults: &mut Faults) -> Option<Vec<String>> {
        let path = Path::Member(self.path, name);
        let Some(items) = self.get(name)?.as_array() else {
            faults.wrong_type(&path, "an array of strings");
            return None;
        };
        let mut texts: Vec<String> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str() {
                Some(text) if texts.iter().any(|known| known == text) => {}
                Some(text) => texts.push(text.to_owned()),
                None => faults.wrong_type(&Path::Item(&path, index), "a string"),
            }
        }
        Some(texts)
    }

    /// An array of texts that must be there, with no blank one.
    pub(crate) fn required_texts(&self, name: &str, faults: &mut Faults) -> Vec<String> {
        let texts = self.texts(name, faults).unwrap_or_default();
        if texts.is_empty()
            && self
                .get(name)
                .is_none_or(|v| v.as_array().is_some_and(Vec::is_empty))
        {
            self.missing(name, faults);
        }
        for (index, text) in texts.iter().enumerate() {
            if text.trim().is_empty() {
                let path = Path::Member(self.path, name);
                let message = format!("Property value '{name}' contains a blank value.");
                faults.add(&Path::Item(&path, index), FaultCode::Invalid, message);
            }
        }
        texts
    }
}

/// The characters that AM forbids in names of policies and policy sets (management-rest §4.2, and
/// `/`, which seed 002 adds).
pub(crate) fn is_name(name: &str) -> bool {
    let forbidden = |c: char| {
        c.is_control() || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '=' | '\\' | '/')
    };
    !name.trim().is_empty()
        && !name.contains(forbidden)
        && !name.starts_with([' ', '#'])
        && !name.ends_with(' ')
}
