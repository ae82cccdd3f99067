//! The session of this user with a service, between commands: a file in the home folder that nobody else can read.
//!
//! A refresh token works once, and one that comes twice ends the session for everybody (docs/identity.md). So commands that run at the same
//! time must not refresh at the same time: whoever does holds a lock, and writes what it got before letting go.

use super::client::Server;
use jiff::{Timestamp, ToSpan};
use keepsake_api::auth::{Access, RefreshRequest, Session};
use keepsake_app::{Code, Error, Home, Result, identity::Secret};
use keepsake_domain::{Clock as _, SystemClock};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};
use url::Url;

/// An access token that ends sooner than this is refreshed first: a request may take as long.
const MARGIN_SECONDS: i64 = 60;

/// The session with one service.
pub struct Sessions {
    home: Home,
    file: PathBuf,
}

impl Sessions {
    /// Of the service at `url`.
    pub fn of(home: &Home, url: &Url) -> Self {
        let name = utf8_percent_encode(url.as_str().trim_end_matches('/'), NON_ALPHANUMERIC).to_string();
        Self { home: home.clone(), file: home.folder().join("sessions").join(name) }
    }

    /// An access token that works for a while.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] if nobody is logged in, or the session ended; [`Code::HomeFailed`].
    pub async fn access(&self, server: &Server) -> Result<Secret> {
        let _lock = self.lock().await?;
        let session = self.read()?.ok_or_else(|| nobody(server))?;
        let now = SystemClock.now();
        if session.access_expires_at > now + MARGIN_SECONDS.seconds() {
            return Ok(secret(&session.access_token));
        }
        if session.session_expires_at <= now {
            return Err(nobody(server));
        }
        let request = RefreshRequest { refresh_token: session.refresh_token };
        let next: Session = server.post_unnamed("/api/auth/refresh", &request).await?;
        self.write(&next)?;
        Ok(secret(&next.access_token))
    }

    /// Keeps a new session.
    ///
    /// # Errors
    /// [`Code::HomeFailed`].
    pub async fn keep(&self, session: &Session) -> Result<()> {
        let _lock = self.lock().await?;
        self.write(session)
    }

    /// When the second factor in it was given.
    ///
    /// # Errors
    /// [`Code::HomeFailed`].
    pub async fn mfa_at(&self) -> Result<Option<Timestamp>> {
        let _lock = self.lock().await?;
        Ok(self.read()?.and_then(|session| session.mfa_at))
    }

    /// Keeps what a second factor added to the session.
    ///
    /// # Errors
    /// [`Code::HomeFailed`].
    pub async fn step_up(&self, access: Access) -> Result<()> {
        let _lock = self.lock().await?;
        if let Some(mut session) = self.read()? {
            session.access_token = access.access_token;
            session.access_expires_at = access.access_expires_at;
            session.mfa_at = access.mfa_at;
            self.write(&session)?;
        }
        Ok(())
    }

    /// Forgets it.
    ///
    /// # Errors
    /// [`Code::HomeFailed`].
    pub async fn forget(&self) -> Result<()> {
        let _lock = self.lock().await?;
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// One command at a time; the lock goes with the file that is returned.
    async fn lock(&self) -> Result<File> {
        self.home.create()?;
        let folder = self.file.parent().unwrap_or(self.home.folder());
        fs::create_dir_all(folder).map_err(|error| self.failed(error))?;
        let path = self.file.with_extension("lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = file.map_err(|error| self.failed(error))?;
        let locked = tokio::task::spawn_blocking(move || flock(&file, FlockOperation::LockExclusive).map(|()| file));
        let lost = |error| Error::because(Code::HomeFailed, "waiting for another command", error);
        locked.await.map_err(lost)?.map_err(|error| self.failed(error.into()))
    }

    fn read(&self) -> Result<Option<Session>> {
        match fs::read(&self.file) {
            Ok(bytes) => {
                let broken = |error| {
                    let text = format!("{} is no session: remove it and log in again", self.file.display());
                    Error::because(Code::HomeFailed, text, error)
                };
                serde_json::from_slice(&bytes).map(Some).map_err(broken)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// All of it or nothing: a session that is lost in the middle would be one that was used twice.
    fn write(&self, session: &Session) -> Result<()> {
        let bytes = serde_json::to_vec(session).map_err(|error| self.failed(error.into()))?;
        let next = self.file.with_extension("next");
        let written = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next);
        let written = written.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
        written.and_then(|()| fs::rename(&next, &self.file)).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::because(Code::HomeFailed, format!("cannot use {}", self.file.display()), error)
    }
}

fn secret(token: &keepsake_api::Secret) -> Secret {
    Secret::new(token.expose())
}

fn nobody(server: &Server) -> Error {
    let text = format!(
        "nobody is logged in at {}: use `keepsake login`, or give an API token in KEEPSAKE_TOKEN",
        server.url()
    );
    Error::new(Code::Unauthenticated, text)
}

/// Whether `at` is still fresh enough for what takes a second factor: five minutes, less the time to use it.
pub fn is_fresh(at: Option<Timestamp>) -> bool {
    at.is_some_and(|at| SystemClock.now() < at + 240.seconds())
}
