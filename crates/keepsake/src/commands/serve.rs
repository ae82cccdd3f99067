//! `keepsake serve`.

use super::Surroundings;
use crate::cli::{self, Part};
use keepsake_app::{
    Code, Error, Result, audit, notification, scheduler,
    service::{Service, catalog},
    worker::{self, Worker, queue},
};
use keepsake_server::{App, Limits, Listener, Metrics, Tls};
use serde::Serialize;

#[derive(Serialize)]
struct Serving {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_url: Option<String>,
    /// `embedded` or `configured`.
    catalog: &'static str,
}

pub async fn run(surroundings: &Surroundings, asked: &cli::Serve) -> Result<()> {
    let context = surroundings.context()?;
    let url = asked.catalog_url.as_deref();
    let url = url.map(|spec| catalog::locate(spec, &|name| std::env::var_os(name))).transpose()?;
    let telling = telling(asked)?;
    // Addresses come first: finding one taken must not start and stop a database.
    let tls = asked.tls_cert.clone().zip(asked.tls_key.clone()).map(|(certificate, key)| Tls { certificate, key });
    let listener = Listener::bind(asked.listen, tls.as_ref()).await.map_err(listen_error)?;
    let metrics_listener = match asked.metrics_listen {
        Some(address) => Some(Listener::bind(address, None).await.map_err(listen_error)?),
        None => None,
    };
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let roles: Vec<String> = asked.roles.iter().map(ToString::to_string).collect();
    let (catalog, embedded) = catalog::open(&context, url.as_deref(), &node, &roles).await?;

    let serving = Serving {
        url: listener.url(),
        metrics_url: metrics_listener.as_ref().map(|listener| format!("{}/metrics", listener.url())),
        catalog: if embedded.is_some() { "embedded" } else { "configured" },
    };
    surroundings.output.result(&serving, |serving| format!("serving {}", serving.url));
    let service = Service { context, catalog: catalog.clone() };
    let dispatcher = notification::Dispatcher::new(service.clone(), telling)?;
    serve(service, asked, listener, metrics_listener, dispatcher).await;

    catalog.close().await;
    if let Some(embedded) = embedded {
        let stopped = tokio::task::spawn_blocking(move || embedded.stop()).await;
        stopped.map_err(|error| Error::because(Code::CatalogFailed, "the private server", error))??;
    }
    Ok(())
}

/// Serves until the user wants it to stop and the requests under way are through.
async fn serve(
    service: Service,
    asked: &cli::Serve,
    listener: Listener,
    metrics_listener: Option<Listener>,
    dispatcher: notification::Dispatcher,
) {
    let stop = service.context.cancel.clone();
    let metrics = Metrics::install();
    let limits = Limits { requests_per_minute: asked.requests_per_minute, ..Limits::default() };
    let app = App::new(service.clone(), limits, metrics.clone());
    // Every node is asked whether it lives.
    let answers =
        if has(asked, Part::Api) { keepsake_server::router(&app) } else { keepsake_server::node_router(&app) };
    let requests = listener.serve(answers, stop.clone());
    let scrapes = async {
        if let Some(listener) = metrics_listener {
            listener.serve(keepsake_server::metrics_router(metrics), stop.clone()).await;
        }
    };
    let working = async {
        if has(asked, Part::Worker) {
            Worker::run(service.clone(), worker_limits(asked), stop.clone()).await;
        }
    };
    let scheduling = async {
        if has(asked, Part::Scheduler) {
            tokio::join!(
                scheduler::run(service.clone(), scheduler::Pace::default(), stop.clone()),
                dispatcher.run(stop.clone())
            );
        }
    };
    let audit = audit::keep_in_order(service.clone(), stop.clone());
    tokio::join!(requests, scrapes, app.keep_house(stop.clone()), working, scheduling, audit);
}

fn has(asked: &cli::Serve, part: Part) -> bool {
    asked.roles.contains(&part)
}

/// How this node tells people and programs what happened.
fn telling(asked: &cli::Serve) -> Result<notification::Settings> {
    let from = asked.smtp_from.as_deref().unwrap_or_default();
    let locate = |spec: &str| notification::Smtp::locate(spec, from, &|name| std::env::var_os(name));
    Ok(notification::Settings {
        allow_private: asked.webhooks_private,
        smtp: asked.smtp_url.as_deref().map(locate).transpose()?,
        pace: notification::Pace::default(),
    })
}

fn worker_limits(asked: &cli::Serve) -> worker::Limits {
    let defaults = worker::Limits::default();
    let queue = queue::Limits {
        total: asked.jobs,
        organisation: asked.jobs_per_organisation.min(asked.jobs),
        ..defaults.queue
    };
    worker::Limits { queue, ordinary_slots: asked.jobs, ..defaults }
}

fn listen_error(error: keepsake_server::ListenError) -> Error {
    Error::because(Code::HomeFailed, "the service cannot listen for requests", error)
}
