//! Vaults of which a part cannot be read: the rest still serves.

#[path = "backup_support/mod.rs"]
mod support;

use futures::StreamExt;
use keepsake_store::{
    Operation,
    fault::{Fault, Rule, When},
};
use keepsake_vault::{
    Error, Id,
    backup::{BackupOptions, Completeness},
    error::Damage,
    file,
};
use std::fs;
use support::{Place, backup_folder, engine, random, spec};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_walk_ends_with_an_error_at_a_listing_that_cannot_be_read() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    for name in ["a", "b/c"] {
        let path = source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let faulty = place.faulty(1, vec![]);
    let vault = place.vault_on(faulty.clone()).await;
    let backup = vault.backup(&engine(), BackupOptions::default()).unwrap();
    backup.add_path(source.path(), "s").await.unwrap();
    let tree = backup.commit(|_| spec()).await.unwrap().tree;
    // The root and `s` are read, `b` is not.
    faulty.set_rules(vec![Rule::on(Operation::GetRange, When::From(3), Fault::FlipBit)]);
    let found: Vec<_> = vault.walk(tree, CancellationToken::new()).collect().await;
    let paths: Vec<_> = found.iter().flatten().map(|found| str::from_utf8(&found.path).unwrap()).collect();
    assert_eq!(paths, ["s", "s/a", "s/b"]);
    assert!(matches!(found.last(), Some(Err(Error::DamagedBlob { .. }))) && found.len() == 4);
}

#[tokio::test]
async fn a_parent_that_cannot_be_read_costs_time_and_nothing_else() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    fs::create_dir(source.path().join("photos")).unwrap();
    for number in 0..4 {
        fs::write(source.path().join(format!("photos/{number}")), random(50_000, number)).unwrap();
    }
    let first = backup_folder(&place.vault().await, source.path(), None).await;
    let faulty = place.faulty(1, vec![]);
    let parent = first.snapshot.to_string();
    for (name, operation) in [(parent.as_str(), Operation::GetStream), ("data/", Operation::GetRange)] {
        let vault = place.vault_on(faulty.clone()).await;
        // Once: what the new snapshot shares with its parent is read again before it is put, and must be whole then.
        faulty.set_rules(vec![Rule::on(operation, When::Nth(1), Fault::FlipBit).for_key(name)]);
        let again = backup_folder(&vault, source.path(), Some(first.snapshot)).await;
        assert!(faulty.injected() > 0);
        faulty.set_rules(vec![]);
        assert_eq!((again.stats.files, again.stats.files_unchanged, again.stats.bytes_new), (4, 0, 0), "{name}");
        assert_eq!((again.result, again.tree), (Completeness::Complete, first.tree));
    }
    let sound = backup_folder(&place.vault().await, source.path(), Some(first.snapshot)).await;
    assert_eq!(sound.stats.files_unchanged, 4);
}

#[tokio::test]
async fn a_broken_snapshot_hides_no_other_and_a_huge_one_is_not_read() {
    let (place, source) = (Place::new().await, tempfile::tempdir().unwrap());
    fs::write(source.path().join("rows"), "rows").unwrap();
    let vault = place.vault().await;
    let whole = backup_folder(&vault, source.path(), None).await.snapshot;
    let at = |name: &[u8]| place.folder.path().join(file::Kind::Snapshot.key(&Id::of(name)).as_str());
    fs::write(at(b"a snapshot"), "nonsense").unwrap();
    // 300 GiB of zeros, as a sparse file; nothing may try to hold them.
    fs::File::create(at(b"huge")).unwrap().set_len(300 << 30).unwrap();
    let cancel = CancellationToken::new();
    let all = vault.snapshots(&cancel).await.unwrap();
    assert_eq!(all.snapshots.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [whole]);
    let broken: Vec<_> = all.broken.iter().map(|(id, _)| *id).collect();
    assert!(broken.len() == 2 && broken.contains(&Id::of(b"huge")) && broken.contains(&Id::of(b"a snapshot")));
    for (_, error) in &all.broken {
        let Error::Damaged { source, name, .. } = error else { panic!("{error}") };
        assert!(matches!(source, Damage::Name { .. } | Damage::Length { .. }) && name.len() == 64, "{source}");
    }
    cancel.cancel();
    assert!(vault.snapshots(&cancel).await.unwrap_err().is_cancelled());
}
