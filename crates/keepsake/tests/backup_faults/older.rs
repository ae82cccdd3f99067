//! Older packs that the store has lost or cut short: the next backup stores anew what it needs of them, and says so.

use crate::{
    content::{photos, words},
    world::{World, files_below, planner::Planner},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The packs of a vault.
fn packs(vault: &Path) -> BTreeSet<PathBuf> {
    files_below(&vault.join("data")).into_iter().collect()
}

fn vault_of(world: &World, backup: &Value) -> PathBuf {
    world.storage_folder().join("vaults").join(backup["vault"].as_str().unwrap())
}

/// The store loses the largest of these packs, and keeps the first bytes of the others.
fn harm(packs: &BTreeSet<PathBuf>) {
    let largest = packs.iter().max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
    assert!(packs.len() > 1, "one to lose and one to cut short");
    for pack in packs {
        let bytes = fs::read(pack).unwrap();
        fs::remove_file(pack).unwrap();
        if pack != largest {
            fs::write(pack, &bytes[..8]).unwrap();
        }
    }
}

/// The ids of packs.
fn names(packs: &BTreeSet<PathBuf>) -> BTreeSet<String> {
    packs.iter().map(|pack| pack.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The packs that a backup says are lost.
fn lost(backup: &Value) -> BTreeSet<String> {
    let issues = backup["issues"].as_array().unwrap().iter().filter(|issue| issue["code"] == "older-pack-lost");
    let subject = |issue: &Value| {
        assert!(issue["message"].as_str().unwrap().contains("keepsake verify --level all"), "{issue}");
        issue["subject"].as_str().unwrap().to_owned()
    };
    issues.map(subject).collect()
}

/// The points that cannot be restored whole, as `verify` finds them.
fn damaged_points(world: &World) -> BTreeSet<String> {
    let storage = world.storage();
    let verified = world.run_json(["verify", "--storage", &storage, "--level", "all"]).expect(1).json();
    let vaults = verified["vaults"].as_array().unwrap().iter();
    let findings = vaults.flat_map(|vault| vault["report"]["findings"].as_array().unwrap());
    let affected = findings.flat_map(|finding| finding["affects"].as_array().unwrap());
    let snapshots: Vec<&Value> = affected.map(|affected| &affected["snapshot"]).collect();
    let listed = world.json(["points", "--all", "--storage", &storage]);
    let points = listed["points"].as_array().unwrap().iter().filter(|point| snapshots.contains(&&point["snapshot"]));
    points.map(|point| point["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_whose_vault_lost_older_packs_is_backed_up_whole_and_it_is_said() {
    let planner = Planner::new().await;
    let first = planner.backup();
    let old = packs(&vault_of(&planner.world, &first));
    planner.damage().await;
    let before = planner.see().await;
    harm(&old);
    let second = planner.backup();
    assert_eq!((&second["result"], lost(&second)), (&"stored".into(), names(&old)));
    // Now everything has another place, so there is nothing to be said of this one.
    let third = planner.backup();
    assert_eq!((&third["result"], lost(&third)), (&"stored".into(), BTreeSet::new()));
    assert_eq!(damaged_points(&planner.world), BTreeSet::from([first["point"].as_str().unwrap().to_owned()]));

    planner.damage().await;
    planner.restore(&["--point", second["point"].as_str().unwrap(), "--mode", "exact", "--yes"]).expect(0);
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_weddings_only_those_that_need_lost_packs_are_captured_once_more() {
    let planner = Planner::new().await;
    let mut backup = planner.backup_arguments();
    backup.insert(3, planner.weddings[1].to_string());
    let first = planner.world.json(&backup);
    let old = packs(&vault_of(&planner.world, &first["weddings"][0]));
    harm(&old);
    let second = planner.world.json(&backup);
    for (number, expected) in [(0, names(&old)), (1, BTreeSet::new())] {
        let (before, now) = (&first["weddings"][number], &second["weddings"][number]);
        assert_eq!((&now["wedding"], &now["vault"]), (&before["wedding"], &before["vault"]));
        assert_eq!((&now["result"], lost(now)), (&"stored".into(), expected));
    }
    assert_eq!(planner.world.points(&[]).len(), 4);
    let damaged = damaged_points(&planner.world);
    assert_eq!(damaged, BTreeSet::from([first["weddings"][0]["point"].as_str().unwrap().to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_replaces_is_saved_though_the_packs_that_had_it_are_lost() {
    let planner = Planner::new().await;
    let first = planner.backup();
    let before = planner.see().await;
    let vault = vault_of(&planner.world, &first);
    let old = packs(&vault);
    planner.damage().await;
    let broken = planner.see().await;
    planner.backup();
    harm(&(&packs(&vault) - &old));
    let done = planner.restore(&["--point", first["point"].as_str().unwrap(), "--mode", "exact", "--yes"]);
    planner.expect_as(&before).await;
    planner.undo(done.expect(0).json()["operation"].as_str().unwrap());
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_databases_are_backed_up_whole_too() {
    let planner = Planner::new().await;
    let (world, storage) = (&planner.world, planner.world.storage());
    for backup in [
        words(&["backup", "files", &photos(world, "pictures", 9), "--storage", &storage]),
        words(&["backup", "database", "--source", &planner.dsn(), "--storage", &storage]),
    ] {
        let first = world.json(&backup);
        let old = packs(&vault_of(world, &first));
        harm(&old);
        let second = world.json(&backup);
        assert_eq!((&second["result"], lost(&second)), (&"stored".into(), names(&old)));
        assert!(second["new_bytes"].as_u64().unwrap() > 0, "{second}");
        assert!(!damaged_points(world).contains(second["point"].as_str().unwrap()));
    }
}
