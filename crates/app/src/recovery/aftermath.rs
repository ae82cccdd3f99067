//! What a restore that was cut off left in the database: asked before it is done once more, because a state that is saved after its
//! rows came would be taken for the one to go back to.

use super::{
    open_session, restore_error, schema_error,
    unfinished::{self, Headed},
};
use crate::{
    backup::load,
    context::Context,
    error::{Code, Error, Result},
    mapping,
    storage::Storage,
    vaults,
};
use keepsake_domain::{OperationId, VaultId};
use keepsake_postgres::{
    connect::{Dsn, Purpose},
    restore, schema,
};
use std::sync::Arc;

/// How live is after an operation that did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// No state was saved before it: it changed nothing, and may be done from the beginning.
    NothingSaved,
    /// Live is as it was saved before: its rows did not come, and it may be done from the beginning.
    Untouched,
    /// Live differs from what was saved: its rows came, or somebody has changed others since.
    Changed,
}

/// Looks at what an operation left that was cut off. Whoever may still be at work for it is waited for.
///
/// # Errors
/// By cause; [`Code::RestoreBusy`] while another restore of the wedding is under way.
pub async fn aftermath(
    context: &Context,
    storage: &Storage,
    operation: OperationId,
    vault: VaultId,
    target: &Dsn,
    mapping: &mapping::Written,
    wedding: &str,
) -> Result<Aftermath> {
    let opened = vaults::open(context, storage, vault).await?;
    let loaded = Arc::new(load(context, opened).await?);
    let mut session = open_session(target, Purpose::Restore).await?;
    restore::until_free(&mut session, &mapping.mapping.wedding.table, wedding).await.map_err(restore_error)?;
    let schema = schema::read(&session.client).await.map_err(schema_error)?;
    let folder = context.home.spool(&operation.to_string());
    let mut to = Headed { vault_id: vault, vault: &loaded, session: &mut session, schema: &schema, wedding };
    match unfinished::compared(context, &mut to, operation, &folder).await {
        Ok(saved) if saved.rows_as_now => Ok(Aftermath::Untouched),
        Ok(_) => Ok(Aftermath::Changed),
        Err(error) if error.code() == Code::OperationNotFound => Ok(Aftermath::NothingSaved),
        Err(error) => Err(Error::because(error.code(), "a restore that was cut off cannot be looked into", error)),
    }
}
