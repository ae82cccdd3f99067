//! Places at which a test can end the process, as a power cut would, or hold it to change the world under it.
//!
//! With `KEEPSAKE_FAIL_AT=<name>:<n>` in its environment the process aborts the n-th time (from 1) that it passes the
//! place `name`; with `<name>:<n>:stop` it stops there (SIGSTOP) until it is told to go on. A test visits every name of
//! [`ALL`], so that a new place cannot be forgotten.

use rustix::{
    process::{Signal, kill_process},
    thread::gettid,
};

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// A place in the write path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// A pack is complete in memory and about to be written.
    BeforePackPut,
    /// A pack is stored, and no index names it yet.
    AfterPackPut,
    /// All packs that an index file will name are stored.
    BeforeIndexPut,
    /// An index file is stored, and no snapshot needs it yet.
    AfterIndexPut,
    /// Packs and index are stored.
    BeforeSnapshotPut,
    /// The snapshot is stored, and the caller does not know it yet.
    AfterSnapshotPut,
}

/// Every place there is.
pub const ALL: [Failpoint; 6] = [
    Failpoint::BeforePackPut,
    Failpoint::AfterPackPut,
    Failpoint::BeforeIndexPut,
    Failpoint::AfterIndexPut,
    Failpoint::BeforeSnapshotPut,
    Failpoint::AfterSnapshotPut,
];

/// The variable that arms a place.
pub const VARIABLE: &str = "KEEPSAKE_FAIL_AT";

impl Failpoint {
    /// The name in [`VARIABLE`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforePackPut => "before-pack-put",
            Self::AfterPackPut => "after-pack-put",
            Self::BeforeIndexPut => "before-index-put",
            Self::AfterIndexPut => "after-index-put",
            Self::BeforeSnapshotPut => "before-snapshot-put",
            Self::AfterSnapshotPut => "after-snapshot-put",
        }
    }
}

struct Armed {
    place: Failpoint,
    left: AtomicU64,
    /// Stop here instead of aborting.
    stop: bool,
}

fn parse(text: &str) -> Option<Armed> {
    let mut parts = text.splitn(3, ':');
    let (name, count, action) = (parts.next()?, parts.next().unwrap_or("1"), parts.next());
    let place = ALL.into_iter().find(|place| place.name() == name)?;
    let stop = match action {
        None => false,
        Some("stop") => true,
        Some(_) => return None,
    };
    Some(Armed { place, left: AtomicU64::new(count.parse().ok()?), stop })
}

/// Passes `place`: aborts the process if it is armed and its turn has come.
pub(crate) fn hit(place: Failpoint) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?));
    if let Some(armed) = armed.as_ref().filter(|armed| armed.place == place)
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // By the thread's own number: sent to the process, another thread takes the signal, and this one may be far beyond
        // the place before it does.
        if !armed.stop || kill_process(gettid(), Signal::STOP).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_and_counted() {
        for place in ALL {
            let armed = parse(&format!("{}:3", place.name())).unwrap();
            assert_eq!((armed.place, armed.left.load(Ordering::SeqCst)), (place, 3));
        }
        assert_eq!(parse("before-pack-put").unwrap().left.load(Ordering::SeqCst), 1);
        assert!(parse("before-lunch:1").is_none() && parse("before-pack-put:x").is_none());
        assert!(parse("before-pack-put:2:stop").unwrap().stop && parse("before-pack-put:2:think").is_none());
    }
}
