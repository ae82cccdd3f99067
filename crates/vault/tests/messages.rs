//! What people read about a vault: every kind of finding has its own words, which say where and what.

use keepsake_vault::{
    Id,
    check::{Fault, Hint},
    file, pack,
    restore::Failure,
    time::Time,
};
use std::collections::BTreeSet;

fn distinct(messages: impl IntoIterator<Item = String>) -> Vec<String> {
    let all: Vec<String> = messages.into_iter().collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "two findings read the same: {all:?}");
    all
}

#[test]
fn every_fault_names_its_object_and_its_reason() {
    let (id, reason) = (Id::of(b"it"), "bent".to_owned());
    let kind = pack::Kind::Tree;
    let faults = [
        Fault::KeyDamaged { key_file: id, reason: reason.clone() },
        Fault::IndexDamaged { index: id, reason: reason.clone() },
        Fault::PackUnreadable { pack: id, reason: reason.clone() },
        Fault::PackHeader { pack: id, reason: reason.clone() },
        Fault::BlobDamaged { blob: Id::of(b"blob"), kind, pack: id, reason: reason.clone() },
        Fault::SnapshotDamaged { snapshot: id, reason: reason.clone() },
        Fault::TreeInvalid { tree: id, reason },
        Fault::IndexConflict { pack: id },
        Fault::PackMissing { pack: id },
        Fault::PackSize { pack: id, actual_bytes: 10, expected_bytes: 20 },
        Fault::PackHash { pack: id, actual: Id::of(b"other") },
        Fault::BlobMissing { blob: id, kind },
        Fault::PackNotIndexed { pack: id },
    ];
    let words = distinct(faults.iter().map(ToString::to_string));
    assert!(words.iter().all(|words| words.contains(&id.to_string())));
    assert!(words[..7].iter().all(|words| words.ends_with("bent")), "{words:?}");
    assert!(words[4].starts_with("tree blob") && words[9].contains("10 bytes instead of 20"));
}

#[test]
fn every_hint_has_its_number_or_name() {
    let id = Id::of(b"it");
    let hints = [
        Hint::PackUnused { pack: id, size_bytes: 77 },
        Hint::DuplicateBlobs { count: 77 },
        Hint::MixedPacks { count: 77 },
        Hint::MarkedPacks { count: 77 },
        Hint::FileSize { tree: id, count: 77 },
        Hint::Foreign { key: "README".to_owned() },
        Hint::Locked { lock: id, holder: "ada@host:7".to_owned() },
    ];
    let words = distinct(hints.iter().map(ToString::to_string));
    assert!(words[..5].iter().all(|words| words.contains("77")));
    assert!(words[5].starts_with("README") && words[6].ends_with("ada@host:7"));
}

#[test]
fn failures_of_a_restore_and_kinds_of_files_are_told_apart() {
    let failures = [
        Failure::HostileName,
        Failure::Damaged { reason: "bent".to_owned() },
        Failure::Refused { reason: "no space".to_owned() },
        Failure::NotMade { kind: "socket".to_owned() },
    ];
    let words = distinct(failures.iter().map(ToString::to_string));
    assert!(words[1].contains("bent") && words[2].contains("no space") && words[3].contains("socket"));
    let kinds = distinct(file::Kind::NAMED.iter().chain([&file::Kind::Config]).map(ToString::to_string));
    assert!(kinds.contains(&"index file".to_owned()) && kinds.contains(&"configuration".to_owned()));
    let time = Time::from("2026-06-06T12:00:00Z".parse::<jiff::Timestamp>().unwrap());
    assert_eq!(
        (time.to_string(), format!("{time:?}")),
        ("2026-06-06T12:00:00Z".to_owned(), "2026-06-06T12:00:00Z".to_owned())
    );
}
