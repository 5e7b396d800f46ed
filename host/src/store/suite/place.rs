//! Databases for the cases.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use sqlx::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use super::*;

/// A fresh database.
pub(super) enum Place {
    Sqlite { folder: TempDir },
    Postgres { server: Arc<Server>, url: String },
}

impl Place {
    pub(super) fn sqlite() -> Self {
        Place::Sqlite {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// In a server that all cases running at the same time share.
    pub(super) async fn postgres() -> Self {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let server = tokio::task::spawn_blocking(|| {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let server = Arc::new(Server::start());
                *shared = Arc::downgrade(&server);
                server
            })
        });
        Place::in_server(server.await.unwrap()).await
    }

    /// In a server of its own, to be stopped and started.
    pub(super) async fn own_postgres() -> Self {
        let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
        Place::in_server(Arc::new(server)).await
    }

    async fn in_server(server: Arc<Server>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("case_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name}");
        let mut connection = PgConnection::connect(&server.url("postgres"))
            .await
            .unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let url = server.url(&name);
        Place::Postgres { server, url }
    }

    pub(super) fn url(&self) -> String {
        match self {
            Place::Sqlite { folder } => {
                format!(
                    "sqlite://{}?mode=rwc",
                    folder.path().join("store.db").display()
                )
            }
            Place::Postgres { url, .. } => url.clone(),
        }
    }

    pub(super) fn server(&self) -> &Server {
        match self {
            Place::Postgres { server, .. } => server,
            Place::Sqlite { .. } => unreachable!("SQLite has no server"),
        }
    }

    /// A store on it: each is a node of its own.
    pub(super) async fn open(&self) -> Arc<dyn Store> {
        open(&self.url()).await.unwrap()
    }

    /// Runs statements behind the store's back.
    pub(super) async fn run(&self, sql: &'static str) {
        let url = self.url();
        match self {
            Place::Sqlite { .. } => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Place::Postgres { .. } => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

/// A PostgreSQL server on a port and in a folder of its own, removed when it is dropped.
pub(super) struct Server {
    folder: PathBuf,
    port: u16,
}

impl Server {
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

    pub(super) fn begin(&self) {
        self.script(&[
            "start",
            self.folder.to_str().unwrap(),
            &self.port.to_string(),
        ]);
    }

    pub(super) fn stop(&self) {
        self.script(&["stop", self.folder.to_str().unwrap()]);
    }

    pub(super) fn kill(&self) {
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
