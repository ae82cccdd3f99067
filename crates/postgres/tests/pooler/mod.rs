//! A small pooler that does what transaction-mode poolers do: it answers the startup itself, refuses startup options, and
//! lends one of its own backends from ReadyForQuery to ReadyForQuery (last in, first out); or, in session mode, for good.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test support: a failure here is a failed test")]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use tokio_postgres::SimpleQueryMessage;

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Transaction,
    Session,
}

pub struct Pooler {
    folder: TempDir,
}

type Idle = Arc<Mutex<Vec<UnixStream>>>;

impl Pooler {
    pub async fn start(server: &Path, mode: Mode) -> Self {
        let folder = tempfile::Builder::new().prefix("ks-pool-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (backend, idle) = (server.join(".s.PGSQL.5432"), Idle::default());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, backend.clone(), mode, Arc::clone(&idle)));
            }
        });
        Self { folder }
    }

    pub fn dsn(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.folder.path().display())
    }
}

pub fn first(rows: &[SimpleQueryMessage]) -> String {
    let row = rows.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
    row.unwrap().get(0).unwrap_or_default().to_owned()
}

async fn serve(mut client: UnixStream, backend: PathBuf, mode: Mode, idle: Idle) -> Option<()> {
    let length = client.read_u32().await.ok()? as usize;
    let mut startup = vec![0; length - 4];
    client.read_exact(&mut startup).await.ok()?;
    if startup.windows(8).any(|bytes| bytes == b"options\0") {
        client.write_all(&error("unsupported startup parameter: options")).await.ok()?;
        return None;
    }
    client.write_all(b"R\0\0\0\x08\0\0\0\0").await.ok()?;
    client.write_all(b"K\0\0\0\x0c\0\0\0\x07\0\0\0\x07Z\0\0\0\x05I").await.ok()?;
    let mut held: Option<UnixStream> = None;
    loop {
        let message = read_message(&mut client).await?;
        if message[0] == b'X' {
            return None;
        }
        let mut server = match held.take().or_else(|| idle.lock().unwrap().pop()) {
            Some(server) => server,
            None => log_in(&backend).await?,
        };
        server.write_all(&message).await.ok()?;
        if message[0] == b'Q' || message[0] == b'S' {
            loop {
                let answer = read_message(&mut server).await?;
                client.write_all(&answer).await.ok()?;
                if answer[0] == b'Z' {
                    let outside = answer[5] == b'I';
                    if outside && mode == Mode::Transaction {
                        idle.lock().unwrap().push(server);
                    } else {
                        held = Some(server);
                    }
                    break;
                }
            }
        } else {
            held = Some(server);
        }
    }
}

async fn log_in(backend: &Path) -> Option<UnixStream> {
    let mut server = UnixStream::connect(backend).await.ok()?;
    let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    server.write_u32(body.len() as u32 + 4).await.ok()?;
    server.write_all(body).await.ok()?;
    while read_message(&mut server).await?[0] != b'Z' {}
    Some(server)
}

async fn read_message(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut message = vec![0; 5];
    stream.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize;
    message.resize(length + 1, 0);
    stream.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}

fn error(text: &str) -> Vec<u8> {
    let mut body = format!("SFATAL\0VFATAL\0C08P01\0M{text}\0\0").into_bytes();
    let mut message = vec![b'E'];
    message.extend((body.len() as u32 + 4).to_be_bytes());
    message.append(&mut body);
    message
}
