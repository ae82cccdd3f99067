//! A backup that finds older packs lost is made once more without them: what it needs of them is stored anew. While the
//! source still has the data, a vault with old damage is no reason to be without a point of today.

use super::commit::backup_error;
use crate::{context::Context, error::Result, issue::Issue};
use futures::future::BoxFuture;
use keepsake_domain::VaultId;
use keepsake_vault::{
    backup,
    id::Id,
    vault::{Indexed, Vault},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A listing that is lost hides what lies below it, so the second attempt may find more; then the store is losing packs now.
const ATTEMPTS_MAX: usize = 3;

/// What is said of a pack that was found to be lost.
const LOST: &str = "an older pack is lost or damaged: what this point needs of it was stored anew, but older points may need \
                    more of it; run `keepsake verify --level all` to see which";

/// A vault that is backed up into.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The vault's id.
    pub id: VaultId,
    /// The vault, without the packs that earlier attempts found to be lost.
    pub vault: Arc<Vault<Indexed>>,
    lost: BTreeSet<Id>,
}

/// How an attempt ended that did not fail.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// There is a new point.
    Made(T),
    /// There is none, because it would need these packs.
    OlderPacksLost(BTreeSet<Id>),
}

impl<T> Ended<T> {
    /// The same end with another result.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Ended<U> {
        match self {
            Self::Made(result) => Ended::Made(change(result)),
            Self::OlderPacksLost(packs) => Ended::OlderPacksLost(packs),
        }
    }
}

impl Target {
    /// A vault for a first attempt.
    pub(crate) const fn new(id: VaultId, vault: Arc<Vault<Indexed>>) -> Self {
        Self { id, vault, lost: BTreeSet::new() }
    }

    fn without(mut self, packs: BTreeSet<Id>) -> Self {
        tracing::warn!(vault = %self.id, packs = packs.len(), "older packs are lost: the backup is made once more");
        self.vault = Arc::new(self.vault.without_packs(&packs));
        self.lost.extend(packs);
        self
    }

    /// A remark for each pack that was found to be lost.
    pub(super) fn issues(&self) -> impl Iterator<Item = Issue> {
        self.lost.iter().map(|pack| Issue {
            code: "older-pack-lost".to_owned(),
            subject: pack.to_string(),
            message: LOST.to_owned(),
        })
    }
}

/// Makes backups, and those once more that found older packs lost. `backup` says of each target how it ended, in order.
pub(super) async fn several<'a, T: Send>(
    context: &Context,
    targets: Vec<Target>,
    backup: impl Fn(Vec<Target>) -> BoxFuture<'a, Result<Vec<Ended<T>>>> + Send + Sync,
) -> Result<Vec<T>> {
    let mut made = BTreeMap::new();
    let mut open: BTreeMap<usize, Target> = targets.into_iter().enumerate().collect();
    let mut attempt = 1;
    loop {
        let ended = backup(open.values().cloned().collect()).await?;
        let mut again = BTreeMap::new();
        for ((place, target), ended) in open.into_iter().zip(ended) {
            match ended {
                Ended::Made(result) => drop(made.insert(place, result)),
                Ended::OlderPacksLost(packs) if attempt < ATTEMPTS_MAX => {
                    again.insert(place, target.without(packs));
                }
                Ended::OlderPacksLost(packs) => return Err(backup_error(backup::Error::OlderPacksLost { packs })),
            }
        }
        if again.is_empty() {
            return Ok(made.into_values().collect());
        }
        open = again;
        attempt += 1;
        context.progress.restart();
    }
}

/// As [`several`], of one.
pub(crate) async fn one<'a, T: Send + 'a>(
    context: &Context,
    target: Target,
    backup: impl Fn(Target) -> BoxFuture<'a, Result<Ended<T>>> + Send + Sync,
) -> Result<T> {
    let backup = |targets: Vec<Target>| -> BoxFuture<'a, Result<Vec<Ended<T>>>> {
        let backups: Vec<_> = targets.into_iter().map(&backup).collect();
        Box::pin(futures::future::try_join_all(backups))
    };
    let mut made = several(context, vec![target], backup).await?;
    Ok(made.pop().expect("each target that ends without an error has its result"))
}
