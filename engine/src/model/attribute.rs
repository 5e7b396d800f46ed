use serde_json::Value;

use super::FaultCode;
use super::json::{Faults, Object, Path};
use super::subject::{only, type_of, unknown_type};

/// A response attribute of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    /// Under which name the values are returned.
    pub name: String,
    /// Where they come from.
    pub source: Source,
}

/// Where the values of a response attribute come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// These values.
    Static(Vec<String>),
    /// The values of these attributes of the subject's profile, together.
    Profile(Vec<String>),
}

impl Attribute {
    /// Reads the `resourceAttributes` of a policy.
    pub(super) fn read_all(policy: &Object<'_, '_>, faults: &mut Faults) -> Vec<Self> {
        let path = Path::Member(policy.path, "resourceAttributes");
        let items = match policy.get("resourceAttributes") {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                let message = "Invalid value for property resourceAttributes: must be an array";
                faults.add(&path, FaultCode::WrongType, message);
                return Vec::new();
            }
        };
        let mut attributes: Vec<Self> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let attribute = Self::read(item, &Path::Item(&path, index), faults);
            if let Some(attribute) = attribute.filter(|a| !attributes.contains(a)) {
                attributes.push(attribute);
            }
        }
        attributes
    }

    fn read(value: &Value, path: &Path<'_>, faults: &mut Faults) -> Option<Self> {
        let object = Object::of(value, path, faults)?;
        let kind = type_of(&object, faults)?;
        if !matches!(kind, "Static" | "User") {
            unknown_type(&object, kind, faults);
            return None;
        }
        let values = "propertyValues";
        only(&object, &["propertyName", values], faults);
        let name = object.required("propertyName", faults);
        if kind == "Static" && object.has(values) && object.get(values).is_none() {
            object.invalid(
                values,
                format!("Invalid value null for property {values}"),
                faults,
            );
        }
        let values = object.texts(values, faults).unwrap_or_default();
        let name = name?.to_owned();
        let source = match kind {
            "Static" => Source::Static(values),
            _ if values.is_empty() => Source::Profile(vec![name.clone()]),
            _ => Source::Profile(values),
        };
        Some(Self { name, source })
    }
}

/// Whether an attribute of a profile holds a credential, which is never given out.
pub fn is_credential(attribute: &str) -> bool {
    const CREDENTIALS: [&str; 14] = [
        "userpassword",
        "unicodepwd",
        "authpassword",
        "sambantpassword",
        "sambalmpassword",
        "krbprincipalkey",
        "usersecret",
        "oathdeviceprofiles",
        "pushdeviceprofiles",
        "webauthndeviceprofiles",
        "devicebindingprofiles",
        "inetuserhttppasswordfilter",
        "iplanet-am-user-password-reset-question-answer",
        "sunkeyvalue",
    ];
    let name = attribute.to_ascii_lowercase();
    // Options of an attribute (`userPassword;x-old`) are the same attribute (RFC 4512 §2.5).
    let base = name.split(';').next().unwrap_or_default();
    CREDENTIALS.contains(&base) || base.contains("password") || base.ends_with("privatekey")
}
