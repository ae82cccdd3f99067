//! Work that one node of the catalog does for all: whoever holds the lock leads, and when its session ends, by a kill too, another takes
//! over.

use crate::{Catalog, Result};
use sqlx::{Connection as _, PgConnection};

/// Leads, as long as its session lives.
#[derive(Debug)]
pub struct Leadership(PgConnection);

impl Catalog {
    /// Tries to lead in what `name` stands for. `None`: another node does.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause.
    pub async fn lead(&self, name: &str) -> Result<Option<Leadership>> {
        // A node that is cut off by the network must not lead for hours more: the server asks its system for signs of life.
        let options = self.worker.connect_options().as_ref().clone().application_name("keepsake leader").options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        let mut session = PgConnection::connect_with(&options).await?;
        let lock = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock(hashtext($1)) AS "leads!""#, name);
        if lock.fetch_one(&mut session).await? {
            return Ok(Some(Leadership(session)));
        }
        session.close().await?;
        Ok(None)
    }
}

impl Leadership {
    /// Fails once the session is gone: another node may lead by now.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause.
    pub async fn check(&mut self) -> Result<()> {
        Ok(self.0.ping().await?)
    }

    /// Steps down.
    pub async fn resign(self) {
        // Whatever becomes of the message: the lock ends with the session.
        let _ended = self.0.close().await;
    }
}
