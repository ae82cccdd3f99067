//! Writing a snapshot: from pushed files and streams, and from folders of the local machine.
//!
//! ```text
//! file.write(bytes) ─ cut ─┐                           ┌─ random open pack ─ upload, kept? ─┐
//!                          ├─ CPU: hash, known? zstd,  ┤                                    ├─ index ─ all there? ─ snapshot
//! add_path(folder) ─ list ─┘  seal, hash pack          └─ ...                              ─┘
//! ```
//!
//! The order packs, index, snapshot is what makes a crash harmless: a snapshot that can be seen is whole. Whatever fails,
//! fails the backup, and a failed or cancelled backup never writes a snapshot (safety rule S13). What it stored is named
//! by interim index files and used by the next backup. Nothing names a file before the store has shown that it keeps it.
//!
//! It writes no lock files (S18), asks nothing about weddings, and leaves check, prune and mirrors to others.

mod claims;
mod commit;
mod content;
mod error;
mod file;
mod folder;
mod indexer;
mod known;
mod metadata;
mod options;
mod packer;
mod probe;
mod prove;
mod read;
mod session;
mod snapshot_tree;
mod start;
mod stats;
mod stream;
mod unreadable;
mod walk;

pub use commit::{Committed, Completeness};
pub use error::{Error, Result};
pub use file::{FileInfo, FileWriter};
pub use indexer::IndexEvery;
pub use metadata::FileMeta;
pub use options::{BackupOptions, Chunking, Compression, SnapshotSpec};
pub use packer::PackError;
pub use prove::{Depth, Proof};
pub use start::Backup;
pub use stats::Stats;
pub use unreadable::Unreadable;
