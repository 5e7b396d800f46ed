//! The closed list of errors that an answer can carry (`{"error": {"code", "message", "path"}}`).

use std::fmt;

/// What kind of error it is. Stable: programs branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not JSON.
    BadJson,
    /// A member is missing, unknown or of the wrong type.
    BadRequest,
    /// A requested resource is not a resource name.
    BadResource,
    /// The bundle holds no policy set of that name.
    UnknownPolicySet,
    /// A bound of [`crate::limits`] is exceeded.
    LimitExceeded,
    /// The evaluation took more steps than one request may.
    StepsExceeded,
    /// The bytes are not a sound bundle.
    BadBundle,
    /// No bundle is loaded under that handle.
    NoBundle,
}

impl ErrorCode {
    /// The code as it is written in an answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadJson => "badJson",
            Self::BadRequest => "badRequest",
            Self::BadResource => "badResource",
            Self::UnknownPolicySet => "unknownPolicySet",
            Self::LimitExceeded => "limitExceeded",
            Self::StepsExceeded => "stepsExceeded",
            Self::BadBundle => "badBundle",
            Self::NoBundle => "noBundle",
        }
    }
}

/// Why a request has no answer.
///
/// One pointer wide: every step of reading a request hands one back, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    code: ErrorCode,
    message: String,
    /// The steps to the member at fault, innermost first.
    steps: Vec<String>,
}

impl Error {
    /// An error without a place in the request.
    #[cold]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            steps: Vec::new(),
        }))
    }

    /// The same error, one member further out.
    #[cold]
    #[must_use]
    pub fn at(mut self, member: impl fmt::Display) -> Self {
        self.0.steps.push(member.to_string());
        self
    }

    /// What kind of error it is.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What is wrong, for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where: an RFC 6901 pointer into the request; empty for the request as a whole.
    pub fn path(&self) -> String {
        self.0.steps.iter().rev().fold(String::new(), |path, step| {
            path + "/" + &step.replace('~', "~0").replace('/', "~1")
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
