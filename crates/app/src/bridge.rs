//! Where captures and vaults meet: a capture's sink that is a backup session, and a capture's source that is a snapshot.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use keepsake_postgres::capture::{FileSink, PortError, Sink, Source};
use keepsake_vault::{
    backup::{Backup, FileMeta, FileWriter},
    engine::Engine,
    restore,
    snapshot::Snapshot,
    vault::{Indexed, Vault},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A capture written into a backup session.
pub(crate) struct IntoVault(pub Arc<Backup>);

struct Writing(FileWriter);

#[async_trait::async_trait]
impl Sink for IntoVault {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        Ok(Box::new(Writing(self.0.file(path, FileMeta::default())?)))
    }
}

#[async_trait::async_trait]
impl FileSink for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        Ok(self.0.write(bytes).await?)
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        self.0.finish().await?;
        Ok(())
    }
}

/// A capture read from a snapshot.
pub(crate) struct FromVault {
    pub vault: Arc<Vault<Indexed>>,
    pub engine: Engine,
    pub snapshot: Snapshot,
    pub cancel: CancellationToken,
}

#[async_trait::async_trait]
impl Source for FromVault {
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError> {
        match self.vault.read(&self.engine, &self.snapshot, path, &self.cancel).await {
            Ok(bytes) => Ok(Some(bytes.map_err(PortError::from).boxed())),
            Err(restore::Error::NoFile { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
