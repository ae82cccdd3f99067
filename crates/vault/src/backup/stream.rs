//! Reading one long file: a single reader finds the cut points, all CPU threads share the rest of the work.

use super::{Result, content::Content, file::send, read::Outcome, session::Session};
use crate::engine::Buffer;
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use std::{fs::File, io, sync::Arc};

/// Bytes read into one buffer, of which the chunks are parts.
const SEGMENT_BYTES: usize = 4 << 20;

/// Reads and stores all of `file`, on a thread that may block.
pub(super) fn read_and_share(session: &Arc<Session>, file: &File) -> Result<Outcome> {
    let content = Arc::<Content>::default();
    let mut cutter = session.cutter.clone();
    let mut length_bytes = 0;
    // The start of a chunk that did not end in the last segment.
    let mut rest = Bytes::new();
    loop {
        session.go_on()?;
        let (segment, got) = match fill(session, file, &rest) {
            Ok(filled) => filled,
            Err(error) => return Ok(Outcome::Unreadable(error)),
        };
        if got == 0 {
            break;
        }
        length_bytes += got as u64;
        let mut at = rest.len();
        rest = segment.freeze();
        while let Some(cut) = cutter.feed(rest.get(at..).unwrap_or_default()) {
            let chunk = rest.split_to(at + cut);
            at = 0;
            dispatch(session, &content, chunk)?;
        }
    }
    if !rest.is_empty() {
        dispatch(session, &content, rest)?;
    }
    let content = session.runtime.block_on(content.wait(session))?;
    Ok(Outcome::Read { length_bytes, content })
}

/// A segment that begins with `rest` and goes on with what the file has next, and how much that was.
fn fill(session: &Session, file: &File, rest: &[u8]) -> io::Result<(Buffer, usize)> {
    let mut segment = session.engine.input_buffer(rest.len() + SEGMENT_BYTES / 2);
    segment.vec().extend_from_slice(rest);
    let mut got = 0;
    while segment.room() > 0 {
        match rustix::io::retry_on_intr(|| rustix::io::read(file, spare_capacity(segment.vec())))? {
            0 => break,
            more => got += more,
        }
    }
    Ok((segment, got))
}

fn dispatch(session: &Arc<Session>, content: &Arc<Content>, chunk: Bytes) -> Result<()> {
    let job = session.runtime.block_on(session.admit(2 * chunk.len() as u64))?;
    send(job, chunk, Arc::clone(content), None);
    Ok(())
}
