//! Weddings of one source, captured in one pass over one snapshot (safety rule S11): what changed is stored, what did not is
//! confirmed, which is one column and no new point.
//!
//! For weddings in real time the server is asked first whether anything was written at all; if not, they are confirmed without
//! being read. Once an hour they are read all the same. What somebody asks for by hand is always stored.

use super::backup::{figures, point};
use crate::{
    backup::{self, BackedWedding, Known, Outcome as Whole, Passed, Weddings},
    configuration::Keeping,
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    mapping,
    notification::{self, Event},
    service::{Service, catalog::failed},
    source,
    storage::Storage,
    system_config,
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::{
    Scope, Tx,
    configurations::Configuration,
    executions::{self, Completed, Execution},
    points::{self, Point},
    sources::{self, Source},
    weddings::{self, Wedding},
};
use keepsake_domain::{
    Frequency, PointId, RequestId, TargetId, WeddingId,
    configuration::{self, BackupType},
    execution::Outcome,
    retention::{Grade, Policy, Promise, Taken},
    suspect::{self, Finding, Summary},
};
use keepsake_postgres::{
    capture::{COUNTED_AFTER, activity},
    connect::{Dsn, Purpose},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Weddings captured from one snapshot: each keeps a vault open while it lasts.
pub(crate) const AT_ONCE: usize = 250;
/// How long weddings may be confirmed without being read.
const READ_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Which weddings.
pub(super) enum Wanted {
    /// This one, changed or not.
    One(Box<Wedding>),
    /// Several.
    Several(Several),
}

/// Several weddings, and what is done about those that did not change.
#[derive(Debug, Default)]
pub(super) struct Several {
    weddings: Vec<WeddingId>,
    /// They are stored all the same.
    all: bool,
    /// They are not even read, if the server counted nothing that was written. A run of a configuration looks for itself.
    trust_counters: bool,
    /// They are stored all the same unless their newest points are there.
    at: Option<TargetId>,
}

/// What the payload of a pass's job says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// The weddings.
    pub weddings: Vec<WeddingId>,
    /// A configuration says where they go.
    #[serde(default)]
    pub placed: bool,
}

impl Wanted {
    /// What a backup job to `target` is about, if it is about weddings. `run` is the configuration whose run it is, with its weddings.
    pub(super) fn of(
        wedding: Option<&Wedding>,
        run: Option<(Configuration, Vec<WeddingId>)>,
        target: TargetId,
        payload: &Value,
    ) -> Option<Self> {
        if let Some((configuration, weddings)) = run {
            let document = configuration.document;
            let all = document.backup_type != BackupType::Incremental;
            return match (&document.scope, wedding) {
                (configuration::Scope::Wedding { .. }, Some(wedding)) if all => {
                    Some(Self::One(Box::new(wedding.clone())))
                }
                (scope, _) if scope.is_weddings() => {
                    Some(Self::Several(Several { weddings, all, trust_counters: false, at: Some(target) }))
                }
                _ => None,
            };
        }
        if let Some(wedding) = wedding {
            return Some(Self::One(Box::new(wedding.clone())));
        }
        let Payload { weddings, placed } = serde_json::from_value(payload.clone()).ok()?;
        Some(Self::Several(Several { weddings, all: false, trust_counters: true, at: placed.then_some(target) }))
    }
}

/// What is kept of a capture beside its point (`summary` of the catalog).
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    /// What the next capture is compared with.
    #[serde(flatten)]
    summary: Summary,
    /// How whole the data were, part by part.
    integrity: keepsake_domain::integrity::Score,
    /// Rows in all.
    rows: u64,
    /// The same for a capture of the same data.
    fingerprint: String,
}

/// A pass to be made.
pub(super) struct Pass<'a> {
    pub(super) service: &'a Service,
    pub(super) context: &'a Context,
    pub(super) storage: &'a Storage,
    pub(super) source: &'a Source,
    pub(super) dsn: &'a Dsn,
}

/// What a pass came to.
#[derive(Debug, Default)]
pub(super) struct Done {
    stored: Vec<(Wedding, Box<BackedWedding>)>,
    /// As in the points that they have, until then.
    unchanged: Vec<(Wedding, PointId, Timestamp)>,
    /// Not in the source any more: the next sync looks into it.
    missing: u64,
    hints: Option<Hints>,
    /// What looks like damage.
    thresholds: suspect::Thresholds,
}

