//! `keepsake backup ...`.

use super::Surroundings;
use crate::{cli, output::bytes, progress};
use keepsake_app::{
    Result, Storage,
    backup::{self, Backed, Files, Outcome},
};

pub async fn run(surroundings: &Surroundings, asked: &cli::Backup) -> Result<()> {
    match asked {
        cli::Backup::Files { paths, name, storage } => {
            let context = surroundings.context()?;
            let storage = Storage::open(&context, &storage.storage)?;
            let asked = Files { paths: paths.clone(), name: name.clone() };
            let work = backup::files(&context, &storage, &asked);
            let backed = progress::shown(surroundings.output, "backing up", &context.progress, work).await?;
            report(surroundings, &backed);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn report(surroundings: &Surroundings, backed: &Backed) {
    for issue in &backed.issues {
        surroundings.output.warn(&format!("{}: {}", issue.subject, issue.message));
    }
    if backed.result == Outcome::Incomplete {
        surroundings.output.warn("the point is incomplete: it is never chosen by default, and `points` shows it");
    }
    surroundings.output.result(backed, |backed| {
        format!(
            "point {}\n  in vault {} ({})\n  {} in {} files, {} new, {} stored, {:.2} s",
            backed.point,
            backed.vault,
            backed.name,
            bytes(backed.raw_bytes),
            backed.files,
            bytes(backed.new_bytes),
            bytes(backed.stored_bytes),
            backed.duration_ms as f64 / 1000.0,
        )
    });
}
