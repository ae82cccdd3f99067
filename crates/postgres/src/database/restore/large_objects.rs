//! Large objects on their way in: created under their old ids, filled, given their owners, then read back.

use super::{
    super::{
        Error, LARGE_OBJECTS, LargeObject, Manifest, Ownership, Result,
        rows::{Meter, copy_objects_out},
    },
    source, tables,
};
use crate::{
    capture::{PortError, RowHasher, Source},
    connect::Session,
    schema::{TableName, quote_ident, quote_literal},
};
use bytes::{Buf, Bytes, BytesMut};
use futures::{TryStreamExt, stream::BoxStream};

/// Objects handled by one statement.
const AT_A_TIME: usize = 500;
/// Most bytes of one line of the list.
const LINE_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// Creates and fills all of them.
pub(super) async fn load(
    session: &Session,
    manifest: &Manifest,
    source: &dyn Source,
    ownership: Ownership,
    meter: &Meter,
) -> Result<()> {
    let what = "create the large objects";
    let mut list = List::open(source).await?;
    loop {
        let some = list.next().await?;
        if some.is_empty() {
            break;
        }
        let ids: Vec<u32> = some.iter().map(|object| object.id).collect();
        let sql = "SELECT count(lo_create(id)) FROM unnest($1::oid[]) id";
        session.client.query_one(sql, &[&ids]).await.map_err(Error::server(what))?;
    }
    fill(session, manifest, source, meter).await?;
    let mut list = List::open(source).await?;
    loop {
        let some = list.next().await?;
        if some.is_empty() {
            return Ok(());
        }
        let sql: String = some.iter().map(|object| attributes(object, ownership)).collect();
        if !sql.is_empty() {
            let what = "give large objects their owners, privileges, comments and labels";
            session.client.batch_execute(&sql).await.map_err(Error::server(what))?;
        }
    }
}

async fn fill(session: &Session, manifest: &Manifest, source: &dyn Source, meter: &Meter) -> Result<()> {
    let what = "fill the large objects";
    let run = |sql: &'static str| async move { session.client.batch_execute(sql).await.map_err(Error::server(what)) };
    run("CREATE TEMPORARY TABLE keepsake_pieces (id pg_catalog.oid, at pg_catalog.int8, bytes pg_catalog.bytea)")
        .await?;
    let name = TableName::new("pg_temp", "keepsake_pieces");
    for file in &manifest.large_objects.files {
        tables::copy_in(session, "COPY pg_temp.keepsake_pieces FROM STDIN", &name, file, source, meter).await?;
        run("SELECT count(lo_put(id, at, bytes)) FROM pg_temp.keepsake_pieces").await?;
        run("TRUNCATE pg_temp.keepsake_pieces").await?;
    }
    run("DROP TABLE pg_temp.keepsake_pieces").await
}

/// Reads all of them back and compares them with the capture.
pub(super) async fn compare(session: &Session, manifest: &Manifest, source: &dyn Source) -> Result<()> {
    let expected = &manifest.large_objects;
    let mut found = RowHasher::new();
    let mut count: u64 = 0;
    let mut list = List::open(source).await?;
    loop {
        let some = list.next().await?;
        if some.is_empty() {
            break;
        }
        count += u64::try_from(some.len()).unwrap_or(0);
        let sizes: Vec<(u32, u64)> = some.iter().map(|object| (object.id, object.size_bytes)).collect();
        found.merge(&tables::read(session, &copy_objects_out(&sizes)).await?);
    }
    if count == expected.count && found.rows() == expected.rows && found.hex() == expected.hash {
        return Ok(());
    }
    let table = "the content of large objects".to_owned();
    Err(Error::Mismatch { table, expected_rows: expected.rows, found_rows: found.rows() })
}

/// Statements that make an object what it was, apart from its content.
fn attributes(object: &LargeObject, ownership: Ownership) -> String {
    let id = object.id;
    let mut sql = String::new();
    if ownership == Ownership::Keep {
        sql.push_str(&format!("ALTER LARGE OBJECT {id} OWNER TO {};", quote_ident(&object.owner)));
        if let Some(privileges) = &object.privileges {
            sql.push_str(&format!("REVOKE ALL ON LARGE OBJECT {id} FROM {};", quote_ident(&object.owner)));
            for privilege in privileges {
                sql.push_str(&super::finish::grant(privilege, &format!("LARGE OBJECT {id}")));
            }
        }
    }
    if let Some(comment) = &object.comment {
        sql.push_str(&format!("COMMENT ON LARGE OBJECT {id} IS {};", quote_literal(comment)));
    }
    for (provider, label) in &object.labels {
        let (provider, label) = (quote_ident(provider), quote_literal(label));
        sql.push_str(&format!("SECURITY LABEL FOR {provider} ON LARGE OBJECT {id} IS {label};"));
    }
    sql
}

/// The list of objects, read line by line.
struct List {
    stream: BoxStream<'static, Result<Bytes, PortError>>,
    buffer: BytesMut,
    ended: bool,
}

impl List {
    async fn open(source: &dyn Source) -> Result<Self> {
        Ok(Self { stream: source::open(source, LARGE_OBJECTS).await?, buffer: BytesMut::new(), ended: false })
    }

    /// The next few; none at the end.
    async fn next(&mut self) -> Result<Vec<LargeObject>> {
        let mut some = Vec::new();
        while some.len() < AT_A_TIME {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                let object = serde_json::from_slice(&line)
                    .map_err(|error| Error::damaged(LARGE_OBJECTS, format!("cannot be read: {error}")))?;
                some.push(object);
            } else if self.ended {
                if !self.buffer.is_empty() {
                    return Err(Error::damaged(LARGE_OBJECTS, "ends in the middle of a line"));
                }
                break;
            } else if self.buffer.len() > LINE_LIMIT_BYTES {
                return Err(Error::damaged(LARGE_OBJECTS, "has a line that is too long"));
            } else {
                match self.stream.try_next().await.map_err(source::failed(LARGE_OBJECTS))? {
                    Some(chunk) => self.buffer.extend_from_slice(&chunk),
                    None => self.ended = true,
                }
            }
        }
        Ok(some)
    }
}
