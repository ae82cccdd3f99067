//! Large objects on their way out, by their functions, so that no superuser is needed: what they are as lines of JSON,
//! their content as COPY text of pieces.

use super::{
    super::{
        DataFile, Error, LARGE_OBJECTS, LargeObject, LargeObjects, Phase, Result,
        rows::{CHUNK_BYTES, Meter, copy_objects_out, line},
    },
    tables::{begin, failed},
};
use crate::{
    capture::{FileSink, RowHasher, Sink},
    connect::Session,
};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use tokio_postgres::{Row, error::SqlState};

/// A file is ended after the row that takes it past this size.
const FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Objects asked for at a time.
const OBJECTS_AT_A_TIME: usize = 500;

const DESCRIBE: &str = "
SELECT s.oid, s.size, lo_close(s.fd), coalesce(pg_get_userbyid(s.lomowner), '')::text,
       obj_description(s.oid, 'pg_largeobject'),
       CASE WHEN s.lomacl IS NOT NULL THEN coalesce((
           SELECT json_agg(json_build_object('role', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable))
           FROM aclexplode(s.lomacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee), '[]')::text END,
       (SELECT json_agg(json_build_array(l.provider, l.label))::text FROM pg_seclabels l
        WHERE l.objoid = s.oid AND l.classoid = 'pg_largeobject'::regclass)
FROM (SELECT o.*, lo_lseek64(o.fd, 0, 2) AS size
      FROM (SELECT m.oid, m.lomowner, m.lomacl, lo_open(m.oid, 262144) AS fd
            FROM pg_largeobject_metadata m WHERE m.oid = ANY($1) ORDER BY m.oid OFFSET 0) o OFFSET 0) s";

/// Whether there are any.
pub(super) async fn any(session: &Session) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata)";
    let row = session.client.query_one(sql, &[]).await.map_err(Error::server("look for large objects"))?;
    row.try_get(0).map_err(Error::server("look for large objects"))
}

/// Copies all of them.
pub(super) async fn write(session: &Session, sink: &dyn Sink, meter: &Meter) -> Result<LargeObjects> {
    let what = "list the large objects";
    let sql = "SELECT oid FROM pg_largeobject_metadata ORDER BY oid";
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    let ids: Vec<u32> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(Error::server(what))?;
    drop(rows);
    let mut list = sink.create(LARGE_OBJECTS).await.map_err(Error::sink(LARGE_OBJECTS))?;
    let mut files = Files { sink, meter, open: None, done: Vec::new(), sum: RowHasher::new() };
    for some in ids.chunks(OBJECTS_AT_A_TIME) {
        let objects = describe(session, some).await?;
        let mut lines = Vec::new();
        for object in &objects {
            serde_json::to_writer(&mut lines, object)
                .map_err(|error| Error::Sink { path: LARGE_OBJECTS.to_owned(), source: error.into() })?;
            lines.push(b'\n');
        }
        list.write(lines.into()).await.map_err(Error::sink(LARGE_OBJECTS))?;
        contents(session, &objects, &mut files).await?;
    }
    list.finish().await.map_err(Error::sink(LARGE_OBJECTS))?;
    files.end().await?;
    let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    Ok(LargeObjects { count, rows: files.sum.rows(), hash: files.sum.hex(), files: files.done })
}

async fn describe(session: &Session, ids: &[u32]) -> Result<Vec<LargeObject>> {
    let what = "read the large objects";
    let rows = session.client.query(DESCRIBE, &[&ids]).await.map_err(|error| denied(session, error))?;
    rows.iter().map(|row| object(row).map_err(Error::server(what))).collect()
}

/// A failure to open one: for want of privileges (safety rule S13) or anything else.
fn denied(session: &Session, error: tokio_postgres::Error) -> Error {
    if error.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return Error::server("read the large objects")(error);
    }
    let role = session.dsn().user().to_owned();
    let remedy = "Capture as a superuser or as their owner, or grant SELECT on each large object".to_owned();
    Error::NotReadable { role, objects: vec!["large objects (no SELECT)".to_owned()], remedy }
}

fn object(row: &Row) -> Result<LargeObject, tokio_postgres::Error> {
    let size: i64 = row.try_get(1)?;
    let privileges: Option<String> = row.try_get(5)?;
    let labels: Option<String> = row.try_get(6)?;
    Ok(LargeObject {
        id: row.try_get(0)?,
        size_bytes: u64::try_from(size).unwrap_or(0),
        owner: row.try_get(3)?,
        comment: row.try_get(4)?,
        // Both were made by the statement above, in this very shape.
        privileges: privileges.and_then(|text| serde_json::from_str(&text).ok()),
        labels: labels.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    })
}

async fn contents(session: &Session, objects: &[LargeObject], files: &mut Files<'_>) -> Result<()> {
    let what = "read the large objects";
    let sizes: Vec<(u32, u64)> = objects.iter().map(|object| (object.id, object.size_bytes)).collect();
    let mut stream = begin(session, &copy_objects_out(&sizes), what).await?;
    while let Some(row) = stream.try_next().await.map_err(|error| failed(what, error))? {
        files.add(&row).await?;
    }
    Ok(())
}

/// The files of content, one after the other.
struct Files<'a> {
    sink: &'a dyn Sink,
    meter: &'a Meter,
    open: Option<OpenFile>,
    done: Vec<DataFile>,
    sum: RowHasher,
}

struct OpenFile {
    sink: Box<dyn FileSink>,
    file: DataFile,
    buffer: BytesMut,
}

impl Files<'_> {
    async fn add(&mut self, row: &Bytes) -> Result<()> {
        self.sum.add(line(row));
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let path = format!("large-objects/{:06}.copy", self.done.len());
                let sink = self.sink.create(&path).await.map_err(Error::sink(&path))?;
                let file = DataFile { path, rows: 0, size_bytes: 0 };
                self.open.insert(OpenFile { sink, file, buffer: BytesMut::new() })
            }
        };
        open.buffer.extend_from_slice(row);
        open.file.rows += 1;
        open.file.size_bytes += u64::try_from(row.len()).unwrap_or(0);
        let full = open.file.size_bytes >= FILE_BYTES;
        if open.buffer.len() >= CHUNK_BYTES {
            open.flush(self.meter).await?;
        }
        if full { self.end().await } else { Ok(()) }
    }

    async fn end(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.flush(self.meter).await?;
        open.sink.finish().await.map_err(Error::sink(&open.file.path))?;
        self.done.push(open.file);
        Ok(())
    }
}

impl OpenFile {
    async fn flush(&mut self, meter: &Meter) -> Result<()> {
        let chunk = std::mem::take(&mut self.buffer).freeze();
        meter.moved(Phase::LargeObjects, chunk.len());
        self.sink.write(chunk).await.map_err(Error::sink(&self.file.path))
    }
}
