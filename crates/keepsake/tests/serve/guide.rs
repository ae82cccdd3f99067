//! The examples of docs/api.md do what they say.

use crate::{process::reachable, service::Service};
use std::process::Command;

const GUIDE: &str = include_str!("../../../../docs/api.md");

/// The blocks of the guide that are commands for a running server.
fn examples() -> Vec<&'static str> {
    GUIDE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_examples_of_the_guide_work() {
    let world = reachable();
    let service = Service::start(&world, &[]);
    let script = examples().concat();
    assert!(script.matches("curl ").count() >= 5, "the guide has lost its examples: {script}");
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script]).env("KEEPSAKE", service.url()).current_dir(world.folder.path());
    let output = command.output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{failed}");
    for words in [r#""status":"ok""#, r#""code":"not-found""#, "What to do: ", "x-request-id"] {
        assert!(said.contains(words), "{words}: {said}\n{failed}");
    }
}
