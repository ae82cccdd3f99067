//! The one place where transactions are opened.

use crate::{Catalog, Result, Scope};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

/// A transaction in a scope. Dropped without [`commit`](Self::commit), it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    scope: Scope,
}

impl Tx {
    /// For whom it works.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Makes it so.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause: deferred rules of the schema speak here.
    pub async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl Catalog {
    /// Opens a transaction that sees and writes what `scope` may.
    ///
    /// # Errors
    /// [`Error::Unreachable`](crate::Error::Unreachable) if no connection is to be had in time.
    pub async fn begin(&self, scope: &Scope) -> Result<Tx> {
        self.enter(open(&self.app, "BEGIN").await?, scope).await
    }

    /// Opens a transaction that only reads, and sees one state of everything from its first statement to its last.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_snapshot(&self, scope: &Scope) -> Result<Tx> {
        self.enter(open(&self.app, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?, scope).await
    }

    async fn enter(&self, mut inner: Transaction<'static, Postgres>, scope: &Scope) -> Result<Tx> {
        sqlx::query!(
            "SELECT keepsake.enter($1, $2, $3)",
            self.process.as_uuid(),
            self.secret.as_slice(),
            scope.context()
        )
        .execute(&mut *inner)
        .await?;
        Ok(Tx { inner, scope: *scope })
    }

    /// Opens a transaction of the queue: it sees jobs and processes, and no other row of any tenant.
    pub(crate) async fn work(&self) -> Result<Transaction<'static, Postgres>> {
        open(&self.worker, "BEGIN").await
    }
}

/// BEGIN in a task of its own. Dropping a caller in the middle of it (a client that disconnects drops its handler) would
/// give the connection back to the pool inside a transaction that nobody knows of (sqlx 0.9.0, issue 4393).
async fn open(pool: &PgPool, statement: &'static str) -> Result<Transaction<'static, Postgres>> {
    let pool = pool.clone();
    #[expect(clippy::disallowed_methods, reason = "this is the one place that opens transactions")]
    let begun = tokio::spawn(async move { pool.begin_with(statement).await });
    match begun.await {
        Ok(begun) => Ok(begun?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
