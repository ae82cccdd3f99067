//! `keepsake keys ...`.

use super::Surroundings;
use crate::cli;
use keepsake_app::{Code, Error, Result, Storage, export};
use std::{
    fs::OpenOptions,
    io::{IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

pub async fn run(surroundings: &Surroundings, keys: &cli::Keys) -> Result<()> {
    let cli::Keys::ExportRestic { storage, vault, output } = keys;
    if output.is_none() && !std::io::stdout().is_terminal() {
        return Err(Error::new(Code::SecretOutput, "the secret would go into a pipe or a file that others may read"));
    }
    let context = surroundings.context()?;
    let storage = Storage::open(&context, storage.url()?)?;
    let lines = export::restic(&context, &storage, *vault).await?;
    surroundings.output.warn(
        "whoever has this secret can read the vault for ever. Use stock restic read only, with --no-lock; never run its \
         forget, prune or repair here.",
    );
    match output {
        Some(file) => {
            write_private(file, lines.as_bytes())?;
            let written = serde_json::json!({ "vault": vault, "written": file });
            surroundings.output.result(&written, |_| format!("wrote {}", file.display()));
        }
        None => surroundings.output.stdout(&lines),
    }
    Ok(())
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::because(Code::FilesFailed, format!("cannot write {}", path.display()), error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}
