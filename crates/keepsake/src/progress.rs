//! Progress as people see it: a bar with rate and time left on a terminal, a plain line now and then otherwise.

use crate::output::{Output, bytes};
use futures::FutureExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keepsake_app::verify;
use keepsake_vault::engine;
use std::{future::Future, sync::atomic::Ordering::Relaxed, time::Duration};

const REDRAW: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How far a job is.
pub struct Reached {
    /// Bytes that are through.
    pub bytes_done: u64,
    /// Bytes in all, as far as is known.
    pub bytes_total: u64,
    /// What else counts, in words.
    pub counted: String,
}

/// Counters of a job that others count up.
pub trait Watched: Sync {
    /// Reads them.
    fn reached(&self) -> Reached;
}

impl Watched for engine::Progress {
    fn reached(&self) -> Reached {
        Reached {
            bytes_done: self.bytes_done.load(Relaxed),
            bytes_total: self.bytes_total.load(Relaxed),
            counted: format!("{} files", self.files_done.load(Relaxed)),
        }
    }
}

impl Watched for verify::Progress {
    fn reached(&self) -> Reached {
        let sum = self.sum();
        Reached {
            bytes_done: sum.bytes_done,
            bytes_total: sum.bytes_total,
            counted: format!("{} packs, {} of {} vaults", sum.packs_done, sum.vaults_done, sum.vaults_total),
        }
    }
}

/// Runs `work` while showing how far it is, under the heading `what`.
pub async fn shown<T>(output: Output, what: &str, progress: &impl Watched, work: impl Future<Output = T>) -> T {
    if output.is_quiet() {
        return work.await;
    }
    let watcher = if output.shows_bars() { bar(what, progress).boxed() } else { lines(output, what, progress).boxed() };
    tokio::select! {
        result = Box::pin(work) => result,
        () = watcher => unreachable_future().await,
    }
}

/// Watching never ends by itself.
async fn unreachable_future<T>() -> T {
    std::future::pending().await
}

/// Removes the bar when the watcher is dropped.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

async fn bar(what: &str, progress: &impl Watched) {
    let style = ProgressStyle::with_template(
        "{msg:20} [{bar:28}] {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left  {prefix}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = Bar(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10)));
    bar.0.set_style(style.progress_chars("=> "));
    bar.0.set_message(what.to_owned());
    loop {
        let reached = progress.reached();
        bar.0.set_length(reached.bytes_total.max(reached.bytes_done));
        bar.0.set_position(reached.bytes_done);
        bar.0.set_prefix(reached.counted);
        tokio::time::sleep(REDRAW).await;
    }
}

async fn lines(output: Output, what: &str, progress: &impl Watched) {
    loop {
        tokio::time::sleep(LINE_EVERY).await;
        output.note(&line(what, &progress.reached()));
    }
}

fn line(what: &str, reached: &Reached) -> String {
    format!("{what}: {} of {}, {}", bytes(reached.bytes_done), bytes(reached.bytes_total), reached.counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        let progress = engine::Progress::default();
        progress.bytes_total.store(3 << 20, Relaxed);
        progress.bytes_done.store(1 << 20, Relaxed);
        progress.files_done.store(7, Relaxed);
        assert_eq!(line("backing up", &progress.reached()), "backing up: 1.0 MiB of 3.0 MiB, 7 files");
        let none = verify::Progress::default();
        assert_eq!(line("verifying", &none.reached()), "verifying: 0 B of 0 B, 0 packs, 0 of 0 vaults");
    }
}
