//! `keepsake points`.

use super::Surroundings;
use crate::{
    cli,
    output::{bytes, table},
};
use keepsake_app::{
    Result, Storage,
    points::{self, Point},
};
use serde::Serialize;

#[derive(Serialize)]
struct Listed {
    points: Vec<Point>,
}

pub async fn run(surroundings: &Surroundings, asked: &cli::Points) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, asked.storage.url()?)?;
    let listed = Listed { points: points::list(&context, &storage, asked.vault, asked.all).await? };
    surroundings.output.result(&listed, |listed| {
        let rows: Vec<Vec<String>> = listed.points.iter().map(row).collect();
        if rows.is_empty() { "There are no recovery points yet.".to_owned() } else { table(&HEAD, &rows) }
    });
    Ok(())
}

const HEAD: [&str; 6] = ["POINT", "TIME", "KIND", "NAME", "SIZE", ""];

fn row(point: &Point) -> Vec<String> {
    let mut remarks = Vec::new();
    if point.incomplete {
        remarks.push("incomplete".to_owned());
    }
    if let Some(operation) = point.operation {
        remarks.push(format!("undoes {operation}"));
    }
    vec![
        point.id.to_string(),
        format!("{:.0}", point.time),
        point.kind.name().to_owned(),
        point.name.clone(),
        bytes(point.raw_bytes),
        remarks.join(", "),
    ]
}
