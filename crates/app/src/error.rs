//! Errors as a user meets them: a stable code, what happened, and what to do next.
//!
//! Lower layers say what failed in their own words; here each failure gets the code under which docs/errors.md explains
//! it, and the class that decides the exit status. Messages carry no secrets and no personal data.

use std::fmt;

/// Result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How an operation ended that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It was tried and failed.
    Failed,
    /// It was asked for in a way that cannot be right.
    Usage,
    /// It was not tried, or rolled back, because going on would be unsafe.
    Refused,
    /// The user stopped it.
    Interrupted,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $class:ident, $retry:literal, $remedy:literal;)*) => {
        /// A stable name for a kind of failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }

            /// The name: `KS-` codes never change their meaning.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How the operation ended.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// Whether trying the same again may succeed without anybody changing anything.
            pub const fn may_retry(self) -> bool {
                match self { $(Self::$variant => $retry,)* }
            }

            /// What to do next.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    /// The words make no command.
    Usage, "usage", Usage, false, "see `keepsake help` and the help of the command";
    /// No master key where it should be.
    MasterKeyMissing, "master-key-missing", Failed, false,
        "run `keepsake init`, or point KEEPSAKE_HOME or KEEPSAKE_MASTER_KEY_FILE at the key that made these vaults";
    /// The master key can be read by others, or is malformed.
    MasterKeyUnsafe, "master-key-unsafe", Refused, false,
        "make the key file readable by its owner only (chmod 600), and ask who may have read it";
    /// Another master key made this vault.
    MasterKeyWrong, "master-key-wrong", Failed, false,
        "use the master key that the message names by its id";
    /// The storage URL cannot be used.
    StorageInvalid, "storage-invalid", Usage, false,
        "write file:///absolute/folder or s3://bucket/prefix?endpoint=URL";
    /// The store refused or failed.
    StorageFailed, "storage-failed", Failed, true,
        "check that the storage location is reachable, writable and not full; what was stored is kept and used by the next run";
    /// The store has no space left.
    StorageFull, "storage-full", Failed, false,
        "free space in the storage location; what was stored is kept and used by the next run";
    /// The store does not enforce create-only puts, so that two writers could overwrite each other.
    StorageUnsafe, "storage-unsafe", Refused, false,
        "use a store that enforces conditional puts (If-None-Match), or create vaults through one that does";
    /// No such vault.
    VaultNotFound, "vault-not-found", Failed, false, "list what there is with `keepsake vaults`";
    /// Several vaults fit.
    VaultAmbiguous, "vault-ambiguous", Usage, false, "name one with --vault; `keepsake vaults` lists them";
    /// A vault or point is damaged.
    VaultDamaged, "vault-damaged", Failed, false,
        "run `keepsake verify --level all` to see what is touched, and restore from another point";
    /// No such point.
    PointNotFound, "point-not-found", Failed, false, "list what there is with `keepsake points`";
    /// The connection string cannot be used.
    DsnInvalid, "dsn-invalid", Usage, false, "write postgres://user@host/database, env:NAME or file:PATH";
    /// The mail server's settings cannot be used.
    SmtpInvalid, "smtp-invalid", Usage, false,
        "write smtps://user:password@host into a variable or a file, and name it as env:NAME or file:PATH";
    /// The database cannot be reached or went away.
    DatabaseUnreachable, "database-unreachable", Failed, true,
        "check host, port, password and pg_hba.conf; nothing was changed";
    /// The role lacks rights.
    DatabaseRights, "database-rights", Failed, false, "grant what the message names; `keepsake doctor --source` checks it";
    /// The database cannot be captured as it is.
    DatabaseUnsuitable, "database-unsuitable", Refused, false, "see the message for what stands in the way";
    /// The capture gave way to a waiting schema change.
    CaptureYielded, "capture-yielded", Failed, true, "run it again when the schema change is through";
    /// The capture failed.
    CaptureFailed, "capture-failed", Failed, true, "no point was made; mend what the message names and run it again";
    /// The mapping cannot be read.
    MappingInvalid, "mapping-invalid", Usage, false, "mend the line that the message names";
    /// The mapping does not fit the database.
    MappingMismatch, "mapping-mismatch", Refused, false,
        "mend the lines that the message names, or run `keepsake inspect` again";
    /// No such wedding.
    WeddingNotFound, "wedding-not-found", Failed, false, "check the id and the mapping's root table and id column";
    /// The restore cannot be done safely.
    RestoreRefused, "restore-refused", Refused, false, "nothing was changed; see the message, and try --dry-run";
    /// Live changed since the preview that the caller pinned.
    PreviewChanged, "preview-changed", Refused, false, "nothing was changed; look at a new preview and pin that";
    /// Somebody else holds the rows.
    RestoreBusy, "restore-busy", Failed, true, "nothing was changed; try again when the other transaction is through";
    /// The restore failed and was rolled back.
    RestoreFailed, "restore-failed", Failed, false,
        "nothing was changed in the database; the state before is kept as a pre-recovery snapshot";
    /// The connection broke during the commit: the rows are restored, or not.
    RestoreUncertain, "restore-uncertain", Failed, false,
        "look at a new preview (--dry-run): where nothing would change, the restore took effect and can be undone; else restore again";
    /// The database to restore into is not empty.
    TargetNotEmpty, "target-not-empty", Refused, false, "create a new, empty database and restore into that";
    /// Nobody said yes.
    ConfirmNeeded, "confirm-needed", Refused, false, "look at the preview and say --yes";
    /// No such operation.
    OperationNotFound, "operation-not-found", Failed, false,
        "list pre-recovery snapshots with `keepsake points --all`; the restore named its operation";
    /// Files could not be read or written.
    FilesFailed, "files-failed", Failed, true, "mend what the message names and run it again; finished files are kept";
    /// Secrets may only go to a terminal or a private file.
    SecretOutput, "secret-output", Refused, false, "write it with --output FILE (mode 0600), or to a terminal";
    /// A file or folder of the installation cannot be used.
    HomeFailed, "home-failed", Failed, false, "check the folder KEEPSAKE_HOME and its permissions";
    /// The catalog cannot be reached or used.
    CatalogFailed, "catalog-failed", Failed, true,
        "see the message; without the catalog, restores work from the command line with the storage and the master key";
    /// Nobody is logged in.
    Unauthenticated, "unauthenticated", Refused, false, "log in, or give a token";
    /// It takes a second factor given just now.
    MfaRequired, "mfa-required", Refused, false, "give a code of your authenticator (POST /api/auth/mfa/verify) and ask again";
    /// The code of a second factor is wrong, or was used before.
    MfaFailed, "mfa-failed", Refused, false, "wait for your authenticator's next code and give that, or use a recovery code";
    /// Too many failed attempts.
    TooManyAttempts, "too-many-attempts", Refused, true, "wait 15 minutes after the last attempt that failed, then try again";
    /// A refresh token came a second time: the session was ended.
    SessionRevoked, "session-revoked", Refused, false,
        "log in again; if it was not your own program that sent the token twice, change your password";
    /// More is asked at once than the service takes on.
    Busy, "busy", Failed, true, "try again in a few seconds";
    /// The caller's role does not include it.
    Forbidden, "forbidden", Refused, false, "ask an admin of your organisation";
    /// There is no such thing, or not for this caller.
    NotFound, "not-found", Failed, false, "check the id; lists show what there is for you";
    /// There is one already.
    Exists, "exists", Failed, false, "use what is there, or choose another name";
    /// It was changed by somebody else since it was read.
    Stale, "stale", Failed, false, "read it again, and repeat the change on what is there now";
    /// Something still needs it.
    InUse, "in-use", Refused, false, "take it out of what the message names first";
    /// It has ended, or has gone too far for that.
    Ended, "ended", Refused, false, "look at what came of it; a new one can be started";
    /// As many emergency restores as one person may start at once.
    EmergencyLimit, "emergency-limit", Refused, false,
        "look at what came of those; a restore with a preview (POST /api/backup/recovery/initiate) is not limited";
    /// Several points may be meant.
    ChoosePoint, "choose-point", Refused, false, "look at the candidates, and name the one that is meant as recovery_point_id";
    /// The values cannot be used.
    Invalid, "invalid", Usage, false, "mend what the message names";
    /// Stopped by the user.
    Interrupted, "interrupted", Interrupted, true,
        "no point was made and nothing was changed; what was stored is used by the next run";
    /// No answer from the service that was to do it.
    ServerUnreachable, "server-unreachable", Failed, true,
        "check --server and the network; what the service had begun goes on there";
    /// The service answered in a way that this program does not understand.
    ServerFailed, "server-failed", Failed, false,
        "see the message; the service's log has more under the request's id, and both should be of the same version";
    /// The demo met something that is not as it should be.
    DemoFailed, "demo-failed", Failed, false,
        "run it again with --keep and look at what the message names; if it fails again, report it";
    /// Stored data are damaged, or checks found faults.
    VerifyFailed, "verify-failed", Failed, false,
        "the findings name what is touched: restore points and files from another point or copy; for the audit log see docs/audit.md";
}

/// A failed use case.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with nothing behind it.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), source: None }
    }

    /// An error with its cause.
    pub fn because(
        code: Code,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { code, message: message.into(), source: Some(source.into()) }
    }

    /// The stable code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The message and the whole chain behind it, each part once.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.ends_with(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page() {
        let pages = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md")).unwrap();
        for code in Code::ALL {
            assert!(pages.contains(&format!("## {}\n", code.name())), "docs/errors.md has no section {}", code.name());
        }
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        let disk = std::io::Error::other("disk on fire");
        let error = Error::because(Code::StorageFailed, "could not write the pack", disk);
        assert_eq!(error.chain(), "could not write the pack: disk on fire");
    }
}
