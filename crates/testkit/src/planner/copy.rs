//! Rows as COPY text, sent in large pieces.

use super::{Error, Result, refused};
use bytes::Bytes;
use futures::SinkExt;
use std::{
    fmt::{Display, Write},
    pin::Pin,
};
use tokio_postgres::{Client, CopyInSink};

const FLUSH_BYTES: usize = 256 * 1024;

/// One running COPY into a table. Fields are given in the order of the columns, then [`end`](Self::end) ends the row.
pub struct Copy {
    table: &'static str,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    buffer: String,
    starts_row: bool,
    rows: u64,
}

impl Copy {
    /// Begins a COPY into `public.table`; `columns` as in SQL.
    pub async fn begin(client: &Client, table: &'static str, columns: &str) -> Result<Self> {
        let sql = format!("COPY public.{table} ({columns}) FROM STDIN");
        let sink = client.copy_in(&sql).await.map_err(refused(format!("loading {table}")))?;
        let buffer = String::with_capacity(FLUSH_BYTES + 4096);
        Ok(Self { table, sink: Box::pin(sink), buffer, starts_row: true, rows: 0 })
    }

    fn next(&mut self) {
        if !self.starts_row {
            self.buffer.push('\t');
        }
        self.starts_row = false;
    }

    /// A value whose text holds nothing to escape: numbers, ids, times, labels.
    pub fn plain(&mut self, value: impl Display) -> &mut Self {
        self.next();
        write!(self.buffer, "{value}").expect("strings take all text");
        self
    }

    /// Any text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.next();
        if !value.contains(['\\', '\t', '\n', '\r']) {
            self.buffer.push_str(value);
            return self;
        }
        for character in value.chars() {
            match character {
                '\\' => self.buffer.push_str("\\\\"),
                '\t' => self.buffer.push_str("\\t"),
                '\n' => self.buffer.push_str("\\n"),
                '\r' => self.buffer.push_str("\\r"),
                other => self.buffer.push(other),
            }
        }
        self
    }

    /// Any text, or NULL.
    pub fn maybe(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(text) => self.text(text),
            None => self.plain("\\N"),
        }
    }

    /// As [`plain`](Self::plain), or NULL.
    pub fn maybe_plain(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.plain(value),
            None => self.plain("\\N"),
        }
    }

    /// Ends the row.
    pub async fn end(&mut self) -> Result<()> {
        self.buffer.push('\n');
        self.starts_row = true;
        self.rows += 1;
        if self.buffer.len() < FLUSH_BYTES {
            return Ok(());
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        let full = std::mem::replace(&mut self.buffer, String::with_capacity(FLUSH_BYTES + 4096));
        self.sink.send(Bytes::from(full)).await.map_err(self.failed())
    }

    /// Ends the COPY and tells its rows.
    pub async fn finish(mut self) -> Result<u64> {
        self.flush().await?;
        let failed = self.failed();
        self.sink.as_mut().finish().await.map_err(failed)?;
        Ok(self.rows)
    }

    fn failed(&self) -> impl FnOnce(tokio_postgres::Error) -> Error + use<> {
        refused(format!("loading {}", self.table))
    }
}
