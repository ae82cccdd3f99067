//! What the demo found, as it is printed in the end: for people a table of timings, for scripts one object.

use super::stage::Sample;
use serde::Serialize;
use std::{collections::BTreeMap, path::PathBuf};

/// The whole demo. There is only one if everything held: else the demo fails with what did not.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Always true; a failed demo prints an error instead.
    pub held: bool,
    /// The application that was made up.
    pub sample: Sample,
    /// What was done to one wedding.
    pub accident: Accident,
    /// What was compared and found to be as it should.
    pub proofs: Vec<Proof>,
    /// How long each step took.
    pub timings: Vec<Timing>,
    /// How long the play took, without setting the stage.
    pub seconds: f64,
    /// Where everything is, if it was left running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// The damage.
#[derive(Debug, Serialize)]
pub struct Accident {
    pub wedding: uuid::Uuid,
    pub guests: u64,
    pub timeline_items: u64,
    pub photos: u64,
}

/// Something that held.
#[derive(Debug, Serialize)]
pub struct Proof {
    pub what: &'static str,
    /// How much was compared, by what it is.
    pub compared: BTreeMap<&'static str, u64>,
}

/// One step.
#[derive(Debug, Serialize)]
pub struct Timing {
    pub what: &'static str,
    pub seconds: f64,
}

/// What was left running.
#[derive(Debug, Serialize)]
pub struct Kept {
    pub folder: PathBuf,
    /// What to put into the environment to work with it.
    pub environment: BTreeMap<&'static str, String>,
    /// The command that stops the server.
    pub stop: String,
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let width = self.timings.iter().map(|timing| timing.what.len()).max().unwrap_or(0);
        let line = |what: &str, seconds: f64| format!("   {what:width$}  {seconds:6.2} s\n");
        let mut text = "\n== What it took\n\n".to_owned();
        for timing in &self.timings {
            text.push_str(&line(timing.what, timing.seconds));
        }
        text.push_str(&line("all", self.seconds));
        if let Some(kept) = &self.kept {
            text.push_str(&kept.text());
        }
        text
    }
}

impl Kept {
    fn text(&self) -> String {
        let exports: Vec<String> =
            self.environment.iter().map(|(name, value)| format!("  export {name}='{value}'")).collect();
        format!(
            "\nEverything is left running. In a shell:\n{}\nTo end it: stop the server with `{}` as the user that runs it, and \
             remove {}.\n",
            exports.join("\n"),
            self.stop,
            self.folder.display()
        )
    }
}
