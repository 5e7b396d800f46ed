//! How a call into the module can fail. Whatever the engine itself says, errors included, is an answer and not here.

use std::fmt;

/// The runtime cannot be started on this machine.
#[derive(Debug)]
pub struct StartError(pub(crate) String);

/// A bundle cannot be put to use; what was in use before still is.
#[derive(Debug)]
pub enum LoadError {
    /// The engine refuses the bytes. Holds its answer: the JSON of a `badBundle` error.
    Refused(Vec<u8>),
    /// The instance failed while it loaded.
    Failed(CallError),
}

/// One call that gave no answer. Callers deny, and answer 500 (503 for [`CallError::NothingLoaded`]).
#[derive(Debug)]
pub enum CallError {
    /// No bundle of that realm has been published.
    NothingLoaded {
        /// The realm asked for.
        realm: Box<str>,
    },
    /// The realm is decided by another bundle than any that the call was made for.
    OtherBundle {
        /// The realm asked for.
        realm: Box<str>,
    },
    /// The call needed more memory than its instance may have.
    OutOfMemory {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The call ran into the deadline behind the engine's own step budget.
    TooLong {
        /// The bound.
        limit: std::time::Duration,
    },
    /// The module trapped.
    Trapped(String),
    /// A fresh instance could not be made in the place of a broken one.
    NoInstance(StartError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the decision module cannot run here: {}", self.0)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Refused(answer) => {
                write!(
                    f,
                    "the bundle is refused: {}",
                    String::from_utf8_lossy(answer)
                )
            }
            LoadError::Failed(error) => write!(f, "the bundle could not be loaded: {error}"),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::NothingLoaded { realm } => {
                write!(f, "no bundle is loaded for realm `{realm}`")
            }
            CallError::OtherBundle { realm } => {
                write!(f, "another bundle decides for realm `{realm}` by now")
            }
            CallError::OutOfMemory { limit } => {
                write!(
                    f,
                    "the decision needs more memory than the {limit} bytes an instance may have"
                )
            }
            CallError::TooLong { limit } => write!(f, "the decision took longer than {limit:?}"),
            CallError::Trapped(reason) => write!(f, "the decision module failed: {reason}"),
            CallError::NoInstance(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}
impl std::error::Error for LoadError {}
impl std::error::Error for CallError {}

impl From<CallError> for LoadError {
    fn from(error: CallError) -> Self {
        LoadError::Failed(error)
    }
}

impl From<StartError> for CallError {
    fn from(error: StartError) -> Self {
        CallError::NoInstance(error)
    }
}
