//! The preview hash: SHA-256 over a canonical, length-prefixed account of everything a restore would do.
//!
//! Two plans have one hash exactly when they write the same rows over the same live rows, leave the same rows for the same
//! reasons and move the same files. Counters, timings and slots are not part of it.

use super::{
    Error, Request,
    files::FilePlan,
    frame::Frame,
    plan::{Downstream, WritePath},
    row::Line,
    work::{Whose, Work},
};
use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

struct Account(Context);

impl Account {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn line(&mut self, line: &Line) {
        self.bytes(line.bytes());
    }

    fn positions(&mut self, positions: &[usize]) {
        let list: Vec<String> = positions.iter().map(usize::to_string).collect();
        self.bytes(list.join(",").as_bytes());
    }

    fn document(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_vec(value)
            .map_err(|_| Error::Corrupt { path: String::new(), reason: "the plan cannot be written".to_owned() })?;
        self.bytes(&json);
        Ok(())
    }
}

/// The hash, hex.
pub(crate) fn preview_hash(
    frame: &Frame<'_>,
    work: &Work,
    request: &Request,
    path: WritePath,
    downstream: &Downstream,
    files: &FilePlan,
) -> Result<String, Error> {
    let mut account = Account(Context::new(&SHA256));
    account.bytes(b"keepsake restore preview 1");
    let asked = (&request.scope, request.mode, request.conflicts, &request.target);
    account.document(&(&work.wedding, asked, path, work.root_exists, &work.refusals, files))?;
    account.document(&(&downstream.triggers_fire, &downstream.triggers_silent, &downstream.after_restore))?;
    for index in frame.in_scope() {
        let (table, rows) = (frame.table(index), work.table(index));
        let projection = table.live_projection();
        account.document(&(&table.live.name, rows.captured_rows, rows.same, &table.drift))?;
        for (key, target) in &rows.insert {
            account.bytes(b"insert");
            account.line(key);
            account.line(&target.line);
            account.positions(&target.nulled);
        }
        for (key, update) in &rows.update {
            account.bytes(match update.whose {
                Whose::Taken => b"take",
                Whose::Returned => b"return",
                Whose::Ours if update.moved => b"move",
                Whose::Ours => b"update",
            });
            account.line(key);
            account.line(&update.live.line.project(&projection));
            account.line(&update.target.line);
            account.positions(&update.changed);
        }
        for (key, row) in &rows.delete {
            account.bytes(b"delete");
            account.line(key);
            account.line(&row.line.project(&projection));
        }
        for (key, left) in &rows.left {
            account.bytes(b"left");
            account.line(key);
            account.line(&left.live);
        }
        for (key, conflict) in &rows.conflicts {
            account.bytes(conflict.change.as_bytes());
            account.line(key);
            account.document(&conflict.kind)?;
        }
    }
    Ok(hex::encode(account.0.finish()))
}
