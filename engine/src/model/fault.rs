use std::fmt;

/// What kind of fault it is. Stable: programs branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The text is not JSON.
    BadJson,
    /// A required member is missing, empty or blank.
    Missing,
    /// A member has another JSON type than it must have.
    WrongType,
    /// A member that is not known where it stands.
    UnknownMember,
    /// A `type` of condition, subject or attribute that is not known.
    UnknownType,
    /// A value that means nothing, or can never hold.
    Invalid,
    /// A name with characters that names cannot have.
    BadName,
    /// A resource that is not a resource name, or that the resource type has no pattern for.
    BadResource,
    /// A policy set, resource type or script that does not exist.
    UnknownReference,
    /// A condition or subject that the policy set does not list.
    NotAllowed,
    /// A legacy Java plug-in, which cannot be loaded.
    Legacy,
    /// A bound of [`crate::limits`] is exceeded.
    Limit,
    /// The same name or id twice.
    Duplicate,
}

impl FaultCode {
    /// The code as it is written in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadJson => "badJson",
            Self::Missing => "missing",
            Self::WrongType => "wrongType",
            Self::UnknownMember => "unknownMember",
            Self::UnknownType => "unknownType",
            Self::Invalid => "invalid",
            Self::BadName => "badName",
            Self::BadResource => "badResource",
            Self::UnknownReference => "unknownReference",
            Self::NotAllowed => "notAllowed",
            Self::Legacy => "legacy",
            Self::Limit => "limit",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Something that is wrong with what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault.
    pub code: FaultCode,
    /// Where: an RFC 6901 pointer, such as `/condition/conditions/0/authLevel`.
    pub path: String,
    /// What is wrong, in AM's words where AM has some.
    pub message: String,
}

impl Fault {
    /// The same fault in something larger: `prefix` is put before its path.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.path.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} (at {})", self.message, self.path)
        }
    }
}

impl std::error::Error for Fault {}
