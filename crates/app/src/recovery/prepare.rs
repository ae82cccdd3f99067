//! From what was asked for to a plan: which point, which mapping, and what would happen. Reads only.

use super::{
    open_session, restore_error, schema_error,
    unfinished::{self, Headed},
};
use crate::{
    backup::load,
    bridge::FromVault,
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    mapping::{self, Written},
    points::{self, Point, Wanted},
    storage::Storage,
    vaults,
};
use futures::TryStreamExt;
use keepsake_domain::{
    VaultId,
    restore::{ConflictRule, Mode, Scope},
};
use keepsake_postgres::{
    capture::Source,
    connect::{Dsn, Purpose, Session},
    restore::{self, FileAction, Limits, Plan, ReplicaRole, Request, Target},
    schema::{self, Schema},
};
use keepsake_vault::{
    config::Kind,
    vault::{Indexed, Vault},
};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

/// What somebody wants restored.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The live database.
    pub target: Dsn,
    /// The wedding.
    pub wedding: String,
    /// Which point.
    pub point: Wanted,
    /// From which vault, where several fit.
    pub vault: Option<VaultId>,
    /// The mapping; the one stored with the point if `None`.
    pub mapping: Option<Written>,
    /// Which groups.
    pub scope: Scope,
    /// How far.
    pub mode: Mode,
    /// What happens to rows that are not this wedding's alone.
    pub conflicts: ConflictRule,
    /// A new schema to load into instead of live.
    pub side_schema: Option<String>,
    /// Where the files go, instead of where the mapping says.
    pub files_root: Option<PathBuf>,
    /// Whether folders and buckets that the mapping names may be opened, with the rights of this machine: not for a source that a
    /// supplier registered (safety rule S29).
    pub host_files: bool,
    /// Nothing but the plan is wanted: what killed operations left is said, and not set back.
    pub look_only: bool,
}

/// A restore that is ready to be shown and applied.
pub struct Prepared {
    /// What would happen.
    pub plan: Plan,
    /// The point it comes from.
    pub point: Point,
    pub(super) asked: Asked,
    pub(super) session: Session,
    pub(super) schema: Schema,
    pub(super) mapping: Written,
    pub(super) source: Arc<dyn Source>,
    pub(super) vault: Arc<Vault<Indexed>>,
    pub(super) stores: FileStores,
}

impl Prepared {
    pub(crate) fn vault_id(&self) -> VaultId {
        self.point.vault
    }

    pub(crate) fn vault(&self) -> Arc<Vault<Indexed>> {
        Arc::clone(&self.vault)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("point", &self.point.id).finish_non_exhaustive()
    }
}

/// Largest document read from a capture into memory.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// Plans the restore of a wedding. Nothing is written, except that files of a restore that was killed are set back first,
/// unless that is not wanted ([`Asked::look_only`]).
///
/// # Errors
/// By cause; [`Code::MappingMismatch`] if the mapping does not fit the live database.
pub async fn prepare(context: &Context, storage: &Storage, asked: Asked) -> Result<Prepared> {
    let what = format!("wedding {}", asked.wedding);
    let wedding = asked.wedding.clone();
    let is_meant = |id: &str| id == wedding || id.eq_ignore_ascii_case(wedding.trim());
    let fits = |vault: &vaults::Info| vault.kind == Kind::Wedding && vault.wedding.as_deref().is_some_and(is_meant);
    let point = points::choose(context, storage, asked.point, asked.vault, &what, fits).await?;
    // A point or a vault that was named is taken as it is, so it may hold another wedding, or none.
    if !point.wedding.as_deref().is_some_and(is_meant) {
        let held = point.wedding.as_ref().map_or_else(|| point.name.clone(), |id| format!("wedding {id}"));
        return Err(Error::new(
            Code::RestoreRefused,
            format!("point {} is of {held}, and {what} was asked for", point.id),
        ));
    }
    let opened = vaults::open(context, storage, point.vault).await?;
    let vault = Arc::new(load(context, opened).await?);
    let source: Arc<dyn Source> = Arc::new(FromVault {
        vault: Arc::clone(&vault),
        engine: context.engine.clone(),
        snapshot: point.document.clone(),
        cancel: context.cancel.clone(),
    });
    planned(context, asked, point, vault, source).await
}

