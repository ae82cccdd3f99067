//! A gate between client and server that lets everything through until a client commits, and then loses what it is told to.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::Notify,
};

/// What becomes of a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Commit {
    /// It does not reach the server, and when the gate is told to go on the connection breaks.
    Lost,
    /// It reaches the server, and the connection breaks at once.
    Unheard,
    /// The server answers it, and the connection breaks.
    AnswerLost,
    /// The server answers it, and the client never hears anything more.
    Silent,
    /// The server answers it, and the client is given this error instead (severity, SQLSTATE).
    AnswerIs(&'static str, &'static str),
    /// It does not reach the server, and the client is given this error.
    LostAndAnswerIs(&'static str, &'static str),
}

pub struct Gate {
    folder: TempDir,
    state: Arc<State>,
}

struct State {
    commit: Commit,
    closed: AtomicBool,
    reached: Notify,
    go_on: Notify,
}

const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

impl Gate {
    pub fn before(server: &Path, commit: Commit) -> Self {
        let folder = tempfile::Builder::new().prefix("ks-gate-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let backend = server.join(".s.PGSQL.5432");
        let state =
            Arc::new(State { commit, closed: AtomicBool::new(false), reached: Notify::new(), go_on: Notify::new() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            let mut ignored = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                if shared.closed.load(Ordering::SeqCst) {
                    // Accepted and never answered, as by a network that swallows packets.
                    ignored.push(client);
                } else if let Ok(server) = UnixStream::connect(&backend).await {
                    tokio::spawn(serve(client, server, Arc::clone(&shared)));
                }
            }
        });
        Self { folder, state }
    }

    pub fn dsn(&self, role: &str) -> String {
        format!("host={} user={role} dbname=app", self.folder.path().display())
    }

    /// From now on nobody gets an answer to a new connection.
    pub fn close(&self) {
        self.state.closed.store(true, Ordering::SeqCst);
    }

    /// Waits until a COMMIT has come, and for [`Commit::AnswerLost`] and the like has been answered by the server.
    pub async fn reached(&self) {
        self.state.reached.notified().await;
    }

    /// Lets the fate that was chosen take its course.
    pub fn go_on(&self) {
        self.state.go_on.notify_one();
    }
}

async fn serve(mut client: UnixStream, mut server: UnixStream, state: Arc<State>) -> Option<()> {
    let (mut up, mut down) = ([0; 65536], [0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let bytes = &up[..read.ok().filter(|read| *read > 0)?];
                if bytes.ends_with(COMMIT) {
                    return fate(client, server, &state).await;
                }
                server.write_all(bytes).await.ok()?;
            }
            read = server.read(&mut down) => {
                client.write_all(&down[..read.ok().filter(|read| *read > 0)?]).await.ok()?;
            }
        }
    }
}

async fn fate(mut client: UnixStream, mut server: UnixStream, state: &State) -> Option<()> {
    let (forwarded, answered) = match state.commit {
        Commit::Lost | Commit::LostAndAnswerIs(..) => (false, false),
        Commit::Unheard => (true, false),
        Commit::AnswerLost | Commit::Silent | Commit::AnswerIs(..) => (true, true),
    };
    if forwarded {
        server.write_all(COMMIT).await.ok()?;
    }
    if answered {
        let mut answer = Vec::new();
        // CommandComplete, then ReadyForQuery outside of a transaction.
        while !answer.ends_with(b"Z\0\0\0\x05I") {
            server.read_buf(&mut answer).await.ok().filter(|read| *read > 0)?;
        }
        assert!(answer.starts_with(b"C"), "the server refused the commit");
    }
    state.reached.notify_one();
    state.go_on.notified().await;
    match state.commit {
        Commit::Silent => std::future::pending().await,
        Commit::AnswerIs(severity, code) | Commit::LostAndAnswerIs(severity, code) => {
            let mut body = format!("S{severity}\0V{severity}\0C{code}\0Mno more\0\0").into_bytes();
            let mut message = vec![b'E'];
            message.extend((body.len() as u32 + 4).to_be_bytes());
            message.append(&mut body);
            if severity == "ERROR" {
                message.extend(b"Z\0\0\0\x05I");
            }
            client.write_all(&message).await.ok()
        }
        Commit::Lost | Commit::Unheard | Commit::AnswerLost => None,
    }
}
