//! `keepsake vaults`.

use super::Surroundings;
use crate::{
    cli,
    output::{bytes, table},
};
use keepsake_app::{Result, Storage, vaults};
use keepsake_vault::config::Kind;
use serde::Serialize;

#[derive(Serialize)]
struct Listed {
    vaults: Vec<vaults::Info>,
}

pub async fn run(surroundings: &Surroundings, storage: &cli::Storage) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, storage.url()?)?;
    let listed = Listed { vaults: vaults::list(&context, &storage).await? };
    surroundings.output.result(&listed, |listed| {
        let rows: Vec<Vec<String>> = listed.vaults.iter().map(row).collect();
        if rows.is_empty() { "There are no vaults yet.".to_owned() } else { table(&HEAD, &rows) }
    });
    Ok(())
}

const HEAD: [&str; 6] = ["VAULT", "KIND", "NAME", "POINTS", "NEWEST", "STORED"];

fn row(vault: &vaults::Info) -> Vec<String> {
    let kind = match vault.kind {
        Kind::Wedding => "wedding",
        Kind::Database => "database",
        Kind::Files => "files",
    };
    let newest = vault.newest.map(|time| format!("{time:.0}")).unwrap_or_default();
    vec![
        vault.id.to_string(),
        kind.to_owned(),
        vault.name.clone(),
        vault.points.to_string(),
        newest,
        bytes(vault.stored_bytes),
    ]
}
