//! From a URL to a store that is ready for work.

use crate::{
    DynStore, Result,
    decorate::{
        limit::{Limited, Limits},
        prefix::Prefix,
        retry::{Policy, Retrying},
    },
    environment::Environment,
    local::Local,
    location::{Location, S3Location},
    memory::Memory,
    s3,
};
use keepsake_domain::{Clock, SystemClock};
use std::sync::Arc;

/// How a store is opened. [`Options::from_process`] suits a program; tests set what they need.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where credentials and the region of S3 come from.
    pub environment: Environment,
    /// Whether credentials of the machine itself (containers, instance metadata, web identity) may be used when the
    /// environment and the profile have none.
    pub machine_credentials: bool,
    /// What is done about failures that may pass.
    pub retry: Policy,
    /// How much is asked of the store at once.
    pub limits: Limits,
    /// Where stores that keep no time of their own get it from.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// The settings of a program: its own environment, and the defaults of everything else.
    pub fn from_process() -> Self {
        Self { environment: Environment::from_process(), ..Self::default() }
    }
}

impl Default for Options {
    /// An empty environment, the machine's credentials allowed, retries, no limits.
    fn default() -> Self {
        Self {
            environment: Environment::default(),
            machine_credentials: true,
            retry: Policy::default(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Opens the store that `url` names: `file:///folder`, `s3://bucket/prefix?...`, or `memory:` for tests.
///
/// Nothing is asked of the store yet: a wrong password shows at the first call. Passing failures are retried as
/// `options` say.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) if the URL or a setting cannot be used; the message says what to write instead.
pub fn open(url: &str, options: &Options) -> Result<DynStore> {
    open_location(&url.parse()?, options)
}

/// As [`open`], for a location that was parsed before.
///
/// # Errors
/// As [`open`].
pub fn open_location(location: &Location, options: &Options) -> Result<DynStore> {
    let mut store: DynStore = match location {
        Location::Memory => return Ok(Arc::new(Memory::with_clock(Arc::clone(&options.clock)))),
        Location::Local { path } => Arc::new(Retrying::new(Arc::new(Local::new(path)?), options.retry.local())),
        Location::S3(bucket) => {
            let store = s3::open(bucket, options)?;
            Arc::new(Retrying::new(Arc::new(store), options.retry.clone()))
        }
    };
    if let Location::S3(S3Location { prefix: Some(prefix), .. }) = location {
        store = Arc::new(Prefix::new(store, prefix.clone()));
    }
    if options.limits.is_any() {
        store = Arc::new(Limited::new(store, options.limits));
    }
    Ok(store)
}
