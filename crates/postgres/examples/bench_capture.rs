//! How long the capture of one wedding takes in a big database: `bench_capture [WEDDINGS] [REPEATS]`. Starts a server of its
//! own, loads the sample planner, inspects it, and captures its first wedding again and again.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark for people, not part of the product")]

use bytes::Bytes;
use keepsake_postgres::{
    capture::{self, FileSink, Options, PortError, Request, Sink},
    connect::Dsn,
    inspect,
};
use keepsake_testkit::{planner, postgres::Server};
use std::{sync::Arc, time::Instant};

struct Nowhere;

#[async_trait::async_trait]
impl Sink for Nowhere {
    async fn create(&self, _: &str) -> Result<Box<dyn FileSink>, PortError> {
        Ok(Box::new(Nowhere))
    }
}

#[async_trait::async_trait]
impl FileSink for Nowhere {
    async fn write(&mut self, _: Bytes) -> Result<(), PortError> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>().unwrap());
    let spec = planner::Spec { weddings: arguments.next().unwrap_or(2000), ..planner::Spec::bench() };
    let repeats = arguments.next().unwrap_or(5);
    let server = Server::start();
    let mut client = server.connect("postgres").await;
    planner::install(&client).await.unwrap();
    let began = Instant::now();
    let generated = planner::generate(&client, &spec, None).await.unwrap();
    client.batch_execute("ANALYZE").await.unwrap();
    println!("{} rows in {:.1?}", generated.rows, began.elapsed());
    let began = Instant::now();
    let inspection = inspect::inspect(&mut client, &inspect::Options::default()).await.unwrap();
    let mapping = inspection.report.mapping;
    println!("inspected in {:.1?}: {} owned tables", began.elapsed(), mapping.tables.len());
    let dsn = Dsn::resolve(&server.dsn("postgres"), &|_| None).unwrap();
    for count in [1, 20] {
        let ids: Vec<String> = generated.weddings.iter().take(count).map(ToString::to_string).collect();
        let sinks = |_: &str| -> Arc<dyn Sink> { Arc::new(Nowhere) };
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..repeats {
            let request = Request {
                mapping: &mapping,
                mapping_text: None,
                ids: &ids,
                sinks: &sinks,
                files: None,
                options: Options::default(),
            };
            let began = Instant::now();
            let captured = capture::weddings(&dsn, &request).await.unwrap();
            times.push(began.elapsed());
            rows = captured.iter().flat_map(|captured| &captured.manifest.tables).map(|table| table.rows).sum();
        }
        times.sort_unstable();
        let median = times.get(times.len() / 2).unwrap();
        println!("{count} weddings, {rows} rows: median {median:.1?}, all {times:.1?}");
    }
}
