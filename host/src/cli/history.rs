//! `assize history`: what changed in the store, and the way back.

use clap::{Args, Subcommand};

use super::{Common, Failure, print, runtime};
use crate::clock;
use crate::serve::open_store_that_is_there;
use crate::store::{Difference, Store};

/// Who a change by this command is said to be made by.
const AUTHOR: &str = "assize history";

#[derive(Args)]
pub(super) struct History {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Revisions, the latest first: number, instant, who and what.
    List {
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Only those before this one
        #[arg(long, value_name = "REVISION")]
        before: Option<u64>,
    },
    /// Documents that differ between two revisions: + made, - deleted, ~ changed. 0 is the empty store.
    Diff { from: u64, to: u64 },
    /// Make resource types, policy sets, policies and scripts as they were at a revision, under a new one. A server on
    /// the same store takes it over; users, groups and realms made since stay.
    Rollback { revision: u64 },
}

impl History {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.common.load()?;
        runtime(config.workers)?.block_on(async {
            let store = open_store_that_is_there(&config).await?;
            match self.what {
                What::List { limit, before } => list(store.as_ref(), before, limit).await,
                What::Diff { from, to } => {
                    for difference in store.diff(from, to).await? {
                        print(&line(&difference))?;
                    }
                    Ok(())
                }
                What::Rollback { revision } => {
                    let applied = store.roll_back(AUTHOR, clock::now(), revision).await?;
                    print(&format!("revision {}\n", applied.revision))
                }
            }
        })
    }
}

async fn list(store: &dyn Store, before: Option<u64>, limit: u32) -> Result<(), Failure> {
    for revision in store.revisions(before, limit).await? {
        print(&format!(
            "{} {} {} {}\n",
            revision.number,
            clock::millis_text(revision.at),
            revision.author,
            revision.summary
        ))?;
    }
    Ok(())
}

fn line(difference: &Difference) -> String {
    let (sign, object) = match (&difference.before, &difference.after) {
        (Some(_), Some(after)) => ('~', Some(after)),
        (Some(before), None) => ('-', Some(before)),
        (None, after) => ('+', after.as_ref()),
    };
    let name = object.map_or(difference.key.as_str(), |object| object.name.as_str());
    let kind = difference.kind.name();
    format!("{sign} {kind} {} {name}\n", difference.realm)
}
