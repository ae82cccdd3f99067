//! The command line as data: what can be typed, with its help. It runs nothing.

use clap::{Args, Parser, Subcommand, ValueEnum};
use keepsake_app::{Code, Error, Result};
use keepsake_domain::{
    Group, OperationId, OrganisationId, PointId, VaultId,
    permission::Role,
    restore::{ConflictRule, Mode},
};
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

/// Heading of the options that every command has, below its own.
const EVERYWHERE: &str = "Options of every command";
/// Heading of the options that only mean something to a service.
const OVER: &str = "With --server";

/// Backup and disaster recovery for wedding-planning platforms.
///
/// Every vault that Keepsake writes is a restic repository: with the exported secret, stock restic opens it.
#[derive(Debug, Parser)]
#[command(name = "keepsake", version, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Print one JSON object on standard output; progress and messages go to standard error.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,

    /// No progress and no notes, only results and errors.
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    pub quiet: bool,

    /// Folder of the master key, settings and journal.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "KEEPSAKE_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// Ask the service at this URL to do it, instead of working on the storage and the database from here. Sources then go by the
    /// names that they have there. `keepsake login` comes first, or an API token in KEEPSAKE_TOKEN.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "KEEPSAKE_SERVER", value_name = "URL")]
    pub server: Option<String>,

    /// Memory for data in flight, in MiB; every running job shares it.
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "KEEPSAKE_MEMORY_MIB", default_value_t = 128, value_name = "MIB",
          value_parser = clap::value_parser!(u32).range(16..=65_536), hide_short_help = true)]
    pub memory_mib: u32,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create the master key and prepare a storage location.
    Init(Storage),
    /// Read a database's catalog and propose what a wedding is in it.
    Inspect(Inspect),
    /// Take a backup.
    #[command(subcommand)]
    Backup(Backup),
    /// List the vaults of a storage location.
    Vaults(Storage),
    /// List recovery points, newest first.
    Points(Points),
    /// Put data back.
    #[command(subcommand)]
    Restore(Restore),
    /// Undo a restore from the state that was saved before it.
    Undo(Undo),
    /// Check vaults: their structure, the hashes of all objects, or every byte.
    Verify(Verify),
    /// Keys and secrets.
    #[command(subcommand)]
    Keys(Keys),
    /// Look after the service at its machine.
    #[command(subcommand)]
    Admin(Admin),
    /// The audit log of the service: check it, and prove what is in it.
    #[command(subcommand)]
    Audit(Audit),
    /// Log in to the service at --server. Later commands use that session.
    ///
    /// It is kept in the home folder, for its owner only.
    Login(Login),
    /// End the session with the service at --server.
    Logout,
    /// Check this installation: programs, keys, permissions, storage, database.
    Doctor(Doctor),
    /// Run the service: the HTTP API, until it is told to stop (SIGTERM or Ctrl-C).
    Serve(Serve),
    /// Show everything on a private database with sample weddings, in a temporary folder.
    Demo(Demo),
    /// Print a shell completion script.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where vaults live.
#[derive(Debug, Args)]
pub struct Storage {
    /// file:///absolute/folder or s3://bucket/prefix?endpoint=URL&region=NAME. Credentials come from the environment
    /// (AWS_ACCESS_KEY_ID ...) or ~/.aws/credentials, never from here.
    #[arg(long, env = "KEEPSAKE_STORAGE", value_name = "URL")]
    pub storage: Option<String>,
}

impl Storage {
    /// What was given.
    ///
    /// # Errors
    /// [`Code::Usage`] if nothing was: only a service knows by itself where it stores.
    pub fn url(&self) -> Result<&str> {
        let missing = || {
            Error::new(Code::Usage, "name the storage with --storage or KEEPSAKE_STORAGE, or a service with --server")
        };
        self.storage.as_deref().ok_or_else(missing)
    }
}

/// A protected database.
#[derive(Debug, Args)]
pub struct Source {
    /// Connection string (URL or key=value), or env:NAME or file:PATH that holds one; libpq's environment, password and
    /// service files work too. With --server: the name or id of a source there.
    #[arg(long, value_name = "DSN|NAME")]
    pub source: Option<String>,
}

