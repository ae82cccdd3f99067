//! Rows on their way out.

use super::{Canceller, ServerError};
use bytes::Bytes;
use futures::Stream;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio_postgres::CopyOutStream;

/// The bytes of a `COPY ... TO STDOUT`, one row an item. See [`Session::copy_out`](super::Session::copy_out).
pub struct CopyOut {
    stream: Pin<Box<CopyOutStream>>,
    canceller: Canceller,
    broken: Arc<AtomicBool>,
    ended: bool,
}

impl CopyOut {
    pub(super) fn new(stream: CopyOutStream, canceller: Canceller, broken: Arc<AtomicBool>) -> Self {
        Self { stream: Box::pin(stream), canceller, broken, ended: false }
    }
}

impl Stream for CopyOut {
    type Item = Result<Bytes, ServerError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.stream.as_mut().poll_next(cx));
        match &next {
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                self.ended = true;
                self.broken.store(true, Ordering::Release);
            }
            None => self.ended = true,
        }
        Poll::Ready(next.map(|item| item.map_err(ServerError::from)))
    }
}

impl Drop for CopyOut {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.broken.store(true, Ordering::Release);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let canceller = self.canceller.clone();
            runtime.spawn(async move {
                if let Err(error) = canceller.cancel().await {
                    tracing::debug!(%error, "a COPY that nobody reads could not be cancelled; it ends with its connection");
                }
            });
        }
    }
}

impl std::fmt::Debug for CopyOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyOut").field("ended", &self.ended).finish_non_exhaustive()
    }
}
