//! What an error of the operating system means for a caller.

use crate::{Error, Key};
use rustix::io::Errno;
use std::io;

/// `source`, met while working on `key`.
pub(super) fn error(key: &Key, source: io::Error) -> Error {
    let key_text = key.to_string();
    let Some(errno) = Errno::from_io_error(&source) else {
        return match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { key: key_text },
            io::ErrorKind::AlreadyExists => Error::AlreadyExists { key: key_text },
            _ => Error::Permanent { key: key_text, source: source.into() },
        };
    };
    match errno {
        Errno::NOENT | Errno::NOTDIR => Error::NotFound { key: key_text },
        Errno::EXIST => Error::AlreadyExists { key: key_text },
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Error::AccessDenied { key: key_text, source: source.into() },
        Errno::NOSPC | Errno::DQUOT => Error::NoSpace { key: key_text, source: source.into() },
        Errno::INTR
        | Errno::AGAIN
        | Errno::TIMEDOUT
        | Errno::BUSY
        | Errno::STALE
        | Errno::NFILE
        | Errno::MFILE
        | Errno::NOMEM => Error::Transient { key: key_text, source: source.into() },
        _ => Error::Permanent { key: key_text, source: source.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_becomes_the_error_that_tells_the_caller_what_to_do() {
        let key = Key::parse("data/4f").unwrap();
        let of = |errno: Errno| error(&key, errno.into());
        assert!(matches!(of(Errno::NOSPC), Error::NoSpace { .. }));
        assert!(matches!(of(Errno::DQUOT), Error::NoSpace { .. }));
        assert!(matches!(of(Errno::ACCESS), Error::AccessDenied { .. }));
        assert!(matches!(of(Errno::ROFS), Error::AccessDenied { .. }));
        assert!(matches!(of(Errno::NOENT), Error::NotFound { .. }));
        assert!(matches!(of(Errno::NOTDIR), Error::NotFound { .. }));
        assert!(matches!(of(Errno::EXIST), Error::AlreadyExists { .. }));
        assert!(of(Errno::STALE).is_transient());
        assert!(matches!(of(Errno::IO), Error::Permanent { .. }));
        let plain = |kind: io::ErrorKind| error(&key, io::Error::new(kind, "no number"));
        assert!(plain(io::ErrorKind::NotFound).is_not_found());
        assert!(matches!(plain(io::ErrorKind::AlreadyExists), Error::AlreadyExists { .. }));
        assert!(matches!(plain(io::ErrorKind::Other), Error::Permanent { .. }));
    }
}
