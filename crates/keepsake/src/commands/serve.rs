//! `keepsake serve`.

use super::Surroundings;
use crate::cli;
use keepsake_app::{
    Code, Error, Result,
    service::{Service, catalog},
};
use keepsake_server::{App, Limits, Listener, Metrics, Tls};
use serde::Serialize;

/// What this process does; written beside its name in the catalog.
const ROLES: [&str; 1] = ["api"];

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
    // Addresses come first: finding one taken must not start and stop a database.
    let tls = asked.tls_cert.clone().zip(asked.tls_key.clone()).map(|(certificate, key)| Tls { certificate, key });
    let listener = Listener::bind(asked.listen, tls.as_ref()).await.map_err(listen_error)?;
    let metrics_listener = match asked.metrics_listen {
        Some(address) => Some(Listener::bind(address, None).await.map_err(listen_error)?),
        None => None,
    };
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (catalog, embedded) = catalog::open(&context, url.as_deref(), &node, &ROLES.map(str::to_owned)).await?;

    let serving = Serving {
        url: listener.url(),
        metrics_url: metrics_listener.as_ref().map(|listener| format!("{}/metrics", listener.url())),
        catalog: if embedded.is_some() { "embedded" } else { "configured" },
    };
    surroundings.output.result(&serving, |serving| format!("serving {}", serving.url));
    let service = Service { context, catalog: catalog.clone() };
    serve(service, asked, listener, metrics_listener).await;

    catalog.close().await;
    if let Some(embedded) = embedded {
        let stopped = tokio::task::spawn_blocking(move || embedded.stop()).await;
        stopped.map_err(|error| Error::because(Code::CatalogFailed, "the private server", error))??;
    }
    Ok(())
}

/// Serves until the user wants it to stop and the requests under way are through.
async fn serve(service: Service, asked: &cli::Serve, listener: Listener, metrics_listener: Option<Listener>) {
    let stop = service.context.cancel.clone();
    let metrics = Metrics::install();
    let limits = Limits { requests_per_minute: asked.requests_per_minute, ..Limits::default() };
    let app = App::new(service, limits, metrics.clone());
    let requests = listener.serve(keepsake_server::router(&app), stop.clone());
    let scrapes = async {
        if let Some(listener) = metrics_listener {
            listener.serve(keepsake_server::metrics_router(metrics), stop.clone()).await;
        }
    };
    let audit = keepsake_app::audit::keep_in_order(app.service.clone(), stop.clone());
    tokio::join!(requests, scrapes, app.keep_house(stop.clone()), audit);
}

fn listen_error(error: keepsake_server::ListenError) -> Error {
    Error::because(Code::HomeFailed, "the service cannot listen for requests", error)
}
