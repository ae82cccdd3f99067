//! What the phases of a check hand on.

use super::{Affected, Fault, Finding, Hint, Level, Options, Progress, Report};
use crate::{
    error::Error,
    id::Id,
    index::{Index, Location},
    pack::Kind,
    snapshot::Snapshot,
    vault::{Indexed, Vault},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

/// Most faults that are kept: a vault without its packs has one for each.
const MAX_FAULTS: usize = 10_000;
/// Most hints of a kind that names objects.
const MAX_HINTS: usize = 1_000;

/// Number of a fault.
pub(super) type FaultNumber = usize;

pub(super) struct State {
    pub(super) vault: Vault<Indexed>,
    pub(super) progress: Arc<Progress>,
    /// Packs in the store and their sizes.
    pub(super) stored: HashMap<Id, u64>,
    /// Blobs of packs that no index file lists.
    pub(super) unlisted: HashMap<(Kind, Id), Location>,
    pub(super) snapshots: Vec<(Id, Snapshot)>,
    pub(super) trees: u64,
    faults: Vec<Fault>,
    numbers: HashMap<Fault, FaultNumber>,
    truncated: bool,
    /// Places of blobs that are known to be bad, and why.
    bad: HashMap<(Kind, Id), BTreeMap<Id, FaultNumber>>,
    /// By fault and snapshot.
    pub(super) affected: BTreeMap<(FaultNumber, Id), Affected>,
    hints: Vec<Hint>,
}

impl State {
    pub(super) fn new(vault: Vault<Indexed>, options: &Options) -> Self {
        Self {
            vault,
            progress: Arc::clone(&options.progress),
            stored: HashMap::new(),
            unlisted: HashMap::new(),
            snapshots: Vec::new(),
            trees: 0,
            faults: Vec::new(),
            numbers: HashMap::new(),
            truncated: false,
            bad: HashMap::new(),
            affected: BTreeMap::new(),
            hints: Vec::new(),
        }
    }

    /// Records a fault, once. Beyond the limit faults share the last number, so that what they touch still counts.
    pub(super) fn fault(&mut self, fault: Fault) -> FaultNumber {
        if let Some(number) = self.numbers.get(&fault) {
            return *number;
        }
        if self.faults.len() >= MAX_FAULTS {
            self.truncated = true;
            return self.faults.len() - 1;
        }
        let number = self.faults.len();
        self.numbers.insert(fault.clone(), number);
        self.faults.push(fault);
        Progress::add(&self.progress.faults, 1);
        number
    }

    pub(super) fn hint(&mut self, hint: Hint) {
        if self.hints.len() < MAX_HINTS {
            self.hints.push(hint);
        }
    }

    /// Marks one place of a blob as bad because of a fault.
    pub(super) fn mark_bad(&mut self, kind: Kind, blob: Id, pack: Id, fault: FaultNumber) {
        self.bad.entry((kind, blob)).or_default().insert(pack, fault);
    }

    /// Why a blob cannot be read from anywhere; nothing if it can.
    pub(super) fn why_lost(&mut self, kind: Kind, blob: Id) -> Option<FaultNumber> {
        let places = self.vault.index().read(|index| index.lookup_all(kind, &blob));
        if places.is_empty() {
            return Some(self.fault(match self.unlisted.get(&(kind, blob)) {
                Some(place) => Fault::PackNotIndexed { pack: place.pack },
                None => Fault::BlobMissing { blob, kind },
            }));
        }
        let bad = self.bad.get(&(kind, blob))?;
        let all_bad = places.iter().all(|place| bad.contains_key(&place.pack));
        all_bad.then(|| bad.values().next().copied()).flatten()
    }

    /// Notes that a fault touches `path` in a snapshot.
    pub(super) fn touch(&mut self, fault: FaultNumber, snapshot: Id, path: &[u8], max_paths: usize) {
        let affected = self.affected.entry((fault, snapshot)).or_insert_with(|| Affected {
            snapshot,
            paths: Vec::new(),
            truncated: false,
        });
        if affected.paths.len() < max_paths {
            affected.paths.push(String::from_utf8_lossy(path).into_owned());
        } else {
            affected.truncated = true;
        }
    }

    /// Notes that a snapshot has more touched paths than were looked at.
    pub(super) fn truncate(&mut self, snapshot: Id) {
        self.truncated = true;
        for ((_, touched), affected) in &mut self.affected {
            affected.truncated |= *touched == snapshot;
        }
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    fn unused_packs(&mut self) {
        let needed: HashSet<Id> = self
            .faults
            .iter()
            .filter_map(|fault| if let Fault::PackNotIndexed { pack } = fault { Some(*pack) } else { None })
            .collect();
        let index = Arc::clone(self.vault.index());
        let listed = |pack: &Id| index.read(|index: &Index| index.has_pack(pack));
        let mut unused: Vec<Hint> = self
            .stored
            .iter()
            .filter(|(pack, _)| !listed(pack) && !needed.contains(pack))
            .map(|(pack, size_bytes)| Hint::PackUnused { pack: *pack, size_bytes: *size_bytes })
            .collect();
        unused.sort_unstable();
        unused.into_iter().for_each(|hint| self.hint(hint));
    }

    pub(super) fn into_report(mut self, level: Level) -> Report {
        self.unused_packs();
        let mut affects: HashMap<FaultNumber, Vec<Affected>> = HashMap::new();
        for ((fault, _), affected) in std::mem::take(&mut self.affected) {
            affects.entry(fault).or_default().push(affected);
        }
        let mut findings: Vec<Finding> = (0..)
            .zip(self.faults)
            .map(|(number, fault)| Finding { fault, affects: affects.remove(&number).unwrap_or_default() })
            .collect();
        findings.sort_by(|a, b| a.fault.cmp(&b.fault));
        self.hints.sort_unstable();
        let (packs, blobs) = self.vault.index().read(|index| (index.packs().len() as u64, index.len() as u64));
        Report {
            level,
            findings,
            hints: self.hints,
            truncated: self.truncated,
            snapshots: self.snapshots.len() as u64,
            packs,
            trees: self.trees,
            blobs,
            read_bytes: self.progress.bytes_done.load(Ordering::Relaxed),
        }
    }
}

/// An error and its causes in one line, for a report.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::Damaged { source, .. } | Error::DamagedBlob { source, .. } => chain(source),
        other => chain(other),
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