/// What the server counted, and since when it counts so (`hints` of the catalog).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hints {
    activity: String,
    since: Timestamp,
    read_at: Timestamp,
}

impl Pass<'_> {
    pub(super) async fn perform(&self, wanted: Wanted) -> Result<Done> {
        let thresholds = system_config::current(self.service).await?.suspect;
        let done = self.look(wanted).await?;
        Ok(Done { thresholds, ..done })
    }

    async fn look(&self, wanted: Wanted) -> Result<Done> {
        match wanted {
            Wanted::One(wedding) => {
                let ids = [wedding.external_id.clone()];
                let passed = self.capture(&ids, &Known::default()).await?;
                let mut done = Done::default();
                done.sort(vec![*wedding], passed, &HashMap::new());
                if done.stored.is_empty() {
                    return Err(Error::new(Code::CaptureFailed, "the wedding was not captured"));
                }
                Ok(done)
            }
            Wanted::Several(several) => self.several(&several).await,
        }
    }

    async fn several(&self, wanted: &Several) -> Result<Done> {
        let ids = &wanted.weddings;
        let mut tx = self.system().await?;
        let mut due = weddings::several(&mut tx, ids).await.map_err(failed)?;
        due.retain(|wedding| wedding.vanished_at.is_none());
        let mut newest = points::newest_of(&mut tx, ids).await.map_err(failed)?;
        newest.retain(|_, point| !wanted.all && wanted.at.is_none_or(|target| point.target == target));
        let before: Option<Hints> = sources::hints(&mut tx, self.source.id)
            .await
            .map_err(failed)?
            .and_then(|hints| serde_json::from_value(hints).ok());
        drop(tx);
        let mut done = Done::default();
        let quiet = if wanted.trust_counters { self.quiet(before, &mut done).await? } else { None };
        let (confirmed, due): (Vec<Wedding>, Vec<Wedding>) = due
            .into_iter()
            .partition(|wedding| quiet.is_some_and(|since| is_confirmed_by(wedding, newest.get(&wedding.id), since)));
        let counted_at = self.now().saturating_sub(COUNTED_AFTER).unwrap_or(Timestamp::MIN);
        done.unchanged = confirmed
            .into_iter()
            .filter_map(|wedding| Some((newest.get(&wedding.id)?.id, wedding)))
            .map(|(point, wedding)| (wedding, point, counted_at))
            .collect();
        for due in due.chunks(AT_ONCE) {
            let known = Known { fingerprints: fingerprints(due, &newest), leave_out_missing: true };
            let ids: Vec<String> = due.iter().map(|wedding| wedding.external_id.clone()).collect();
            let passed = self.capture(&ids, &known).await?;
            done.sort(due.to_vec(), passed, &newest);
        }
        Ok(done)
    }

    /// Since when nothing was written to the source at all, unless it is time to read all the same. Notes what is counted now.
    async fn quiet(&self, before: Option<Hints>, done: &mut Done) -> Result<Option<Timestamp>> {
        let session = source::open(self.dsn, Purpose::Inspect).await?;
        let counted = activity(&session).await.map_err(backup::capture_error)?;
        drop(session);
        let Some(counted) = counted else { return Ok(None) };
        let now = self.now();
        // What is counted now was written some seconds ago.
        let since = now.saturating_sub(COUNTED_AFTER).unwrap_or(Timestamp::MIN);
        let same = before.filter(|before| before.activity == counted);
        let is_late = |before: &Hints| now.duration_since(before.read_at) >= READ_EVERY;
        let (quiet, hints) = match same {
            Some(before) if is_late(&before) => (None, Hints { read_at: now, ..before }),
            Some(before) => (Some(before.since), before),
            None => (None, Hints { activity: counted, since, read_at: now }),
        };
        done.hints = Some(hints);
        Ok(quiet)
    }

    async fn capture(&self, ids: &[String], known: &Known) -> Result<Vec<Passed>> {
        let no_mapping =
            || Error::new(Code::Invalid, "the source has no mapping yet: inspect it, and set what is proposed");
        let mapping = mapping::parse(self.source.mapping.clone().ok_or_else(no_mapping)?, "the source's mapping")?;
        // Folders and buckets of files are opened with the rights of this machine: only the operator names them (S29).
        let files = match self.source.by_operator {
            true => FileStores::open(&mapping.mapping, self.source.files_root.as_deref(), &self.context.clock)?,
            false => FileStores::default(),
        };
        let source_name = self.source.identity.as_deref();
        let from = Weddings { dsn: self.dsn, mapping: &mapping, files: &files, source_name };
        Box::pin(backup::pass(self.context, self.storage, &from, ids, known)).await
    }

    async fn system(&self) -> Result<Tx> {
        let scope = Scope::system(RequestId::from_uuid(self.service.context.new_id()?));
        self.service.catalog.begin(&scope).await.map_err(failed)
    }

    fn now(&self) -> Timestamp {
        self.service.context.clock.now()
    }
}

