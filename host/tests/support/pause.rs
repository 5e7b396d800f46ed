//! A pause in which no node can write: what was asked meanwhile has read the store, and is written only afterwards.
//!
//! So the requests of a race have all read before any of them writes, which is the worst that their order can be.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use sqlx::{Connection, PgConnection, SqliteConnection};

/// Holds the store's counter, which every change takes first.
pub(crate) enum Pause {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Pause {
    pub(crate) async fn begin(database: &str) -> Self {
        if database.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(database).await.unwrap();
            let held = sqlx::raw_sql("BEGIN IMMEDIATE");
            held.execute(&mut connection).await.unwrap();
            Pause::Sqlite(connection)
        } else {
            let mut connection = PgConnection::connect(database).await.unwrap();
            let held = sqlx::raw_sql("BEGIN; UPDATE counter SET number = number");
            held.execute(&mut connection).await.unwrap();
            Pause::Postgres(connection)
        }
    }

    pub(crate) async fn end(self) {
        match self {
            Pause::Sqlite(mut connection) => {
                let undone = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
                undone.unwrap();
                connection.close().await.unwrap();
            }
            Pause::Postgres(mut connection) => {
                let undone = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
                undone.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}
