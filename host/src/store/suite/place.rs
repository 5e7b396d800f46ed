//! Databases for the cases.

use sqlx::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use super::*;
pub(super) use postgres::Server;

#[path = "../../../tests/support/postgres.rs"]
mod postgres;

/// A fresh database.
pub(crate) enum Place {
    Sqlite { folder: TempDir },
    Postgres { server: Arc<Server>, url: String },
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Place::Sqlite {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// In a server that all cases running at the same time share.
    pub(crate) async fn postgres() -> Self {
        Place::in_server(Server::shared().await).await
    }

    /// In a server of its own, to be stopped and started.
    pub(super) async fn own_postgres() -> Self {
        Place::in_server(Server::own().await).await
    }

    async fn in_server(server: Arc<Server>) -> Self {
        let url = server.database().await;
        Place::Postgres { server, url }
    }

    pub(crate) fn url(&self) -> String {
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
    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        open(&self.url()).await.unwrap()
    }

    /// Runs statements behind the store's back.
    pub(crate) async fn run(&self, sql: &'static str) {
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
