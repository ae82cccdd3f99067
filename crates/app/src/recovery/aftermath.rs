//! What a restore that was cut off left in the database: asked before it is done once more, because a state that is saved after its
//! rows came would be taken for the one to go back to.

use super::{
    prepare::Prepared,
    restore_error,
    unfinished::{self, Headed},
};
use crate::{
    context::Context,
    error::{Code, Error, Result},
};
use keepsake_domain::OperationId;
use keepsake_postgres::restore;

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

/// Looks at what an operation left that was cut off and is prepared anew. Whoever may still be at work for it is waited for.
///
/// # Errors
/// By cause; [`Code::RestoreBusy`] while another restore of the wedding is under way.
pub async fn aftermath(context: &Context, prepared: &mut Prepared, operation: OperationId) -> Result<Aftermath> {
    let Prepared { session, schema, mapping, vault, point, asked, .. } = prepared;
    restore::until_free(session, &mapping.mapping.wedding.table, &asked.wedding).await.map_err(restore_error)?;
    let folder = context.home.spool(&operation.to_string());
    let mut to = Headed { vault_id: point.vault, vault, session, schema, wedding: &asked.wedding };
    match unfinished::compared(context, &mut to, operation, &folder).await {
        Ok(saved) if saved.rows_as_now => Ok(Aftermath::Untouched),
        Ok(_) => Ok(Aftermath::Changed),
        Err(error) if error.code() == Code::OperationNotFound => Ok(Aftermath::NothingSaved),
        Err(error) => Err(Error::because(error.code(), "a restore that was cut off cannot be looked into", error)),
    }
}
