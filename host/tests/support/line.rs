//! A network line between a node and its database that can be cut in either of two ways, and mended.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Whole,
    /// Connections are closed, and new ones at once.
    Closed,
    /// Nothing is said any more: what is sent is swallowed.
    Silent,
}

/// A line to an address, under an address of its own.
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
}

impl Line {
    pub(crate) async fn to(there: SocketAddr) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State::Whole);
        let states = state.subscribe();
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                tokio::spawn(pass(here, there, states.clone()));
            }
        });
        Line { address, state }
    }

    pub(crate) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// Passes on what is sent, as long as the line stays as it is. A connection that went silent is never good again.
async fn pass(mut here: TcpStream, there: SocketAddr, mut states: watch::Receiver<State>) {
    let state = *states.borrow_and_update();
    match state {
        State::Closed => return,
        State::Silent => return drop(states.changed().await),
        State::Whole => {}
    }
    let Ok(mut there) = TcpStream::connect(there).await else {
        return;
    };
    let (mut from_here, mut to_here) = here.split();
    let (mut from_there, mut to_there) = there.split();
    let seen = states.clone();
    tokio::select! {
        () = pass_one_way(&mut from_here, &mut to_there, &seen) => {}
        () = pass_one_way(&mut from_there, &mut to_here, &seen) => {}
        _ = states.changed() => {}
    }
    if *states.borrow() == State::Silent {
        let _ = states.wait_for(|state| *state != State::Silent).await;
    }
}

async fn pass_one_way(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    states: &watch::Receiver<State>,
) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        // INVARIANT: asked after it was read, so that nothing passes that was sent after the line was cut, however late
        // this task gets its turn: also where the line was mended meanwhile.
        if states.has_changed().unwrap_or(true) || to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}
