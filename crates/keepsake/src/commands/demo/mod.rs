//! `keepsake demo`: the whole job on a private PostgreSQL with sample weddings, in a temporary folder.
//!
//! The demo works as a user does: it runs this same program as child processes, prints each command before it runs it, and
//! judges the outcome by its own fingerprints of the database, not by what the program says of itself.

mod play;
mod report;
mod stage;

use crate::{cli, output::Output};
use keepsake_app::{Code, Error, Result};
use play::Play;
use report::Report;
use stage::Stage;

/// What any step of the demo may fail with.
type Failure = Box<dyn std::error::Error + Send + Sync>;

pub async fn run(output: Output, asked: &cli::Demo) -> Result<()> {
    let failed = |error: Failure| Error::because(Code::DemoFailed, "the demo did not come to its end", error);
    let stage = Box::pin(Stage::set(output, asked)).await.map_err(failed)?;
    let played = Box::pin(Play::new(output, &stage).perform()).await;
    let kept = asked.keep && played.is_ok();
    let ended = if kept { Ok(Some(stage.keep())) } else { stage.strike().map(|()| None) };
    let mut report = played.map_err(failed)?;
    report.kept = ended.map_err(failed)?;
    output.result(&report, Report::text);
    Ok(())
}