impl Source {
    /// What was given.
    ///
    /// # Errors
    /// [`Code::Usage`] if nothing was.
    pub fn given(&self) -> Result<&str> {
        self.source.as_deref().ok_or_else(|| Error::new(Code::Usage, "name the database with --source"))
    }
}

/// A database to restore into.
#[derive(Debug, Args)]
pub struct Target {
    /// Connection string (URL or key=value), or env:NAME or file:PATH that holds one. With --server: the name or id of the wedding's
    /// source there, if weddings of several have this id.
    #[arg(long, value_name = "DSN|NAME")]
    pub target: Option<String>,
}

impl Target {
    /// What was given.
    ///
    /// # Errors
    /// [`Code::Usage`] if nothing was.
    pub fn given(&self) -> Result<&str> {
        self.target.as_deref().ok_or_else(|| Error::new(Code::Usage, "name the database to restore into with --target"))
    }
}

/// Why something is asked of a service.
#[derive(Debug, Args)]
pub struct Reason {
    /// Why, for the audit log.
    #[arg(long, default_value = "asked for at the command line", value_name = "TEXT", help_heading = OVER)]
    pub reason: String,
}

/// `keepsake login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Your address.
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// Read the password from the first line of this file, or of standard input if it is `-`. Without it the terminal asks.
    #[arg(long, value_name = "FILE|-")]
    pub password_file: Option<PathBuf>,
    /// Read the authenticator's code from the first line of this file, or of standard input if it is `-`. Without it a terminal asks,
    /// if there is a second factor. What takes one is open for five minutes from then.
    #[arg(long, value_name = "FILE|-")]
    pub code_file: Option<PathBuf>,
}

/// `keepsake inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The database.
    #[command(flatten)]
    pub source: Source,
    /// Write the proposed mapping here; without it, it is printed.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Never ask; write unclear decisions as assumed.
    #[arg(long)]
    pub no_ask: bool,
}

/// `keepsake backup ...`.
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// One wedding: its rows, the shared rows it refers to, and its files.
    Wedding {
        /// The wedding, by the id column of the mapping. Several are captured in one pass over one snapshot.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// The database.
        #[command(flatten)]
        source: Source,
        /// The mapping; without one, the inspection's own proposal is used.
        #[arg(long, value_name = "FILE")]
        mapping: Option<PathBuf>,
        /// Where the wedding's files are, instead of what the mapping says.
        #[arg(long, value_name = "DIR|BUCKET-URL")]
        files_root: Option<String>,
        /// A name for this source that stays the same when the server moves. Default: the cluster's own id.
        #[arg(long, value_name = "NAME")]
        source_name: Option<String>,
        /// Where to.
        #[command(flatten)]
        storage: Storage,
        /// It cannot wait: before everything else, and everybody concerned is told.
        #[arg(long, help_heading = OVER)]
        emergency: bool,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// A whole database.
    Database {
        /// The database.
        #[command(flatten)]
        source: Source,
        /// A name for this source that stays the same when the server moves. Default: the cluster's own id.
        #[arg(long, value_name = "NAME")]
        source_name: Option<String>,
        /// Where to.
        #[command(flatten)]
        storage: Storage,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Folders, files, or a bucket.
    Files {
        /// Folders or files, or one bucket URL (s3://bucket/prefix?...).
        #[arg(required = true, value_name = "PATH|BUCKET-URL")]
        paths: Vec<String>,
        /// Name of the vault. Default: made from the paths.
        #[arg(long)]
        name: Option<String>,
        /// Read everything that was stored back from the store, too; otherwise its presence and size are proven.
        #[arg(long)]
        read_back: bool,
        /// Where to.
        #[command(flatten)]
        storage: Storage,
    },
}

/// `keepsake points`.
#[derive(Debug, Args)]
pub struct Points {
    /// Where from.
    #[command(flatten)]
    pub storage: Storage,
    /// Only this vault.
    #[arg(long, value_name = "ID")]
    pub vault: Option<VaultId>,
    /// List the states saved before restores, too.
    #[arg(long)]
    pub all: bool,
    /// Only of this wedding, by its id in its own database.
    #[arg(long, value_name = "ID", help_heading = OVER)]
    pub wedding: Option<String>,
}

/// Which recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The newest complete one.
    Latest,
    /// This one.
    Id(PointId),
}

