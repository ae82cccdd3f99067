//! Reading one file of the local machine on a CPU thread: what was read is cut, hashed and sealed while it is still in
//! that core's cache.

use super::{Result, session::Session};
use crate::{
    chunk::Cutter,
    engine::Scratch,
    id::{Hasher, Id},
    pack,
};
use rustix::fs::{Mode, OFlags};
use std::{fs::File, io, path::Path, sync::Arc};

/// Bytes of one read: large enough to make the call cheap, small enough to stay in the cache until it is sealed.
const WINDOW_BYTES: usize = 128 << 10;

/// Opens a file that was a regular one when it was listed: never through a symbolic link, never waiting for a FIFO.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file any more")) }
}

/// A read error ends one file; an error of the backup ends all.
#[derive(Debug)]
pub(super) enum Outcome {
    Read { length_bytes: u64, content: Vec<Id> },
    Unreadable(io::Error),
}

/// Reads and stores all of `file`.
pub(super) fn read_and_store(session: &Arc<Session>, scratch: &mut Scratch, file: &File) -> Result<Outcome> {
    // Out of the scratch space for as long as it is read from, so that the rest of that space can be written to.
    let mut input = std::mem::take(&mut scratch.input);
    let mut reader =
        Reader { session, scratch, cutter: session.cutter.clone(), hasher: Hasher::new(), content: Vec::new() };
    input.resize(reader.cutter.max() + 2 * WINDOW_BYTES, 0);
    let outcome = reader.read(file, &mut input);
    scratch.input = input;
    outcome
}

struct Reader<'a> {
    session: &'a Arc<Session>,
    scratch: &'a mut Scratch,
    cutter: Cutter,
    hasher: Hasher,
    content: Vec<Id>,
}

impl Reader<'_> {
    fn read(&mut self, file: &File, input: &mut [u8]) -> Result<Outcome> {
        // `input[..filled]` is the chunk being gathered.
        let (mut filled, mut length_bytes) = (0, 0_u64);
        loop {
            self.session.go_on()?;
            let window = input.get_mut(filled..filled + WINDOW_BYTES).unwrap_or_default();
            let got = match rustix::io::retry_on_intr(|| rustix::io::read(file, &mut *window)) {
                Ok(got) => got,
                Err(error) => return Ok(Outcome::Unreadable(error.into())),
            };
            if got == 0 {
                break;
            }
            length_bytes += got as u64;
            filled = self.cut(input, filled, filled + got)?;
        }
        self.end_chunk(input.get(..filled).unwrap_or_default())?;
        Ok(Outcome::Read { length_bytes, content: std::mem::take(&mut self.content) })
    }

    /// Stores every chunk that ends in `input[from..to]`, and moves what is left to the front. Returns its length.
    fn cut(&mut self, input: &mut [u8], mut from: usize, to: usize) -> Result<usize> {
        let mut start = 0;
        while let Some(cut) = self.cutter.feed(input.get(from..to).unwrap_or_default()) {
            self.hasher.update(input.get(from..from + cut).unwrap_or_default());
            from += cut;
            self.end_chunk(input.get(start..from).unwrap_or_default())?;
            start = from;
        }
        self.hasher.update(input.get(from..to).unwrap_or_default());
        if start > 0 {
            input.copy_within(start..to, 0);
        }
        Ok(to - start)
    }

    fn end_chunk(&mut self, chunk: &[u8]) -> Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        let id = std::mem::take(&mut self.hasher).finish();
        self.session.store(self.scratch, pack::Kind::Data, id, chunk)?;
        self.content.push(id);
        Ok(())
    }
}
