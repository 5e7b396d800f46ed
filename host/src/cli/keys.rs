//! `assize keys`: what signs bundles, and when it changes.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{Common, Failure, print, runtime};
use crate::clock;
use crate::keys::{KeyError, KeyRings, Purpose, Stage};
use crate::serve::open_store;

/// Who a change by this command is said to be made by.
const AUTHOR: &str = "assize keys";

#[derive(Args)]
pub(super) struct Keys {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// All keys: what for, name, algorithm, stage, and since when.
    List,
    /// Let the next key sign from now on, and make another next one. The one before goes on verifying. A server on the
    /// same store takes it over.
    Rotate {
        /// Only these keys; without any, all
        #[arg(value_enum)]
        purposes: Vec<Purpose>,
    },
    /// Take a key out at once, so that nothing that it signed verifies any more: for one that became known.
    Remove {
        #[arg(value_enum)]
        purpose: Purpose,
        /// The key's name, as `list` shows it (it may begin with `-`)
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load()?;
        runtime(config.workers)?.block_on(async {
            let store = open_store(&config).await?;
            let now = clock::now();
            let rings = KeyRings::open(Arc::clone(&store), &config, now).await?;
            match self.what {
                What::List => {}
                What::Rotate { mut purposes } => {
                    if purposes.is_empty() {
                        purposes = Purpose::ALL.to_vec();
                    }
                    for purpose in purposes {
                        let rotated = rings.rotate(AUTHOR, purpose, now).await;
                        rotated.map_err(refused)?;
                    }
                }
                What::Remove { purpose, kid } => {
                    let removed = rings.remove(AUTHOR, purpose, &kid, now).await;
                    removed.map_err(refused)?;
                }
            }
            list(&rings)
        })
    }
}

fn refused(error: KeyError) -> Failure {
    match error {
        KeyError::Refused(why) => Failure::bad_input(why),
        other => other.into(),
    }
}

fn list(rings: &KeyRings) -> Result<(), Failure> {
    for purpose in Purpose::ALL {
        for key in rings.ring(purpose)?.keys() {
            let stage = match key.stage() {
                Stage::Next => "next",
                Stage::Current => "current",
                Stage::Retired => "retired",
            };
            print(&format!(
                "{} {} {} {stage} {}\n",
                purpose.name(),
                key.kid(),
                key.algorithm().name(),
                clock::millis_text(key.since())
            ))?;
        }
    }
    Ok(())
}