fn parse_point(text: &str) -> Result<Point, String> {
    if text == "latest" {
        return Ok(Point::Latest);
    }
    text.parse().map(Point::Id).map_err(|error: keepsake_domain::id::ParseIdError| format!("{error}, or `latest`"))
}

/// `keepsake restore ...`.
#[derive(Debug, Subcommand)]
pub enum Restore {
    /// One wedding, or some groups of it, into the live database or a side schema.
    Wedding(Box<RestoreWedding>),
    /// A whole database, into an empty one.
    Database {
        /// Which point.
        #[arg(long, value_parser = parse_point, default_value = "latest", value_name = "ID|latest")]
        point: Point,
        /// From which vault, where there are several databases.
        #[arg(long, value_name = "ID")]
        vault: Option<VaultId>,
        /// The empty database.
        #[command(flatten)]
        target: Target,
        /// Where from.
        #[command(flatten)]
        storage: Storage,
    },
    /// Files, into a folder.
    Files {
        /// Which point.
        #[arg(long, value_parser = parse_point, default_value = "latest", value_name = "ID|latest")]
        point: Point,
        /// The folder; paths lie below it as they were given at the backup, less the leading slash.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// From which vault.
        #[arg(long, value_name = "ID", conflicts_with = "name")]
        vault: Option<VaultId>,
        /// From the vault of this name.
        #[arg(long)]
        name: Option<String>,
        /// Where from.
        #[command(flatten)]
        storage: Storage,
    },
}

/// `keepsake restore wedding`.
#[derive(Debug, Args)]
pub struct RestoreWedding {
    /// The wedding.
    pub id: String,
    /// The live database.
    #[command(flatten)]
    pub target: Target,
    /// Where from.
    #[command(flatten)]
    pub storage: Storage,
    /// Which point.
    #[arg(long, value_parser = parse_point, default_value = "latest", value_name = "ID|latest")]
    pub point: Point,
    /// From which vault, where several sources have a wedding of this id.
    #[arg(long, value_name = "ID")]
    pub vault: Option<VaultId>,
    /// The mapping; without one, the mapping stored with the point.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Only these groups, separated by commas: wedding, guests, timeline, vendors, photos, documents, budget, other.
    #[arg(long, value_delimiter = ',', value_name = "GROUPS")]
    pub only: Vec<Group>,
    /// merge puts back what is missing; revert also what was changed; exact also removes what was added.
    #[arg(long, default_value = "merge", value_name = "merge|revert|exact")]
    pub mode: Mode,
    /// Show what would happen, and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// Refuse unless the plan still has this hash, as a dry run showed it.
    #[arg(long, value_name = "HASH")]
    pub preview_hash: Option<String>,
    /// Load into a new schema of this name instead of the live tables.
    #[arg(long, value_name = "NAME")]
    pub side_schema: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Where the wedding's files go, instead of where the mapping says.
    #[arg(long, value_name = "DIR|BUCKET-URL")]
    pub files_root: Option<PathBuf>,
    /// Rows that now belong to another wedding: leave them, take them back, or fail.
    #[arg(long, default_value = "leave", value_name = "leave|take|fail")]
    pub conflicts: ConflictRule,
    /// Why.
    #[command(flatten)]
    pub reason: Reason,
}

/// `keepsake undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The operation, as the restore named it.
    pub operation: OperationId,
    /// The live database.
    #[command(flatten)]
    pub target: Target,
    /// Where from.
    #[command(flatten)]
    pub storage: Storage,
    /// Where the wedding's files are, if the restore was told so.
    #[arg(long, value_name = "DIR|BUCKET-URL")]
    pub files_root: Option<PathBuf>,
    /// Show what would happen, and stop.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Why.
    #[command(flatten)]
    pub reason: Reason,
}

