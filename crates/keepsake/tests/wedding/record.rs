//! What was done is on record.

use crate::world::planner::Planner;
use serde_json::Value;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn s09_what_was_done_is_on_record_before_and_after_and_holds_no_names() {
    let planner = Planner::new().await;
    planner.backup();
    planner.damage().await;
    planner.restore_exact();
    let journal = fs::read_to_string(planner.world.home().join("journal.jsonl")).unwrap();
    let acts: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<(&str, &str)> = acts
        .iter()
        .map(|line| (line["act"]["action"].as_str().unwrap(), line["act"]["outcome"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("backup wedding", "intent"),
        ("backup wedding", "done"),
        ("restore wedding", "intent"),
        ("restore wedding", "done"),
    ];
    assert_eq!(said, wanted);
    let row = planner.client.query_one("SELECT title FROM weddings WHERE id = $1", &[&planner.wedding]).await.unwrap();
    assert!(!journal.contains(row.get::<_, &str>(0)), "ids only");
    // What cannot be put on record is not done.
    let home = planner.world.home();
    fs::remove_file(home.join("journal.jsonl")).unwrap();
    fs::create_dir(home.join("journal.jsonl")).unwrap();
    let before = planner.see().await;
    let refused = planner.restore(&["--mode", "exact", "--yes"]).expect(1);
    assert_eq!(refused.error_code(), "home-failed");
    planner.expect_as(&before).await;
    assert_eq!(planner.world.points(&["--all"]).len(), 2, "nothing was saved either");
}