/// Whether a wedding in real time is known to be as in its point because nothing was written since.
fn is_confirmed_by(wedding: &Wedding, point: Option<&Point>, since: Timestamp) -> bool {
    wedding.protection.frequency == Frequency::RealTime
        && point.is_some_and(|point| !point.incomplete && point.confirmed_at >= since)
}

/// Those of the newest points, by the ids of the source. An incomplete one is made anew.
fn fingerprints(due: &[Wedding], newest: &HashMap<WeddingId, Point>) -> BTreeMap<String, String> {
    let of = |wedding: &Wedding| {
        let point = newest.get(&wedding.id).filter(|point| !point.incomplete)?;
        let fingerprint = point.summary.get("fingerprint")?.as_str()?;
        Some((wedding.external_id.clone(), fingerprint.to_owned()))
    };
    due.iter().filter_map(of).collect()
}

impl Done {
    /// Joins what became of each wedding with what is known of it.
    fn sort(&mut self, due: Vec<Wedding>, passed: Vec<Passed>, newest: &HashMap<WeddingId, Point>) {
        let mut due: HashMap<String, Wedding> =
            due.into_iter().map(|wedding| (wedding.external_id.clone(), wedding)).collect();
        for passed in passed {
            match passed {
                Passed::Stored(backed) => {
                    // A person may write an id in another way than the database does.
                    let wedding = due.remove(&backed.wedding).or_else(|| {
                        let only = (due.len() == 1).then(|| due.keys().next().cloned()).flatten()?;
                        due.remove(&only)
                    });
                    self.stored.extend(wedding.map(|wedding| (wedding, backed)));
                }
                Passed::Unchanged { wedding, at } => {
                    let wedding = due.remove(&wedding);
                    let with_point = wedding.and_then(|wedding| Some((newest.get(&wedding.id)?.id, wedding)));
                    self.unchanged.extend(with_point.map(|(point, wedding)| (wedding, point, at)));
                }
            }
        }
        self.missing += due.len() as u64;
    }
}

/// Writes the points down, what is confirmed, and the end of the execution.
pub(super) async fn record(
    tx: &mut Tx,
    execution: &Execution,
    done: &Done,
    now: Timestamp,
) -> keepsake_catalog::Result<()> {
    let ids: Vec<WeddingId> = done.stored.iter().map(|(wedding, _)| wedding.id).collect();
    let unchanged: Vec<WeddingId> = done.unchanged.iter().map(|(wedding, ..)| wedding.id).collect();
    let all: Vec<WeddingId> = ids.iter().chain(&unchanged).copied().collect();
    let newest = points::newest_of(tx, &all).await?;
    let keeping = Keeping::of(tx, execution.organisation, execution.source, execution.configuration).await?;
    for (wedding, backed) in &done.stored {
        let days = keeping.days(wedding);
        if let Some(before) = newest.get(&wedding.id) {
            raise(tx, before, wedding, &days, (backed.backed.time, before.confirmed_at)).await?;
        }
        let told = Told { newest: newest.get(&wedding.id), thresholds: &done.thresholds };
        store(tx, execution, wedding, &days, backed, told, now).await?;
    }
    for (wedding, point, at) in &done.unchanged {
        if let Some(newest) = newest.get(&wedding.id).filter(|newest| newest.id == *point) {
            raise(tx, newest, wedding, &keeping.days(wedding), (*at, *at)).await?;
            weddings::confirmed(tx, &[wedding.id], *at).await?;
        }
    }
    if let Some(hints) = &done.hints {
        sources::set_hints(tx, execution.source, &json!(hints)).await?;
    }
    let incomplete = done.stored.iter().any(|(_, backed)| backed.backed.result == Whole::Incomplete);
    let result = match (incomplete, done.stored.is_empty()) {
        (true, _) => Outcome::Incomplete,
        (false, true) => Outcome::Unchanged,
        (false, false) => Outcome::Stored,
    };
    let (point, figures) = match (&done.stored[..], execution.wedding) {
        ([(_, only)], Some(_)) => (Some(only.backed.point), figures(&only.backed)),
        _ => (None, sums(done)),
    };
    executions::complete(tx, execution.id, &Completed { result, point, figures: &figures }, now).await
}