/// How deep a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Every index, snapshot and folder; every object is there and has its size.
    Structure,
    /// Also the hash of every object.
    Hashes,
    /// Also every byte decrypted and compared.
    All,
}

/// `keepsake verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Where.
    #[command(flatten)]
    pub storage: Storage,
    /// Only this vault.
    #[arg(long, value_name = "ID")]
    pub vault: Option<VaultId>,
    /// How deep.
    #[arg(long, value_enum, default_value_t = Level::Hashes)]
    pub level: Level,
}

/// `keepsake keys ...`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Print what stock restic needs to open one vault. Whoever has it can read that vault for ever.
    ExportRestic {
        /// Where the vault is.
        #[command(flatten)]
        storage: Storage,
        /// Which vault.
        #[arg(long, value_name = "ID")]
        vault: VaultId,
        /// Write to this new file (mode 0600) instead of the terminal.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `keepsake admin ...`.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Create a user who can log in: the first admin, and anybody else. Takes the master key, and no login.
    CreateUser(CreateUser),
}

/// `keepsake admin create-user`.
#[derive(Debug, Args)]
pub struct CreateUser {
    /// Their address.
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// What people call them.
    #[arg(long, default_value = "", value_name = "NAME")]
    pub name: String,
    /// What they are in their organisation.
    #[arg(long, default_value = "admin", value_name = "member|admin|auditor")]
    pub role: Role,
    /// Their organisation. Default: the operator's, which runs the installation.
    #[arg(long, value_name = "ID")]
    pub organisation: Option<OrganisationId>,
    /// Read the password from the first line of this file, or of standard input if it is `-`. Without it the terminal asks.
    #[arg(long, value_name = "FILE|-")]
    pub password_file: Option<PathBuf>,
    /// A variable or a file that holds the postgres:// URL of the catalog, for the role that owns it. Without one, a private
    /// PostgreSQL runs in KEEPSAKE_HOME.
    #[arg(long, env = "KEEPSAKE_CATALOG_URL", value_name = "env:NAME|file:PATH")]
    pub catalog_url: Option<String>,
}

/// Where the catalog is, for commands that also work beside a running service.
#[derive(Debug, Args)]
pub struct Catalog {
    /// A variable or a file that holds the postgres:// URL of the catalog, for the role that owns it. Without one, the private
    /// PostgreSQL in KEEPSAKE_HOME is used, whether the service runs or not.
    #[arg(long, env = "KEEPSAKE_CATALOG_URL", value_name = "env:NAME|file:PATH")]
    pub catalog_url: Option<String>,
}

/// `keepsake audit ...`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check every row, the tree over them, and every signed checkpoint. Exit status 1 if anything was changed.
    Verify {
        /// A checkpoint that was kept elsewhere: shows whether what it was signed for is still all there.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// The catalog.
        #[command(flatten)]
        catalog: Catalog,
    },
    /// Sign for what is recorded now. Keep the checkpoint elsewhere, out of reach of whoever runs the database.
    Checkpoint {
        /// Write it to this new file instead of printing it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The catalog.
        #[command(flatten)]
        catalog: Catalog,
    },
    /// Write a proof that others can check without this installation.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Prove {
        /// That this row is in the log.
        #[arg(long, value_name = "ID", group = "what")]
        row: Option<uuid::Uuid>,
        /// That nothing changed since this checkpoint was signed.
        #[arg(long, value_name = "FILE", group = "what")]
        since: Option<PathBuf>,
        /// Write it to this new file.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// The catalog.
        #[command(flatten)]
        catalog: Catalog,
    },
    /// Check a proof. Takes the log's public key, and neither the catalog nor the master key.
    CheckProof {
        /// The proof.
        file: PathBuf,
        /// The key, as `keepsake audit public-key` printed it.
        #[arg(long, value_name = "KEY")]
        public_key: String,
    },
    /// Print the key by which others know this installation's checkpoints and proofs.
    PublicKey,
}

