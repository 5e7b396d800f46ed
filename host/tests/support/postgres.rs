//! PostgreSQL for tests, started by `tests/postgres.sh`. A machine that cannot run it fails them.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sqlx::{Connection, PgConnection};

/// A PostgreSQL server on a port and in a folder of its own, removed when it is dropped.
pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// One that all tests of a process running at the same time share.
    pub(crate) async fn shared() -> Arc<Server> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let server = tokio::task::spawn_blocking(|| {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let server = Arc::new(Server::start());
                *shared = Arc::downgrade(&server);
                server
            })
        });
        server.await.unwrap()
    }

    /// One of its own, to be stopped and started.
    pub(crate) async fn own() -> Arc<Server> {
        let server = tokio::task::spawn_blocking(Server::start);
        Arc::new(server.await.unwrap())
    }

    /// The URL of a fresh database.
    pub(crate) async fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("case_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name}");
        let url = self.url("postgres");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let name = format!("assize-postgres-{}-{port}", std::process::id());
        let server = Server {
            folder: std::env::temp_dir().join(name),
            port,
        };
        server.begin();
        server
    }

    pub(crate) fn begin(&self) {
        self.script(&[
            "start",
            self.folder.to_str().unwrap(),
            &self.port.to_string(),
        ]);
    }

    pub(crate) fn stop(&self) {
        self.script(&["stop", self.folder.to_str().unwrap()]);
    }

    pub(crate) fn kill(&self) {
        self.script(&["kill", self.folder.to_str().unwrap()]);
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://assize@127.0.0.1:{}/{database}", self.port)
    }

    fn script(&self, arguments: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/postgres.sh");
        let done = Command::new(script).args(arguments).output().unwrap();
        assert!(
            done.status.success(),
            "PostgreSQL is needed for this test. {arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/postgres.sh");
        // It may be stopped already; what is left of it is only a folder.
        let _ = Command::new(script).arg("kill").arg(&self.folder).output();
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_file(self.folder.with_extension("log"));
    }
}
