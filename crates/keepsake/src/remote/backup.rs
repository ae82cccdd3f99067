//! `keepsake backup ... --server`.

use super::{
    Asking, find, only_here,
    watch::{self, Work},
};
use crate::{cli, output::bytes};
use keepsake_api::executions::{
    AskedKind, Execution, ExecutionError, ExecutionResult, ExecutionState, NewExecution, Progress, StartedExecution,
};
use keepsake_app::{Code, Error, Result};
use serde::Serialize;

impl Work for Execution {
    fn progress(&self) -> Option<&Progress> {
        Some(&self.progress)
    }

    fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    fn error(&self) -> Option<&ExecutionError> {
        self.error.as_ref()
    }
}

/// One object for scripts: the first execution on top, all of them below.
#[derive(Serialize)]
struct All<'a> {
    #[serde(flatten)]
    first: Option<&'a Execution>,
    executions: &'a [Execution],
}

pub async fn run(asking: &Asking, asked: &cli::Backup) -> Result<()> {
    let wanted = match asked {
        cli::Backup::Wedding { ids, source, mapping, files_root, source_name, storage: _, emergency, reason } => {
            only_here(mapping.is_some(), "--mapping")?;
            only_here(files_root.is_some(), "--files-root")?;
            only_here(source_name.is_some(), "--source-name")?;
            let mut wanted = Vec::new();
            for id in ids {
                let wedding = find::wedding(&asking.server, id, source.source.as_deref()).await?;
                let kind = if *emergency { AskedKind::Emergency } else { AskedKind::Manual };
                wanted.push(NewExecution { wedding_id: Some(wedding.id), ..new(kind, &reason.reason) });
            }
            wanted
        }
        cli::Backup::Database { source, source_name, storage: _, reason } => {
            only_here(source_name.is_some(), "--source-name")?;
            let source = find::source(&asking.server, source.given()?).await?;
            vec![NewExecution { source_id: Some(source.id), ..new(AskedKind::Manual, &reason.reason) }]
        }
        cli::Backup::Files { .. } => {
            let text = "a service backs up files of its own sources, by a configuration (docs/configurations.md), and none of this machine";
            return Err(Error::new(Code::Usage, text));
        }
    };
    // All are asked for before the first is waited for.
    let mut started = Vec::new();
    for new in &wanted {
        let answer: StartedExecution = asking.server.post("/api/backup/execute", new).await?;
        if answer.joined {
            asking.output.note("an emergency backup of this wedding is under way: this is that one");
        }
        started.push(answer.execution_id);
    }
    let mut ended: Vec<Execution> = Vec::new();
    for id in started {
        let place = format!("/api/backup/executions/{id}");
        ended.push(watch::until_ended(asking, "backing up", &place, true).await?);
    }
    for execution in &ended {
        if execution.state != ExecutionState::Completed {
            return Err(watch::failure(execution.error(), "the backup was cancelled"));
        }
        for issue in &execution.figures.issues {
            asking.output.warn(&format!("{}: {}", issue.code, issue.message));
        }
        if execution.result == Some(ExecutionResult::Incomplete) {
            asking.output.warn("the point is incomplete: it is never chosen by default, and `points` shows it");
        }
    }
    let all = All { first: ended.first(), executions: &ended };
    asking.output.result(&all, |all| all.executions.iter().map(summary).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn new(kind: AskedKind, reason: &str) -> NewExecution {
    NewExecution {
        configuration_id: None,
        wedding_id: None,
        source_id: None,
        execution_type: kind,
        reason: Some(reason.to_owned()),
        target_id: None,
    }
}

fn summary(execution: &Execution) -> String {
    let figures = &execution.figures;
    let made = match (execution.recovery_point_id, execution.result) {
        (_, Some(ExecutionResult::Unchanged)) => {
            "nothing has changed since the newest point, which is confirmed".to_owned()
        }
        (Some(point), _) => format!("point {point}"),
        (None, _) => "done".to_owned(),
    };
    let size = |count: Option<u64>| bytes(count.unwrap_or_default());
    format!(
        "{made}\n  execution {}\n  {}, {} new, {} stored, {:.2} s",
        execution.id,
        size(figures.raw_bytes),
        size(figures.new_bytes),
        size(figures.stored_bytes),
        figures.duration_ms.unwrap_or_default() as f64 / 1000.0
    )
}
