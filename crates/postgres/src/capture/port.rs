//! Where captures go and come from.

use bytes::Bytes;
use futures::stream::BoxStream;

/// A failure on the far side of a sink or source.
pub type PortError = Box<dyn std::error::Error + Send + Sync>;

/// Takes the files of one capture. Paths are relative, `/`-separated, as in docs/format/capture.md.
#[async_trait::async_trait]
pub trait Sink: Send + Sync {
    /// Begins a file. Several may be open at once.
    ///
    /// # Errors
    /// Whatever the far side reports; the capture fails.
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError>;
}

/// Takes the bytes of one file in order. Dropped without [`finish`](FileSink::finish), the capture fails.
#[async_trait::async_trait]
pub trait FileSink: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// Whatever the far side reports.
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError>;

    /// Ends the file.
    ///
    /// # Errors
    /// Whatever the far side reports.
    async fn finish(self: Box<Self>) -> Result<(), PortError>;

    /// Takes the file back as if it had never been begun, because its source failed half-way (safety rule S13: the capture
    /// then goes on as incomplete). A sink that cannot do so keeps this default, and the capture fails.
    ///
    /// # Errors
    /// Whatever the far side reports; the capture fails.
    async fn abandon(self: Box<Self>) -> Result<(), PortError> {
        Err("a file could not be read to its end, and what was stored of it cannot be taken back".into())
    }
}

/// Gives the files of one capture back.
#[async_trait::async_trait]
pub trait Source: Send + Sync {
    /// The file's bytes, or `None` if the capture has no such file.
    ///
    /// # Errors
    /// Whatever the far side reports, before or in the stream.
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError>;
}
