//! Puts exactly one wedding's rows back into a live database, or beside it, and touches nobody else's.
//!
//! [`plan`] reads a capture and one snapshot of live and says what would happen, with a hash. The caller stores a
//! pre-recovery snapshot, puts files back and calls [`apply`], which in one READ COMMITTED transaction locks the wedding's
//! rows parents first, plans again (the same code), saves what changed since to a [`Spool`], writes in one statement,
//! proves what it wrote and commits, or leaves everything as it was. Undo is the same with the pre-recovery capture as
//! source ([`Overlay`] joins it to the spool), mode `exact` and the operation's scope. Rules S1-S8 of the safety page bind
//! every step; docs/format/operation.md specifies the documents.
//!
//! How a row travels: captured `COPY` lines and live `COPY` lines are compared as they are ([`row`](Line)); the frame joins
//! live schema, mapping and manifest; the walk finds and locks live rows; `compute` sorts rows into work; `resolve` takes out
//! what must stay; `write` stages and writes; `prove` reads again; `outcome` commits and makes sure.
//!
//! Vaults, the moving of files, permissions and the keeping of operations are left to `keepsake-app`.

mod adopt;
mod apply;
mod compute;
mod conflict;
mod convert;
mod downstream;
mod drift;
mod error;
mod files;
mod frame;
mod hash;
mod identity;
mod json_path;
mod links;
mod live;
mod order;
mod outcome;
mod owners;
mod parameter;
mod plan;
mod prepare;
mod preview;
mod proof;
mod prove;
mod read;
mod references;
mod request;
mod resolve;
mod row;
mod sequence;
mod side;
mod spool;
mod stage;
mod still_named;
mod sum;
mod turn;
mod uniques;
mod work;
mod write;

pub use apply::{ApplyOptions, ReplicaRole, apply};
pub use conflict::ConflictKind;
pub use drift::{Drift, Retyped};
pub use error::{Cause, Error};
pub use files::{FileAction, FilePlan, PlannedFile, Probe};
pub use outcome::outcome;
pub use plan::{Downstream, Plan, RowChange, RowDiff, Slot, TablePlan, TriggerName, VERSION, WritePath};
pub use preview::plan;
pub use proof::{Proof, SequenceMove, TableProof};
pub use request::{Limits, Request, Target};
pub use row::Line;
pub use spool::{DirectorySource, DirectorySpool, Overlay, Spool};
pub use still_named::still_named;
pub use turn::until_free;
