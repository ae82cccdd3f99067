//! The operator's mail server.
//!
//! It is set by whoever runs the service and by nobody else, so it may be anywhere (S29 is about what tenants name). A password goes
//! nowhere without TLS, but on this machine.

use crate::{
    error::{Code, Error, Result},
    service::kept,
};
use keepsake_domain::notification::Trouble;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{Error as SmtpError, response::Code as Reply},
};
use std::{ffi::OsString, fmt, net::IpAddr, time::Duration};
use url::Url;

/// A server takes a mail within this time, or failed to.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where mails go, and from whom they are. Cheap to clone.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Smtp(redacted)")
    }
}

fn invalid(message: &str) -> Error {
    Error::new(Code::SmtpInvalid, message)
}

impl Smtp {
    /// The server whose URL is kept where `spec` says (`env:NAME` or `file:PATH`), with `from` as the sender.
    ///
    /// # Errors
    /// [`Code::SmtpInvalid`]; what was found is never repeated.
    pub fn locate(spec: &str, from: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self> {
        Self::new(&kept::read(spec, "the mail server's URL", Code::SmtpInvalid, env)?, from)
    }

    /// The server of a URL: `smtps://user:password@host`, or `smtp://host:port?tls=required` for STARTTLS. To be called in a
    /// tokio runtime, which looks after idle connections.
    ///
    /// # Errors
    /// [`Code::SmtpInvalid`]; the URL is never repeated.
    pub fn new(url: &str, from: &str) -> Result<Self> {
        let from: Mailbox = from.parse().map_err(|_| {
            invalid("the sender of mails must be an address such as keepsake@example.org, or Keepsake <keepsake@example.org>")
        })?;
        let wrong =
            || invalid("the mail server's URL must be smtps://user:password@host or smtp://host:port?tls=required");
        let read: Url = url.parse().map_err(|_| wrong())?;
        let secure = match read.scheme() {
            "smtps" => true,
            "smtp" => read.query_pairs().any(|(name, value)| name == "tls" && value == "required"),
            _ => return Err(wrong()),
        };
        let host = read.host_str().ok_or_else(wrong)?;
        // URLs of schemes that are not the Web's keep an address as a name.
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        if read.password().is_some() && !secure && !here {
            return Err(invalid(
                "a password goes to another machine over TLS only: use smtps://, or smtp:// with ?tls=required",
            ));
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| wrong())?;
        Ok(Self { transport: builder.timeout(Some(TIMEOUT)).build(), from })
    }

    /// From whom mails are.
    pub(super) const fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Sends a mail; why it failed, and whether trying again may help.
    pub(super) async fn send(&self, message: Message) -> Result<(), (Trouble, bool)> {
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_timeout() => Err((Trouble::TimedOut, true)),
            Err(error) => match error.status() {
                Some(reply) => Err((Trouble::Refused, !error.is_permanent() || is_about_login(reply))),
                None => Err((Trouble::Unreachable, !is_ours(&error))),
            },
        }
    }
}

/// What the operator can mend: 530, 534, 535, 538.
fn is_about_login(reply: Reply) -> bool {
    matches!(u16::from(reply), 530 | 534 | 535 | 538)
}

/// The mail itself cannot be sent by this server, whatever it answers.
fn is_ours(error: &SmtpError) -> bool {
    error.is_client()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "Keepsake <keepsake@example.org>";

    #[tokio::test]
    async fn a_password_goes_nowhere_without_tls_and_is_never_repeated() {
        for url in [
            "smtps://me:zX8-secret@mail.example.org",
            "smtp://me:zX8-secret@mail.example.org:587?tls=required",
            "smtp://me:zX8-secret@127.0.0.1:2525",
            "smtp://me:zX8-secret@localhost:2525",
            "smtp://mail.example.org:25",
        ] {
            assert!(Smtp::new(url, FROM).is_ok(), "{url}");
        }
        for url in [
            "smtp://me:zX8-secret@mail.example.org:25",
            "smtp://me:zX8-secret@mail.example.org:25?tls=opportunistic",
            "smtp://me:zX8-secret@127.mail.example.org",
            "http://me:zX8-secret@mail.example.org",
            "smtp:zX8-secret",
            "zX8-secret",
        ] {
            let error = Smtp::new(url, FROM).expect_err(url);
            assert_eq!(error.code(), Code::SmtpInvalid);
            assert!(!error.chain().contains("zX8-secret"), "{}", error.chain());
        }
        let shown = format!("{:?}", Smtp::new("smtps://me:zX8-secret@mail.example.org", FROM).unwrap());
        assert!(!shown.contains("zX8-secret"), "{shown}");
        assert_eq!(Smtp::new("smtp://localhost", "nobody").unwrap_err().code(), Code::SmtpInvalid);
    }
}
