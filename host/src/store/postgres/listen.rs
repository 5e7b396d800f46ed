//! Notices between nodes: NOTIFY with the sender's name, and a connection that listens and is made anew when it is cut.
//!
//! The database delivers notices in the order of commits, and before its answer to whatever the listening connection asks.
//! So an answer tells that everything that was committed before the question has been heard.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::reach::Reach;
use crate::clock::{self, Moment};
use crate::store::Notice;

/// Where all nodes of a store talk.
pub(super) const CHANNEL: &str = "assize";
/// What the connection is called in the database's list of them.
const NAME: &str = "assize notices";
/// How often the database is asked for a sign of life: a cut network says nothing.
const BEAT: Duration = Duration::from_millis(500);
/// How long that may take. Longer, and the database is out of reach.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a new connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// Pauses between attempts to connect double from the first up to the last, which keeps the time from healing to
/// hearing below a second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));

/// A connection that hears what the other nodes of a store tell.
pub(super) struct Listening {
    options: PgConnectOptions,
    sender: String,
    notices: broadcast::Sender<Notice>,
    reach: Reach,
    listener: PgListener,
    next_beat: Instant,
}

impl Listening {
    /// Connects; what others tell from now on is heard.
    pub(super) async fn begin(
        options: PgConnectOptions,
        sender: String,
        notices: broadcast::Sender<Notice>,
        reach: Reach,
    ) -> Result<Self, sqlx::Error> {
        let options = options.application_name(NAME);
        let listener = connect(&options).await?;
        Ok(Listening {
            options,
            sender,
            notices,
            reach,
            listener,
            next_beat: Instant::now(),
        })
    }

    /// Passes notices on, for ever.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(error) = self.hear().await {
                tracing::warn!(%error, "notices of other nodes are not heard; connecting anew");
                let since = self.reconnect().await;
                tracing::info!("notices of other nodes are heard again");
                self.tell(Notice::Everything);
                self.tell(Notice::Heard(since));
            }
        }
    }

    /// One notice, or a sign of life.
    async fn hear(&mut self) -> Result<(), sqlx::Error> {
        match tokio::time::timeout_at(self.next_beat, self.listener.try_recv()).await {
            Ok(Ok(Some(heard))) => self.pass_on(heard.payload()),
            Ok(Ok(None)) => return Err(sqlx::Error::Protocol("the connection was closed".into())),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let asked = clock::moment();
                let life = sqlx::query("SELECT 1").execute(&mut self.listener);
                let Ok(life) = tokio::time::timeout(ANSWER, life).await else {
                    self.reach.lose();
                    return Err(sqlx::Error::PoolTimedOut);
                };
                life?;
                // What came before the answer.
                while let Some(heard) = self.listener.next_buffered() {
                    self.pass_on(heard.payload());
                }
                self.tell(Notice::Heard(asked));
                self.next_beat = Instant::now() + BEAT;
            }
        }
        Ok(())
    }

    /// Gives the moment from which on everything is heard.
    async fn reconnect(&mut self) -> Moment {
        let (mut pause, longest) = PAUSES;
        loop {
            let asked = clock::moment();
            match connect(&self.options).await {
                Ok(listener) => {
                    self.listener = listener;
                    return asked;
                }
                Err(error) => tracing::debug!(%error, "the database cannot be reached"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    fn pass_on(&self, payload: &str) {
        if let Some(notice) = notice(&self.sender, payload) {
            self.tell(notice);
        }
    }

    fn tell(&self, notice: Notice) {
        // An error means that nobody listens in this process.
        let _ = self.notices.send(notice);
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    // A pool that makes no second attempt by itself: the pause between attempts is chosen here.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT);
    let mut listener = PgListener::connect_with(&pool.connect_lazy_with(options.clone())).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// What is sent: the sender, the kind of notice, and the session's hash where there is one.
pub(super) fn payload(sender: &str, notice: &Notice) -> String {
    match notice {
        Notice::Changed => format!("{sender} changed"),
        Notice::SessionEnded(hash) => format!("{sender} ended {hash}"),
        Notice::SessionChanged(hash) => format!("{sender} altered {hash}"),
        Notice::Sessions => format!("{sender} sessions"),
        Notice::Tokens => format!("{sender} tokens"),
        Notice::Told(word) => format!("{sender} told {word}"),
        Notice::Everything | Notice::Heard(_) => format!("{sender} everything"),
    }
}

/// What was sent by another process; what cannot be understood may mean anything.
fn notice(own: &str, payload: &str) -> Option<Notice> {
    let mut words = payload.split(' ');
    if words.next() == Some(own) {
        return None;
    }
    Some(match (words.next(), words.next()) {
        (Some("changed"), None) => Notice::Changed,
        (Some("ended"), Some(hash)) => Notice::SessionEnded(hash.to_owned()),
        (Some("altered"), Some(hash)) => Notice::SessionChanged(hash.to_owned()),
        (Some("sessions"), None) => Notice::Sessions,
        (Some("tokens"), None) => Notice::Tokens,
        (Some("told"), Some(word)) => Notice::Told(word.to_owned()),
        _ => Notice::Everything,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_node_tells_others_hear_and_itself_does_not() {
        for told in [
            Notice::Changed,
            Notice::SessionEnded("ab".into()),
            Notice::SessionChanged("cd".into()),
            Notice::Sessions,
            Notice::Tokens,
            Notice::Told("word".into()),
            Notice::Everything,
        ] {
            let sent = payload("one", &told);
            assert_eq!(notice("other", &sent), Some(told));
            assert_eq!(notice("one", &sent), None);
        }
        assert_eq!(
            notice("other", "from a later version"),
            Some(Notice::Everything)
        );
    }
}
