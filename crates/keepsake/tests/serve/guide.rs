//! The examples of docs/api.md do what they say.

use crate::stage::{SECRET, Stage};
use std::process::Command;

const GUIDE: &str = include_str!("../../../../docs/api.md");

/// The blocks of the guide that are commands for a running server.
fn examples() -> Vec<&'static str> {
    GUIDE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn the_examples_of_the_guide_work() {
    let stage = Stage::bare().await;
    let script = examples().concat();
    assert!(script.matches("curl ").count() >= 5, "the guide has lost its examples: {script}");
    assert!(script.matches("ask ").count() >= 20, "the guide has lost its examples: {script}");
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script]).current_dir(stage.world.folder.path());
    command.env("KEEPSAKE", stage.service.url()).env("STORE", stage.world.storage()).env("PLANNER", stage.dsn());
    let output = command.output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{failed}");
    let expected = [
        r#""status":"ok""#,
        r#""code":"not-found""#,
        "What to do: ",
        "x-request-id",
        r#""kind":"user""#,
        r#""name":"Meadow & Sons""#,
        r#""conditional_create":true"#,
        r#""name":"the planner""#,
        r#""explanation":["#,
        r#""frequency_override":"real_time""#,
        r#""state":"initializing""#,
        r#""ended":true"#,
        r#""id":"nightly-weddings""#,
        r#""name":"every night""#,
        r#""points_deleted_by_change":0"#,
    ];
    for words in expected {
        assert!(said.contains(words), "{words}: {said}\n{failed}");
    }
    assert!(!said.contains(SECRET) && !failed.contains(SECRET), "an answer holds a credential");
}
