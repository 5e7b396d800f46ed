//! How many clients may wait for something at once: long polls, event streams and WebSockets hold a connection each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;

use super::error::ApiError;

/// The places for those who wait.
pub(crate) struct Subscribers {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_caller: HashMap<String, usize>,
}

/// A place; dropped, it is free again.
pub(crate) struct Place {
    subscribers: Arc<Subscribers>,
    caller: String,
}

impl Subscribers {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Subscribers {
            most,
            most_of_one,
            taken: Mutex::default(),
        })
    }

    /// Takes a place for a caller.
    ///
    /// # Errors
    /// 429 where the caller has too many, 503 where all together have.
    pub(crate) fn enter(self: &Arc<Self>, caller: &str) -> Result<Place, ApiError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_caller.get(caller).copied().unwrap_or(0);
        if own >= self.most_of_one {
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "{own} connections of this caller wait already, the most there may be (subscribers_per_caller)"
                ),
            ));
        }
        if taken.all >= self.most {
            return Err(ApiError::unavailable(format!(
                "{} connections wait already, the most there may be (subscribers)",
                taken.all
            )));
        }
        taken.all += 1;
        taken.by_caller.insert(caller.to_owned(), own + 1);
        Ok(Place {
            subscribers: Arc::clone(self),
            caller: caller.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let taken = self.subscribers.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                taken.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn places_are_bounded_and_given_back() {
        let subscribers = Subscribers::new(3, 2);
        let status = |caller: &str| subscribers.enter(caller).err().map(|e| e.status().as_u16());
        let one = subscribers.enter("a").unwrap();
        let two = subscribers.enter("a").unwrap();
        assert_eq!(status("a"), Some(429));
        let three = subscribers.enter("b").unwrap();
        assert_eq!(status("b"), Some(503));
        drop(one);
        assert_eq!((status("a"), status("b")), (None, None));
        drop((two, three));
        assert!(subscribers.taken.lock().unwrap().by_caller.is_empty());
    }
}
