//! The CPU threads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};
use zstd::zstd_safe::CParameter;

pub(super) type Work = Box<dyn FnOnce(&mut Scratch) + Send>;

/// What each CPU thread keeps for itself between pieces of work, so that nothing is allocated for each chunk.
#[derive(Default)]
pub struct Scratch {
    /// For file content.
    pub input: Vec<u8>,
    /// For compressed bytes.
    pub compressed: Vec<u8>,
    /// For blobs on their way out.
    pub decompressor: Option<crate::compress::Decompressor>,
    compressor: Option<(i32, zstd::bulk::Compressor<'static>)>,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl Scratch {
    /// Compresses `data` into `self.compressed`, and says how many bytes there are.
    ///
    /// # Errors
    /// What zstd says, such as that no memory is left.
    pub fn compress(&mut self, data: &[u8], level: i32) -> std::io::Result<usize> {
        let compressor = match &mut self.compressor {
            Some((ready, compressor)) if *ready == level => compressor,
            other => &mut other.insert((level, compressor(level)?)).1,
        };
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(data.len()));
        compressor.compress_to_buffer(data, &mut self.compressed)
    }
}

/// A compressor that looks back over a whole chunk, with a hash table of 128 KiB that stays in the second-level cache
/// beside the content: at level 1, rows of PostgreSQL take 2 % less than with zstd's own 64 KiB, in the same time. 256 KiB
/// would save another per cent and cost a sixth of the speed.
fn compressor(level: i32) -> std::io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    if level == 1 {
        compressor.set_parameter(CParameter::WindowLog(20))?;
        compressor.set_parameter(CParameter::HashLog(15))?;
    }
    Ok(compressor)
}

#[derive(Debug)]
pub(super) struct Pool {
    queue: Option<flume::Sender<Work>>,
}

impl Pool {
    pub(super) fn start(threads: usize) -> std::io::Result<Self> {
        let (queue, work) = flume::unbounded::<Work>();
        for number in 0..threads {
            let work = work.clone();
            // Detached: a thread ends when the queue does, and may be the very one that drops the engine.
            thread::Builder::new().name(format!("keepsake-cpu-{number}")).spawn(move || serve(&work))?;
        }
        Ok(Self { queue: Some(queue) })
    }

    pub(super) fn run(&self, work: Work) {
        if let Some(queue) = &self.queue {
            // Sending fails only when every thread is gone; the work is then dropped, which its owner notices.
            let _dropped_with_the_pool = queue.send(work);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.take();
    }
}

fn serve(work: &flume::Receiver<Work>) {
    let mut scratch = Scratch::default();
    while let Ok(work) = work.recv() {
        // A panic is a bug of one piece of work: its owner sees it dropped unfinished and fails; the thread lives on.
        if catch_unwind(AssertUnwindSafe(|| work(&mut scratch))).is_err() {
            scratch = Scratch::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_work_not_the_thread() {
        let pool = Pool::start(1).unwrap();
        let (send, receive) = flume::bounded(1);
        let lost = send.clone();
        pool.run(Box::new(move |_| {
            let _held = lost;
            panic!("a bug");
        }));
        pool.run(Box::new(move |_| send.send(7).unwrap()));
        assert_eq!(receive.recv(), Ok(7));
    }

    #[test]
    fn compression_is_ready_at_each_level() {
        let mut scratch = Scratch::default();
        let data = vec![b'x'; 100_000];
        for level in [1, 3, 1] {
            let length = scratch.compress(&data, level).unwrap();
            assert!(length < 200 && scratch.compressed.len() == length);
            assert_eq!(zstd::bulk::decompress(&scratch.compressed, data.len()).unwrap(), data);
        }
    }
}
