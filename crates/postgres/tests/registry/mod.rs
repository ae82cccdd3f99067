//! Sinks that keep what they are given, and captures into them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test support: a failure here is a failed test")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use bytes::{Bytes, BytesMut};
use keepsake_postgres::{
    capture::{self, Captured, FileSink, FileStore, Options, PortError, Request, Sink},
    connect::Dsn,
    mapping::Mapping,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

pub fn dsn(text: &str) -> Dsn {
    Dsn::resolve(text, &|_| None).unwrap()
}

type Files = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// Keeps files in memory once they are finished.
#[derive(Clone, Debug, Default)]
pub struct Kept(pub Files);

impl Kept {
    pub fn text(&self, path: &str) -> String {
        let files = self.0.lock().unwrap();
        let bytes = files.get(path).unwrap_or_else(|| panic!("no {path} among {:?}", files.keys()));
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

struct KeptFile {
    path: String,
    bytes: BytesMut,
    files: Files,
}

#[async_trait::async_trait]
impl Sink for Kept {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        let file = KeptFile { path: path.to_owned(), bytes: BytesMut::new(), files: Arc::clone(&self.0) };
        Ok(Box::new(file))
    }
}

#[async_trait::async_trait]
impl FileSink for KeptFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        let before = self.files.lock().unwrap().insert(self.path.clone(), self.bytes.freeze());
        assert!(before.is_none(), "{} was written twice", self.path);
        Ok(())
    }

    async fn abandon(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

/// Captures some weddings of the sample (or another) mapping.
pub async fn capture_with(
    dsn: &Dsn,
    mapping: &Mapping,
    ids: &[&str],
    files: Option<&dyn FileStore>,
    options: Options,
) -> Result<Vec<(Captured, Kept)>, capture::Error> {
    let kept: BTreeMap<String, Kept> = ids.iter().map(|id| ((*id).to_owned(), Kept::default())).collect();
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let sinks = |id: &str| -> Arc<dyn Sink> { Arc::new(kept[id].clone()) };
    let request = Request { mapping, mapping_text: None, ids: &ids, sinks: &sinks, files, options };
    let captured = capture::weddings(dsn, &request).await?;
    Ok(captured.into_iter().map(|captured| (captured.clone(), kept[&captured.id].clone())).collect())
}
