//! Processes of the service: registered with a secret of their own, without which no scope can be entered.

use crate::Result;
use aws_lc_rs::{digest, rand};
use keepsake_domain::ProcessId;
use sqlx::PgConnection;

/// Makes a secret and registers this process with its hash.
pub(crate) async fn register(
    owner: &mut PgConnection,
    id: ProcessId,
    node: &str,
    roles: &[String],
) -> Result<[u8; 32]> {
    let mut secret = [0_u8; 32];
    rand::fill(&mut secret).map_err(|_| sqlx::Error::Protocol("the system gave no random bytes".to_owned()))?;
    let hash = digest::digest(&digest::SHA256, &secret);
    sqlx::query!(
        "INSERT INTO keepsake.processes (id, secret_sha256, node, roles, version) VALUES ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        hash.as_ref(),
        node,
        roles,
        env!("CARGO_PKG_VERSION"),
    )
    .execute(&mut *owner)
    .await?;
    Ok(secret)
}
