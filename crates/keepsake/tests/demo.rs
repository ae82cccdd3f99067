//! The demo as scripts see it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use std::path::Path;
use world::World;

#[test]
fn the_demo_prints_one_object_that_says_what_held_and_its_prose_elsewhere() {
    let world = World::empty();
    let run = world.run(["demo", "--weddings", "10", "--json"]).expect(0);
    let report = run.json();
    assert_eq!(report["held"], true);
    assert_eq!(report["sample"]["weddings"], 10);
    assert!(report["accident"]["guests"].as_u64().unwrap() > 0, "{report}");
    let proofs = report["proofs"].as_array().unwrap();
    let compared = |part: &str, what: &str| {
        let proof = proofs.iter().find(|proof| proof["what"].as_str().unwrap().contains(part));
        proof.unwrap_or_else(|| panic!("nothing says {part}: {report}"))["compared"][what].as_u64().unwrap()
    };
    for (part, what) in [
        ("The wedding is back", "photos"),
        ("The undo", "rows"),
        ("second restore", "rows"),
        ("Nobody else's row", "rows"),
        ("No edit", "edits"),
        ("Every table", "tables"),
    ] {
        assert!(compared(part, what) > 0, "{part}");
    }
    let timings = report["timings"].as_array().unwrap();
    assert!(timings.iter().any(|timing| timing["what"] == "restore, proven" && timing["seconds"].as_f64() > Some(0.0)));
    assert!(
        run.stderr.contains("== 2. The accident") && run.stderr.contains("$ keepsake restore wedding"),
        "{}",
        run.stderr
    );
    let folder = run.stderr.split_whitespace().find(|word| word.starts_with("/tmp/keepsake-demo-")).unwrap();
    assert!(!Path::new(folder).is_dir(), "{folder} was left behind");
    assert!(report.get("kept").is_none());
}

#[test]
fn a_demo_that_fails_prints_one_error_object() {
    let world = World::empty();
    let mut command = world.command(["demo", "--weddings", "10", "--json", "--restic", "/nowhere/restic"]);
    let run = world::Run::from(command.output().unwrap()).expect(1);
    assert_eq!(run.error_code(), "demo-failed");
}
