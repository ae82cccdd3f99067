//! `keepsake undo`.

use super::{
    Surroundings,
    restore::{Decided, conclude},
};
use crate::cli;
use keepsake_app::{Result, Storage, recovery, source};

pub async fn run(surroundings: &Surroundings, asked: &cli::Undo) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, asked.storage.url()?)?;
    let target = source::resolve(asked.target.given()?, &|text| surroundings.output.warn(text))?;
    let look_only = asked.dry_run || !(asked.yes || surroundings.output.can_ask());
    let undo = recovery::Undo {
        operation: asked.operation,
        vault: None,
        target: &target,
        files_root: asked.files_root.clone(),
        host_files: true,
        look_only,
    };
    let prepared = recovery::prepare_undo(&context, &storage, undo).await?;
    let decided = Decided { dry_run: asked.dry_run, yes: asked.yes, pinned: None };
    Box::pin(conclude(surroundings, &context, prepared, &decided)).await
}
