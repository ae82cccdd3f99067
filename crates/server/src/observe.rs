//! What is counted, for Prometheus. Every name is here and in docs/metrics.md; labels have few values, and never ids.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};

/// Requests answered, by `method`, `route` (the pattern, not the path) and `status`.
const REQUESTS: &str = "keepsake_http_requests_total";
/// Seconds from the head of a request to the head of its answer, by `method` and `route`.
const SECONDS: &str = "keepsake_http_request_duration_seconds";
/// Always 1, with the running `version`.
const BUILD: &str = "keepsake_build_info";
/// Bounds of the histogram: from a cheap read to the request timeout.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The recorder of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// The recorder of this process, made at the first call.
    pub fn install() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let handle = HANDLE.get_or_init(|| {
            let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).expect("nobody else records");
            metrics::describe_counter!(REQUESTS, "Requests answered.");
            metrics::describe_histogram!(SECONDS, "Seconds from the head of a request to the head of its answer.");
            metrics::describe_gauge!(BUILD, "The running version.");
            metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            handle
        });
        Self { handle: handle.clone() }
    }

    /// Everything counted so far, as Prometheus reads it.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// The answer to Prometheus.
    pub(crate) fn respond(&self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.render()).into_response()
    }

    /// Folds what was recorded since the last call, so that memory does not grow while nobody reads.
    pub fn keep(&self) {
        self.handle.run_upkeep();
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        metrics::histogram!(SECONDS, "method" => method.clone(), "route" => route.clone()).record(took.as_secs_f64());
        metrics::counter!(REQUESTS, "method" => method, "route" => route, "status" => status.to_string()).increment(1);
    }
}
