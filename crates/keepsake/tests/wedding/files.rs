//! Files go with the rows that name them.

use crate::world::planner::Planner;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn s06_files_that_were_added_or_replaced_go_with_the_rows_and_come_back_with_the_undo() {
    let planner = Planner::new().await;
    planner.backup();
    let before = planner.see().await;
    let wedding = planner.wedding;
    let folder = planner.photos().join("photos").join(wedding.to_string());
    fs::write(folder.join("0001.jpg"), b"another picture").unwrap();
    fs::write(folder.join("added.jpg"), b"a new picture").unwrap();
    planner
        .execute(&format!(
            "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ('{wedding}', 'photos/{wedding}/added.jpg', 13)"
        ))
        .await;
    // Named by no row at all: none of our business.
    fs::write(folder.join("stray.txt"), b"somebody's note").unwrap();
    let changed = planner.see().await;

    planner.restore(&["--yes"]).expect(0);
    planner.expect_as(&changed).await;
    let revert = planner.restore(&["--mode", "revert", "--yes"]).expect(0).json();
    assert_eq!((&revert["files_written"], &revert["files_deleted"]), (&1.into(), &0.into()));
    let (operation, exact) = planner.restore_exact();
    assert_eq!((&exact["files_written"], &exact["files_deleted"]), (&0.into(), &1.into()));
    let now = planner.see().await;
    let differ = before.differences(&now);
    assert!(differ.len() == 1 && differ[0].contains("stray.txt"), "{differ:#?}");
    planner.undo(&operation);
    planner.undo(revert["operation"].as_str().unwrap());
    planner.expect_as(&changed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_deletions_that_a_killed_restore_left_are_made_by_the_next() {
    let planner = Planner::new().await;
    planner.backup();
    let wedding = planner.wedding;
    let folder = planner.photos().join("photos").join(wedding.to_string());
    let path = format!("photos/{wedding}/added.jpg");
    fs::write(folder.join("added.jpg"), b"a new picture").unwrap();
    planner
        .execute(&format!(
            "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ('{wedding}', '{path}', 13)"
        ))
        .await;
    let (operation, _) = planner.restore_exact();
    assert!(!folder.join("added.jpg").is_file());
    // As a kill between the commit and the deletions leaves it: the list on disk, the files still there.
    fs::write(folder.join("added.jpg"), b"a new picture").unwrap();
    let spool = planner.world.home().join("spool").join(&operation);
    fs::create_dir_all(&spool).unwrap();
    let vaults = planner.world.json(["vaults", "--storage", &planner.world.storage()]);
    let identity = "SELECT system_identifier || '/' || current_database() FROM pg_catalog.pg_control_system()";
    let database: String = planner.client.query_one(identity, &[]).await.unwrap().get(0);
    let inspected = planner.world.json(["inspect", "--source", &planner.dsn()]);
    let files = inspected["mapping"]["file"].as_array().unwrap();
    let store = &files.iter().find(|file| file["column"] == "storage_path").unwrap()["store"];
    let named = |path: &str| serde_json::json!({ "store": store, "path": path });
    let list = serde_json::json!({
        "vault": vaults["vaults"][0]["id"], "database": database,
        "files": [named(&path), named(&format!("photos/{wedding}/0001.jpg"))],
    });
    fs::write(spool.join("deletes.json"), list.to_string()).unwrap();
    planner.restore_exact();
    assert!(!folder.join("added.jpg").is_file(), "no row names it");
    assert!(folder.join("0001.jpg").is_file(), "a row names it, so it stays whatever the list says");
    assert!(!spool.is_dir());
}
