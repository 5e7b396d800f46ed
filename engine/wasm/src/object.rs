//! Requests and answers as JavaScript objects, through serde-wasm-bindgen.
//!
//! An object is the string form in another dress: a request is written out as JSON text, the engine answers it, and the
//! answer's text becomes an object. So there is one reading of requests with one set of errors, whatever the caller holds.
//!
//! | JavaScript | is taken as |
//! |---|---|
//! | `undefined` as a member | absent, as `JSON.stringify` takes it |
//! | `Map` | an object |
//! | `BigInt`, a whole number | a whole number |
//! | `Infinity`, 2^63 | 2^63 - 1, the instant that never comes |
//! | a function, a symbol, a `Set`, bytes | an error with its path |

use std::cell::RefCell;
use std::fmt;

use assize_engine::json::{Kind, Reader, write_text};
use assize_engine::{Error, ErrorCode, limits};
use serde::de::{self, Deserialize, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{self, Serialize, SerializeMap, SerializeSeq};
use serde_wasm_bindgen::{Deserializer, Serializer, preserve};
use wasm_bindgen::JsValue;

/// The text of a request given as an object.
///
/// # Errors
/// `badRequest`, with the path of a value that a request cannot hold.
pub(crate) fn request(object: JsValue) -> Result<Vec<u8>, Error> {
    let mut text = Text::default();
    text.value(object)?;
    Ok(text.bytes)
}

/// An answer of the engine as an object; an unlimited `ttl` is `Infinity`.
///
/// # Errors
/// JavaScript refused to make it.
pub(crate) fn answer(text: &str) -> Result<JsValue, JsValue> {
    let mut reader = Reader::new(text);
    let value = Value(RefCell::new(&mut reader));
    Ok(value.serialize(&Serializer::json_compatible())?)
}

/// What JavaScript's JSON reads for the instant that never comes, 2^63 - 1: its numbers have no closer one.
const UNLIMITED: f64 = 9_223_372_036_854_775_808.0;

/// A request's text in the making.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    depth: usize,
    /// What went wrong inside the value that is being written; its path grows on the way out.
    fault: Option<Error>,
}

impl Text {
    fn value(&mut self, value: JsValue) -> Result<(), Error> {
        // An object may hold itself. What is too deep or too long is written far enough for the engine to say so.
        if self.depth > limits::MAX_JSON_DEPTH + 1 || self.bytes.len() > limits::MAX_REQUEST_BYTES {
            self.raw("null");
            return Ok(());
        }
        self.depth += 1;
        let written = Deserializer::from(value).deserialize_any(&mut *self);
        self.depth -= 1;
        written.map_err(|_| self.fault.take().unwrap_or_else(unreadable))
    }

    /// A value inside another one, which `member` names.
    fn inner<E: de::Error>(&mut self, value: JsValue, member: impl fmt::Display) -> Result<(), E> {
        self.value(value).map_err(|fault| {
            self.fault = Some(fault.at(member));
            E::custom("")
        })
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

fn unreadable() -> Error {
    Error::new(
        ErrorCode::BadRequest,
        "must be a value that JSON has: an object, an array, a string, a number, a boolean or null",
    )
}

/// Writes whatever it visits.
impl<'de> Visitor<'de> for &mut Text {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.raw("null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.raw(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.raw(&number.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.raw(&number.to_string());
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        let whole = number.trunc() == number && number.abs() <= UNLIMITED;
        if whole || number == f64::INFINITY {
            return self.visit_i64(number as i64);
        }
        // Nothing in a request depends on a number that is not whole: where one is wanted it is an error, and a claim that
        // is a number equals no text. So any such number can stand for it.
        self.raw("0.5");
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        write_text(&mut self.bytes, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.raw("[");
        let mut count = 0_usize;
        while let Some(Held(item)) = items.next_element()? {
            if count > 0 {
                self.raw(",");
            }
            self.inner(item, count)?;
            count += 1;
        }
        self.raw("]");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.raw("{");
        let mut first = true;
        while let Some((name, Held(member))) = members.next_entry::<String, Held>()? {
            if member.is_undefined() {
                continue;
            }
            if !first {
                self.raw(",");
            }
            first = false;
            write_text(&mut self.bytes, &name);
            self.raw(":");
            self.inner(member, name)?;
        }
        self.raw("}");
        Ok(())
    }
}

/// A value as JavaScript holds it: serde's data model cannot tell `undefined` from `null`.
struct Held(JsValue);

impl<'de> Deserialize<'de> for Held {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        preserve::deserialize(deserializer).map(Held)
    }
}

/// The next value of an answer's text.
struct Value<'r, 'a>(RefCell<&'r mut Reader<'a>>);

impl Serialize for Value<'_, '_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reader = &mut **self.0.borrow_mut();
        match reader.kind().map_err(damaged)? {
            Kind::Object => {
                let mut map = serializer.serialize_map(None)?;
                inside(|failed| {
                    reader.object(|reader, name| {
                        let value = Value(RefCell::new(reader));
                        failed(map.serialize_entry(&*name, &value))
                    })
                })?;
                map.end()
            }
            Kind::Array => {
                let mut items = serializer.serialize_seq(None)?;
                inside(|failed| {
                    reader.array(|reader, _| {
                        let value = Value(RefCell::new(reader));
                        failed(items.serialize_element(&value))
                    })
                })?;
                items.end()
            }
            Kind::Text => serializer.serialize_str(&reader.text().map_err(damaged)?),
            Kind::Bool => serializer.serialize_bool(reader.boolean().map_err(damaged)?),
            Kind::Null => {
                reader.null().map_err(damaged)?;
                serializer.serialize_unit()
            }
            Kind::Number => match reader.integer().map_err(damaged)? {
                i64::MAX => serializer.serialize_f64(f64::INFINITY),
                number => serializer.serialize_f64(number as f64),
            },
        }
    }
}

/// Runs `read`, whose callback reports a serializer's error: the reader knows only its own.
fn inside<E: ser::Error>(
    read: impl FnOnce(&mut dyn FnMut(Result<(), E>) -> Result<(), Error>) -> Result<(), Error>,
) -> Result<(), E> {
    let mut failure = None;
    let read = read(&mut |result| {
        result.map_err(|error| {
            failure = Some(error);
            unreadable()
        })
    });
    match failure {
        Some(error) => Err(error),
        None => read.map_err(damaged),
    }
}

/// The engine writes JSON that its own reader takes; if not, the caller hears it.
fn damaged<E: ser::Error>(error: Error) -> E {
    E::custom(error)
}
