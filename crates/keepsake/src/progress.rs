//! Progress as people see it: a bar with rate and time left on a terminal, a plain line now and then otherwise.

use crate::output::{Output, bytes};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keepsake_vault::engine::Progress;
use std::{
    future::Future,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

const REDRAW: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Runs `work` while showing how far it is, under the heading `what`.
pub async fn shown<T>(output: Output, what: &str, progress: &Arc<Progress>, work: impl Future<Output = T>) -> T {
    if output.is_quiet() {
        return work.await;
    }
    let watcher = if output.shows_bars() { bar(what, progress).boxed() } else { lines(output, what, progress).boxed() };
    tokio::select! {
        result = Box::pin(work) => result,
        () = watcher => unreachable_future().await,
    }
}

use futures::FutureExt;

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

async fn bar(what: &str, progress: &Arc<Progress>) {
    let style = ProgressStyle::with_template(
        "{msg:20} [{bar:28}] {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left  {prefix}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = Bar(ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10)));
    bar.0.set_style(style.progress_chars("=> "));
    bar.0.set_message(what.to_owned());
    loop {
        bar.0.set_length(progress.bytes_total.load(Relaxed).max(progress.bytes_done.load(Relaxed)));
        bar.0.set_position(progress.bytes_done.load(Relaxed));
        bar.0.set_prefix(format!("{} files", progress.files_done.load(Relaxed)));
        tokio::time::sleep(REDRAW).await;
    }
}

async fn lines(output: Output, what: &str, progress: &Arc<Progress>) {
    loop {
        tokio::time::sleep(LINE_EVERY).await;
        output.note(&format!(
            "{what}: {} of {}, {} files",
            bytes(progress.bytes_done.load(Relaxed)),
            bytes(progress.bytes_total.load(Relaxed)),
            progress.files_done.load(Relaxed),
        ));
    }
}
