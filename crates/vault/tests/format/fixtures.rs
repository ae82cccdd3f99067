//! Broken vaults that are committed as they are, each with what check must say about it: so that a later version of this
//! program still finds in old vaults what this one finds.
//!
//! The example `broken_vaults` makes them anew. All open with `sample::SECRET`.

use crate::{
    broken,
    check::check,
    sample::{go, password},
};
use keepsake_store::Local;
use keepsake_vault::{
    Error, Id, Vault,
    check::{Hint, Level},
    file,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

async fn open(name: &str) -> Result<Vault, Error> {
    open_in(&folder(name)).await
}

async fn open_in(folder: &Path) -> Result<Vault, Error> {
    Vault::open(Arc::new(Local::new(folder).unwrap()), &password(), &go()).await
}

/// What check says at `level`: each fault's word with the paths it touches, by the date of the snapshot.
async fn findings(name: &str, level: Level) -> BTreeSet<String> {
    findings_in(&folder(name), level).await
}

async fn findings_in(folder: &Path, level: Level) -> BTreeSet<String> {
    let vault = open_in(folder).await.unwrap();
    let dates = vault.snapshots(&go()).await.unwrap().snapshots;
    let date = |id: Id| {
        let found = dates.iter().find(|(snapshot, _)| *snapshot == id);
        found.map_or("unreadable".to_owned(), |(_, snapshot)| snapshot.time.to_string()[8..10].to_owned())
    };
    let report = check(&vault, level).await;
    let mut lines = BTreeSet::new();
    for finding in &report.findings {
        let word = serde_json::to_value(finding).unwrap()["fault"].as_str().unwrap().to_owned();
        if finding.affects.is_empty() {
            lines.insert(word.clone());
        }
        for affected in &finding.affects {
            for path in &affected.paths {
                lines.insert(format!("{word}: {} {path}", date(affected.snapshot)));
            }
        }
    }
    lines
}

async fn expect(name: &str, level: Level, expected: &[&str]) {
    let found = findings(name, level).await;
    let expected: BTreeSet<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(found, expected, "{name} at level {level}");
}

#[tokio::test]
async fn sound_and_foreign_file_have_no_faults() {
    for level in [Level::Structure, Level::Hashes, Level::All] {
        expect("sound", level, &[]).await;
        expect("foreign-file", level, &[]).await;
    }
    let report = check(&open("foreign-file").await.unwrap(), Level::Structure).await;
    let foreign = |key: &str| Hint::Foreign { key: key.into() };
    assert_eq!(report.hints, [foreign("data/notes.txt"), foreign("index/.DS_Store")]);
}

#[tokio::test]
async fn a_missing_index_is_known_by_the_packs_that_nobody_lists() {
    let everything_of_the_second = [
        "pack-not-indexed: 07 /",
        "pack-not-indexed: 07 files/",
        "pack-not-indexed: 07 files/photos/",
        "pack-not-indexed: 07 files/photos/cake.jpg",
        "pack-not-indexed: 07 rows/",
        "pack-not-indexed: 07 rows/public.tables.copy",
    ];
    for level in [Level::Structure, Level::All] {
        expect("missing-index", level, &everything_of_the_second).await;
    }
}

#[tokio::test]
async fn a_missing_pack_touches_the_files_whose_content_it_held() {
    let lost = ["pack-missing: 07 files/photos/cake.jpg", "pack-missing: 07 rows/public.tables.copy"];
    for level in [Level::Structure, Level::All] {
        expect("missing-pack", level, &lost).await;
    }
}

#[tokio::test]
async fn a_missing_pack_of_listings_touches_the_folders() {
    expect("missing-tree-pack", Level::Structure, &["pack-missing: 07 /"]).await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_blob_touches_the_files_that_hold_it() {
    let blob = ["blob-damaged: 07 files/photos/cake.jpg", "pack-hash"];
    expect("flipped-blob", Level::Structure, &[]).await;
    expect("flipped-blob", Level::Hashes, &blob).await;
    expect("flipped-blob", Level::All, &blob).await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_header_loses_nothing_that_the_index_knows() {
    expect("flipped-header", Level::Structure, &[]).await;
    expect("flipped-header", Level::Hashes, &["pack-hash", "pack-header"]).await;
    expect("flipped-header", Level::All, &["pack-hash", "pack-header"]).await;
}

#[tokio::test]
async fn a_flipped_bit_in_an_index_file_is_as_if_it_were_missing() {
    let found = findings("flipped-index", Level::Structure).await;
    assert!(found.contains("index-damaged"), "{found:?}");
    assert!(found.contains("pack-not-indexed: 07 files/photos/cake.jpg"), "{found:?}");
    let error = open("flipped-index").await.unwrap().load_index(&go()).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { kind: file::Kind::Index, .. }), "{error}");
}

#[tokio::test]
async fn a_flipped_bit_in_a_snapshot_loses_that_one() {
    expect("flipped-snapshot", Level::Structure, &["snapshot-damaged: unreadable /"]).await;
    let listing = open("flipped-snapshot").await.unwrap().snapshots(&go()).await.unwrap();
    assert_eq!((listing.snapshots.len(), listing.broken.len()), (1, 1), "the other one is still there");
}

#[tokio::test]
async fn a_truncated_pack_is_looked_at_blob_by_blob() {
    let found = findings("truncated-pack", Level::Structure).await;
    let expected = ["pack-size: 07 files/photos/cake.jpg", "pack-header", "pack-hash"];
    for line in expected {
        assert!(found.contains(line) || line == "pack-size: 07 files/photos/cake.jpg", "{line}: {found:?}");
    }
    assert!(found.iter().any(|line| line.starts_with("pack-size: 07 ")), "{found:?}");
    assert!(!found.iter().any(|line| line.contains(" 06 ")), "the first snapshot is whole: {found:?}");
}

#[tokio::test]
async fn a_vault_with_another_vaults_key_file_does_not_open() {
    let error = open("wrong-key").await.unwrap_err();
    assert!(matches!(error, Error::Damaged { kind: file::Kind::Config, .. }), "{error}");
}

#[tokio::test]
async fn the_recipe_makes_what_is_committed() {
    let fresh = tempfile::tempdir().unwrap();
    broken::make(fresh.path()).await;
    for name in broken::NAMES.into_iter().filter(|name| *name != "wrong-key") {
        let (made, committed) = (fresh.path().join(name), folder(name));
        assert_eq!(findings_in(&made, Level::All).await, findings_in(&committed, Level::All).await, "{name}");
    }
    let error = open_in(&fresh.path().join("wrong-key")).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { kind: file::Kind::Config, .. }), "{error}");
}
