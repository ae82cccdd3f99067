//! Recognising poolers.
//!
//! Every session asks for a marker in its startup message. PostgreSQL itself sets it; poolers refuse it, or drop it, because
//! their backends were started by others. Only then is it worth two connections to find out whether the pooler keeps
//! a backend for a session (which is fine) or lends it for a transaction (which is not).

use super::{Dsn, Error, Result, ServerError};
use rand::RngExt;
use tokio_postgres::{Client, SimpleQueryMessage};

const NAME: &str = "keepsake.session";
const ROUNDS: u32 = 4;

/// A value that only this session knows.
#[derive(Debug)]
pub(super) struct Marker(String);

impl Marker {
    pub(super) fn random() -> Self {
        Self(format!("{:016x}", rand::rng().random::<u64>()))
    }

    /// The startup option that sets it.
    pub(super) fn option(&self) -> String {
        format!("-c {NAME}={}", self.0)
    }

    /// The SQL condition under which it arrived.
    pub(super) fn condition(&self) -> String {
        format!("pg_catalog.current_setting('{NAME}', true) = '{}'", self.0)
    }
}

/// Whether a refusal is a pooler's answer to the marker.
pub(super) fn refuses_options(error: &ServerError) -> bool {
    let message = error.message();
    // PgBouncer and its kin; Amazon's RDS Proxy.
    message.contains("startup parameter") || message.contains("command-line options")
}

/// Finds out whether two sessions share backends, by a custom setting that means nothing to anyone else.
pub(super) async fn refuse_transaction_mode(dsn: &Dsn, one: &Client, other: &Client) -> Result<()> {
    let refuse = |evidence: &str| Err(Error::Pooler { to: dsn.to_string(), evidence: evidence.to_owned() });
    let (mine, theirs) = (Marker::random(), Marker::random());
    let first = set(one, &mine).await?;
    for _ in 0..ROUNDS {
        if set(other, &theirs).await? == first {
            return refuse("two sessions were given the same backend");
        }
        let (pid, value) = look(one).await?;
        if pid != first {
            return refuse("the backend changed between two statements");
        }
        if value != mine.0 {
            return refuse("a setting was lost between two statements");
        }
    }
    Ok(())
}

async fn set(client: &Client, marker: &Marker) -> Result<String> {
    let sql = format!("SELECT pg_catalog.set_config('{NAME}', '{}', false), pg_catalog.pg_backend_pid()", marker.0);
    Ok(row(client, &sql).await?.1)
}

async fn look(client: &Client) -> Result<(String, String)> {
    let sql = format!("SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('{NAME}', true)");
    row(client, &sql).await
}

async fn row(client: &Client, sql: &str) -> Result<(String, String)> {
    let answer = client.simple_query(sql).await.map_err(Error::statement("look whether a pooler is in between"))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |index: usize| row.and_then(|row| row.get(index)).unwrap_or_default().to_owned();
    Ok((text(0), text(1)))
}
