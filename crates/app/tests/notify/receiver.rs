//! Receivers of webhooks: HTTP servers that write everything down and answer as they are told.

use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub line: String,
    /// With names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// `type` without what all have in common.
    pub fn kind(&self) -> String {
        self.event()["type"].as_str().unwrap().trim_start_matches("keepsake.").to_owned()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    /// With these header lines.
    With(u16, String),
    /// As the other, after this time.
    After(Duration, u16),
}

#[derive(Debug, Default)]
struct Heard {
    requests: Vec<Request>,
    /// Answers to come; 200 when there are none left.
    replies: VecDeque<Reply>,
    /// The answer to all others.
    always: Option<Reply>,
}

/// A server that listens until the test ends.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub port: u16,
    heard: Arc<Mutex<Heard>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let heard = Arc::clone(&receiver.heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&heard)));
            }
        });
        receiver
    }

    /// One that gives this answer always.
    pub async fn that_says(reply: Reply) -> Self {
        let receiver = Self::start().await;
        receiver.heard.lock().unwrap().always = Some(reply);
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks?from=keepsake", self.port)
    }

    /// Answers the next requests so, one after the other.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.heard.lock().unwrap().replies.extend(replies);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.heard.lock().unwrap().requests.clone()
    }

    /// Kinds of what came, in the order of the alphabet.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.requests().iter().map(Request::kind).collect();
        kinds.sort();
        kinds
    }

    /// Waits until so many requests have come, and no longer than a minute.
    #[track_caller]
    pub fn until(&self, count: usize) -> impl Future<Output = Vec<Request>> {
        let receiver = self.clone();
        let caller = std::panic::Location::caller();
        async move {
            let patience = Instant::now() + Duration::from_secs(60);
            loop {
                let requests = receiver.requests();
                if requests.len() >= count {
                    return requests;
                }
                assert!(Instant::now() < patience, "{caller}: never {count}: {requests:#?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, heard: Arc<Mutex<Heard>>) {
    while let Some(request) = read(&mut stream).await {
        let reply = {
            let mut heard = heard.lock().unwrap();
            heard.requests.push(request);
            heard.replies.pop_front().or(heard.always.clone()).unwrap_or(Reply::Status(200))
        };
        let (status, headers) = match reply {
            Reply::Status(status) => (status, String::new()),
            Reply::With(status, headers) => (status, headers),
            Reply::After(pause, status) => {
                tokio::time::sleep(pause).await;
                (status, String::new())
            }
        };
        let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 2\r\n{headers}\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<String, String> = lines.filter_map(header).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}
