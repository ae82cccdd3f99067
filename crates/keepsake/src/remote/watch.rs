//! Waiting for what the service does, with its progress shown.

use super::Asking;
use crate::progress::{self, Reached, Watched};
use keepsake_api::executions::{ExecutionError, Progress};
use keepsake_app::{Code, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// A service that is started anew, or a network that hangs, is waited for: looks that fail in a row.
const PATIENCE: u32 = 240;

/// Something that ends.
pub trait Work: DeserializeOwned {
    /// How far it is.
    fn progress(&self) -> Option<&Progress>;
    /// Whether it has ended.
    fn has_ended(&self) -> bool;
    /// Why it failed.
    fn error(&self) -> Option<&ExecutionError>;
}

#[derive(Default)]
struct Seen {
    done: AtomicU64,
    total: AtomicU64,
    items: AtomicU64,
}

impl Watched for Seen {
    fn reached(&self) -> Reached {
        Reached {
            bytes_done: self.done.load(Relaxed),
            bytes_total: self.total.load(Relaxed),
            counted: format!("{} items", self.items.load(Relaxed)),
        }
    }
}

/// Waits until what is at `place` has ended. Whoever interrupts it has it cancelled, where `place/cancel` is a call.
///
/// # Errors
/// [`Code::Interrupted`]; [`Code::ServerUnreachable`] if the service stays away for a minute.
pub async fn until_ended<T: Work>(asking: &Asking, what: &str, place: &str, can_cancel: bool) -> Result<T> {
    let seen = Seen::default();
    let looking = async {
        let mut failures = 0;
        loop {
            match asking.server.get::<T>(place, &[]).await {
                Ok(work) if work.has_ended() => return Ok(work),
                Ok(work) => {
                    failures = 0;
                    note(&seen, work.progress());
                }
                Err(error) if error.code().may_retry() && failures < PATIENCE => failures += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        ended = progress::shown(asking.output, what, &seen, looking) => ended,
        () = asking.cancel.cancelled() => Err(stopped(asking, place, can_cancel).await),
    }
}

fn note(seen: &Seen, progress: Option<&Progress>) {
    if let Some(progress) = progress {
        seen.done.store(progress.bytes_done, Relaxed);
        seen.total.store(progress.bytes_total.unwrap_or_default(), Relaxed);
        seen.items.store(progress.items_done, Relaxed);
    }
}

/// What to say to somebody who does not want to wait any more.
async fn stopped(asking: &Asking, place: &str, can_cancel: bool) -> Error {
    if !can_cancel {
        return Error::new(Code::Interrupted, format!("no longer waiting; the service goes on: {place}"));
    }
    match asking.server.post::<Value>(&format!("{place}/cancel"), &json!({})).await {
        Ok(_) => Error::new(Code::Interrupted, format!("the service was told to stop it: {place}")),
        Err(error) => {
            Error::because(Code::Interrupted, format!("no longer waiting, and it was not stopped: {place}"), error)
        }
    }
}

/// Why it failed, as an error of this program.
pub fn failure(error: Option<&ExecutionError>, otherwise: &str) -> Error {
    match error {
        Some(error) => {
            let code = Code::named(&error.code).unwrap_or(Code::ServerFailed);
            Error::new(code, error.detail.clone())
        }
        None => Error::new(Code::ServerFailed, otherwise),
    }
}