fn sums(done: &Done) -> Value {
    let sum = |of: fn(&backup::Backed) -> u64| done.stored.iter().map(|(_, backed)| of(&backed.backed)).sum::<u64>();
    json!({
        "weddings": done.stored.len() as u64 + done.unchanged.len() as u64 + done.missing,
        "weddings_stored": done.stored.len(),
        "weddings_unchanged": done.unchanged.len(),
        "weddings_missing": done.missing,
        "raw_bytes": sum(|backed| backed.raw_bytes),
        "new_bytes": sum(|backed| backed.new_bytes),
        "stored_bytes": sum(|backed| backed.stored_bytes),
        "files": sum(|backed| backed.files),
    })
}

/// A point was the newest until then: it may stand for more now, and is then kept for longer (S25, S26). It is known to hold everything
/// as of `confirmed_at`.
async fn raise(
    tx: &mut Tx,
    point: &Point,
    wedding: &Wedding,
    days: &Policy,
    (until, confirmed_at): (Timestamp, Timestamp),
) -> keepsake_catalog::Result<()> {
    let grade = point.grade.raised(point.captured_at, until);
    let now = Promise { class: point.retention_class, grade: point.grade, keep_until: point.keep_until };
    let taken = Taken { catalog_at: point.created_at, storage_at: None };
    let promise = now.raised(&taken, wedding.criticality, grade, days);
    points::confirm(tx, point.id, confirmed_at, &promise).await
}

/// What a new point is compared with.
struct Told<'a> {
    /// The point before it, of whose damage people were told.
    newest: Option<&'a Point>,
    /// What looks like damage.
    thresholds: &'a suspect::Thresholds,
}

async fn store(
    tx: &mut Tx,
    execution: &Execution,
    wedding: &Wedding,
    days: &Policy,
    backed: &BackedWedding,
    told: Told<'_>,
    now: Timestamp,
) -> keepsake_catalog::Result<()> {
    let before = points::last_clean(tx, wedding.id).await?;
    let before: Option<Summary> = before.and_then(|point| serde_json::from_value(point.summary).ok());
    let suspicions = suspect::compare(before.as_ref(), &backed.summary, told.thresholds);
    if !suspicions.is_empty() {
        let (point, findings) = (backed.backed.point, suspicions.len());
        tracing::warn!(%point, execution = %execution.id, findings, "the point looks like damage");
    }
    let taken = Taken { catalog_at: now, storage_at: None };
    let grade = Grade::at_capture(execution.execution_type, wedding.protection.frequency);
    let promise = Promise::at_capture(&taken, wedding.criticality, grade, days);
    let found = Found {
        summary: backed.summary.clone(),
        integrity: backed.score.clone(),
        rows: backed.rows,
        fingerprint: backed.fingerprint.clone(),
    };
    let score = Some(backed.score.total);
    let point = Point {
        wedding: Some(wedding.id),
        suspect: suspicions,
        integrity_score: score,
        summary: json!(found),
        ..point(execution, &backed.backed, &promise, now)
    };
    points::add(tx, &point).await?;
    // While damage lasts, each point looks like it: whoever was told once is told again of what is new only.
    let is_new =
        |finding: &Finding| !told.newest.is_some_and(|newest| newest.suspect.iter().any(|old| is_same(old, finding)));
    if point.suspect.iter().any(is_new) {
        notification::enqueue(tx, &Event::PointSuspect(&point), now).await?;
    }
    let unclean = point.incomplete || !point.suspect.is_empty();
    weddings::captured(tx, wedding.id, backed.backed.vault, backed.backed.time, score, unclean).await?;
    Ok(())
}

/// Whether two findings are about the same damage, whatever its extent.
fn is_same(one: &Finding, other: &Finding) -> bool {
    (one.reason, one.group) == (other.reason, other.group)
}