/// The plan of a restore from a given point and source.
pub(super) async fn planned(
    context: &Context,
    mut asked: Asked,
    point: Point,
    vault: Arc<Vault<Indexed>>,
    source: Arc<dyn Source>,
) -> Result<Prepared> {
    if let Some(id) = &point.wedding {
        asked.wedding.clone_from(id);
    }
    let mapping = match asked.mapping.clone() {
        Some(mapping) => mapping,
        None => stored_mapping(source.as_ref()).await?,
    };
    let mut session = open_session(&asked.target, Purpose::Restore).await?;
    let schema = schema::read(&session.client).await.map_err(schema_error)?;
    mapping.check_fit(&schema)?;
    let root = asked.files_root.as_ref().map(|root| root.display().to_string());
    let stores = match asked.host_files {
        true => FileStores::open(&mapping.mapping, root.as_deref(), &context.clock)?,
        false => FileStores::default(),
    };
    let headed = Headed {
        vault_id: point.vault,
        vault: &vault,
        session: &mut session,
        schema: &schema,
        wedding: &asked.wedding,
    };
    let warnings = match (&asked.side_schema, asked.look_only) {
        (None, false) => unfinished::settle(context, headed).await.map(|()| Vec::new())?,
        (None, true) => unfinished::warnings(context, &headed)?,
        (Some(_), _) => Vec::new(),
    };
    let request = Request {
        wedding: asked.wedding.clone(),
        scope: asked.scope.clone(),
        mode: asked.mode,
        conflicts: asked.conflicts,
        target: asked.side_schema.clone().map_or(Target::Live, Target::SideSchema),
        limits: Limits::default(),
    };
    let mut plan = restore::plan(
        &mut session,
        &schema,
        &mapping.mapping,
        source.as_ref(),
        &request,
        Some(&stores),
        ReplicaRole::Auto,
    )
    .await
    .map_err(restore_error)?;
    plan.warnings.extend(warnings);
    if asked.side_schema.is_none() {
        plan.refusals.extend(unknown_stores(&plan, &stores));
    }
    Ok(Prepared { plan, point, asked, session, schema, mapping, source, vault, stores })
}

/// Files that would be written or deleted, and nobody says where.
fn unknown_stores(plan: &Plan, stores: &FileStores) -> Vec<String> {
    let moved = plan.files.entries.iter().filter(|file| {
        matches!(file.action, FileAction::Put | FileAction::Replace | FileAction::Delete) && !stores.knows(&file.store)
    });
    let names: BTreeSet<&str> = moved.map(|file| file.store.as_str()).collect();
    let refusal = |name: &str| {
        format!(
            "nobody says where the files of the store `{name}` go: name its location in the mapping, or say --files-root"
        )
    };
    names.into_iter().map(refusal).collect()
}

pub(super) async fn stored_mapping(source: &dyn Source) -> Result<Written> {
    let text = document(source, "schema/mapping.toml").await?;
    mapping::parse(text, "the mapping stored with the point")
}

/// One text of a capture.
pub(super) async fn document(source: &dyn Source, path: &str) -> Result<String> {
    let damaged = |error| Error::because(Code::VaultDamaged, format!("{path} of the point cannot be read"), error);
    let missing = || Error::new(Code::VaultDamaged, format!("the point has no {path}"));
    let mut pieces = source.open(path).await.map_err(damaged)?.ok_or_else(missing)?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.try_next().await.map_err(damaged)? {
        if bytes.len() + piece.len() > DOCUMENT_BYTES_MAX {
            return Err(Error::new(
                Code::VaultDamaged,
                format!("{path} of the point is larger than any such document"),
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|error| damaged(error.into()))
}
