//! `keepsake points --server`.

use super::{Asking, find, only_here};
use crate::{
    cli,
    output::{bytes, table},
};
use keepsake_api::points::{PointKind, RecoveryPoint, RecoveryPointList};
use keepsake_app::Result;
use serde::Serialize;

#[derive(Serialize)]
struct Listed {
    points: Vec<RecoveryPoint>,
}

pub async fn run(asking: &Asking, asked: &cli::Points) -> Result<()> {
    only_here(asked.vault.is_some(), "--vault")?;
    let wedding = match &asked.wedding {
        Some(id) => Some(find::wedding(&asking.server, id, None).await?.id.to_string()),
        None => None,
    };
    let about: Vec<(&str, String)> = wedding.into_iter().map(|id| ("wedding", id)).collect();
    let mut points = all(asking, &about).await?;
    if asked.all {
        let saved = [&about[..], &[("kind", "pre_recovery".to_owned())]].concat();
        points.extend(all(asking, &saved).await?);
        points.sort_by_key(|point| std::cmp::Reverse((point.captured_at, point.id)));
    }
    asking.output.result(&Listed { points }, |listed| {
        let rows: Vec<Vec<String>> = listed.points.iter().map(row).collect();
        if rows.is_empty() { "There are no recovery points yet.".to_owned() } else { table(&HEAD, &rows) }
    });
    Ok(())
}

/// All points that fit, newest first.
///
/// # Errors
/// What the service says.
pub async fn all(asking: &Asking, about: &[(&str, String)]) -> Result<Vec<RecoveryPoint>> {
    let (mut points, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut query = [about, &[("page_size", "200".to_owned())]].concat();
        query.extend(token.take().map(|token| ("page_token", token)));
        let page: RecoveryPointList = asking.server.get("/api/backup/recovery-points", &query).await?;
        points.extend(page.items);
        token = page.next_page_token;
        if token.is_none() {
            return Ok(points);
        }
    }
}

const HEAD: [&str; 6] = ["POINT", "TIME", "KIND", "WEDDING", "SIZE", ""];

fn row(point: &RecoveryPoint) -> Vec<String> {
    let mut remarks = Vec::new();
    if point.incomplete {
        remarks.push("incomplete".to_owned());
    }
    remarks.extend(point.suspect_reasons.iter().map(|reason| format!("looks like damage: {}", reason.message)));
    remarks.extend(point.operation_id.map(|operation| format!("undoes {operation}")));
    let kind = match point.kind {
        PointKind::Wedding => "wedding",
        PointKind::Database => "database",
        PointKind::Files => "files",
        PointKind::PreRecovery => "pre-recovery",
    };
    vec![
        point.id.to_string(),
        format!("{:.0}", point.captured_at),
        kind.to_owned(),
        point.wedding_id.map(|id| id.to_string()).unwrap_or_default(),
        bytes(point.raw_bytes),
        remarks.join(", "),
    ]
}