/// `keepsake doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Also probe this storage location: write, read back, delete.
    #[arg(long, env = "KEEPSAKE_STORAGE", value_name = "URL")]
    pub storage: Option<String>,
    /// Also check this database and the rights of its role.
    #[arg(long, value_name = "DSN")]
    pub source: Option<String>,
}

/// A part of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Answers requests.
    Api,
    /// Does jobs.
    Worker,
    /// Puts what is due into the queue.
    Scheduler,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Scheduler => "scheduler",
        })
    }
}

/// `keepsake serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen for requests. Port 0 takes any free one.
    #[arg(long, env = "KEEPSAKE_LISTEN", default_value = "127.0.0.1:8080", value_name = "IP:PORT")]
    pub listen: SocketAddr,
    /// What this node does: answer requests, do jobs, put what is due into the queue. Several nodes share one catalog; one of
    /// those that may schedule does.
    #[arg(
        long,
        env = "KEEPSAKE_ROLES",
        value_delimiter = ',',
        default_value = "api,worker,scheduler",
        value_name = "ROLES"
    )]
    pub roles: Vec<Part>,
    /// How many ordinary jobs run at once, on this node and over all. Emergencies and restores have 4 more on each node.
    #[arg(long, env = "KEEPSAKE_JOBS", default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub jobs: u16,
    /// How many of these one organisation may have at once.
    #[arg(long, env = "KEEPSAKE_JOBS_PER_ORGANISATION", default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub jobs_per_organisation: u16,
    /// A variable or a file that holds the postgres:// URL of the catalog, for the role that owns it. Without one, a private
    /// PostgreSQL runs in KEEPSAKE_HOME.
    #[arg(long, env = "KEEPSAKE_CATALOG_URL", value_name = "env:NAME|file:PATH")]
    pub catalog_url: Option<String>,
    /// Speak TLS with this certificate (PEM, with those that vouch for it). Without one, put a proxy in front.
    #[arg(long, env = "KEEPSAKE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, env = "KEEPSAKE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve metrics at /metrics of this address, too, to everybody who can reach it.
    #[arg(long, env = "KEEPSAKE_METRICS_LISTEN", value_name = "IP:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// A variable or a file that holds the URL of the mail server: smtps://user:password@host, or smtp://host:port?tls=required.
    /// Without one nobody is told by e-mail.
    #[arg(long, env = "KEEPSAKE_SMTP_URL", value_name = "env:NAME|file:PATH", requires = "smtp_from")]
    pub smtp_url: Option<String>,
    /// From whom mails are.
    #[arg(long, env = "KEEPSAKE_SMTP_FROM", value_name = "ADDRESS")]
    pub smtp_from: Option<String>,
    /// Let webhooks lead to this machine and private networks, and without TLS. For installations whose tenants are trusted with that.
    #[arg(long, env = "KEEPSAKE_WEBHOOKS_PRIVATE", value_parser = clap::builder::BoolishValueParser::new(), default_value_t = false, action = clap::ArgAction::SetTrue)]
    pub webhooks_private: bool,
    /// How many requests a minute each token may make, and each address without one.
    #[arg(
        long,
        env = "KEEPSAKE_REQUESTS_PER_MINUTE",
        default_value = "1200",
        value_name = "COUNT",
        hide_short_help = true
    )]
    pub requests_per_minute: NonZeroU32,
}

/// `keepsake demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Leave the database and the folder when done, and say where they are.
    #[arg(long)]
    pub keep: bool,
    /// How many sample weddings.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=20_000))]
    pub weddings: u32,
    /// A stock restic to open the vault with.
    #[arg(long, env = "KEEPSAKE_DEMO_RESTIC", value_name = "PROGRAM")]
    pub restic: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_point_is_latest_or_an_id() {
        assert_eq!(parse_point("latest"), Ok(Point::Latest));
        assert!(parse_point("01890a5d-ac96-774b-bcce-b302099a8057").is_ok());
        assert!(parse_point("newest").unwrap_err().contains("latest"));
    }
}
