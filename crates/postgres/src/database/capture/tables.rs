//! Rows on their way out: each table, or each piece of a large one, into a file of its own.
//!
//! Pieces are cut at fixed places in the heap, so that a piece nobody wrote to reads the same in the next capture and is
//! stored once.

use super::{
    super::{
        DataFile, Error, Phase, Result,
        rows::{self, CHUNK_BYTES, Meter, line},
    },
    catalog::Relation,
};
use crate::{
    capture::{RowHasher, Sink},
    connect::{self, CopyOut, ServerError, Session},
};
use bytes::BytesMut;
use futures::TryStreamExt;
use std::cmp::Reverse;

/// One file to be written.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Index of the table.
    pub(super) table: usize,
    /// Number of the piece in its table.
    pub(super) number: usize,
    pub(super) path: String,
    sql: String,
    what: String,
    weight: u64,
}

/// A piece that was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) table: usize,
    pub(super) number: usize,
    pub(super) file: DataFile,
    pub(super) sum: RowHasher,
}

/// All pieces, the heaviest first: taken in that order by whoever is free, they end at nearly the same time.
///
/// A table whose heap is empty has none: it was locked before the snapshot was taken, so it has no rows.
pub(super) fn pieces(tables: &[&Relation], server_version: i32) -> Vec<Piece> {
    let mut all = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let folder = rows::folder(&table.name);
        let split =
            rows::split(&table.name, &table.columns, table.condition.as_deref(), table.heap_bytes, server_version);
        for (number, (sql, weight)) in split.into_iter().enumerate() {
            let path = format!("data/{folder}/{number:06}.copy");
            all.push(Piece {
                table: index,
                number,
                path,
                sql,
                what: format!("read the rows of {}", table.name),
                weight,
            });
        }
    }
    all.sort_by_key(|piece| (Reverse(piece.weight), piece.table, piece.number));
    all
}

/// Copies one piece into its file.
pub(super) async fn write(session: &Session, piece: &Piece, sink: &dyn Sink, meter: &Meter) -> Result<Written> {
    let mut stream = begin(session, &piece.sql, &piece.what).await?;
    let mut file = sink.create(&piece.path).await.map_err(Error::sink(&piece.path))?;
    let mut sum = RowHasher::new();
    let mut size_bytes = 0;
    let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
    while let Some(row) = stream.try_next().await.map_err(|error| failed(&piece.what, error))? {
        sum.add(line(&row));
        buffer.extend_from_slice(&row);
        if buffer.len() >= CHUNK_BYTES {
            let chunk = std::mem::replace(&mut buffer, BytesMut::with_capacity(CHUNK_BYTES)).freeze();
            meter.moved(Phase::Rows, chunk.len());
            size_bytes += chunk.len();
            file.write(chunk).await.map_err(Error::sink(&piece.path))?;
        }
    }
    if !buffer.is_empty() {
        meter.moved(Phase::Rows, buffer.len());
        size_bytes += buffer.len();
        file.write(buffer.freeze()).await.map_err(Error::sink(&piece.path))?;
    }
    file.finish().await.map_err(Error::sink(&piece.path))?;
    let size_bytes = u64::try_from(size_bytes).unwrap_or(u64::MAX);
    let file = DataFile { path: piece.path.clone(), rows: sum.rows(), size_bytes };
    Ok(Written { table: piece.table, number: piece.number, file, sum })
}

/// Begins a COPY.
pub(super) async fn begin(session: &Session, sql: &str, what: &str) -> Result<CopyOut> {
    session.copy_out(sql).await.map_err(|error| match error {
        connect::Error::Statement { source, .. } => failed(what, source),
        broken @ connect::Error::Broken => Error::ConnectionLost { what: what.to_owned(), source: broken.into() },
        other => Error::Connect(other),
    })
}

/// A failure of a statement that reads.
pub(super) fn failed(what: &str, source: ServerError) -> Error {
    Error::from_server(what.to_owned(), source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TableName;

    fn table(name: &str, heap_bytes: u64) -> Relation {
        Relation {
            oid: 1,
            name: TableName::new("public", name),
            kind: 'r',
            partition: false,
            unlogged: false,
            heap_bytes,
            columns: vec!["a".to_owned()],
            extension: None,
            configuration: false,
            condition: None,
            readable: true,
            filtered: false,
        }
    }

    #[test]
    fn large_tables_are_cut_at_fixed_places_and_the_heaviest_piece_comes_first() {
        let (small, large, empty) = (table("small", 8192), table("large", 150 << 20), table("empty", 0));
        let all = pieces(&[&small, &large, &empty], 150_000);
        let paths: Vec<&str> = all.iter().map(|piece| piece.path.as_str()).collect();
        let expected = ["public.large/000000", "public.large/000001", "public.large/000002", "public.small/000000"];
        assert_eq!(paths, expected.map(|name| format!("data/{name}.copy")));
        assert!(all[1].sql.contains("ctid >= '(8192,0)'") && all[1].sql.contains("ctid < '(16384,0)'"));
        assert!(!all[2].sql.contains("ctid <"));
    }

    #[test]
    fn old_servers_read_large_tables_whole() {
        let large = table("large", 150 << 20);
        assert_eq!(pieces(&[&large], 130_000).len(), 1);
    }
}
