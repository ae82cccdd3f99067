//! `keepsake admin ...`.

use super::Surroundings;
use crate::{cli, password};
use keepsake_app::{
    Code, Error, Result,
    identity::{
        Secret,
        users::{self, NewUser},
    },
    service::{Caller, Service, catalog},
};
use keepsake_domain::RequestId;

pub async fn run(surroundings: &Surroundings, asked: &cli::Admin) -> Result<()> {
    match asked {
        cli::Admin::CreateUser(asked) => create_user(surroundings, asked).await,
    }
}

async fn create_user(surroundings: &Surroundings, asked: &cli::CreateUser) -> Result<()> {
    let context = surroundings.context()?;
    let url = asked.catalog_url.as_deref();
    let url = url.map(|spec| catalog::locate(spec, &|name| std::env::var_os(name))).transpose()?;
    // Asked first: a slip in it must not start and stop a database.
    let password = password::read(asked.password_file.as_deref(), &surroundings.cancel).await?;
    let request = RequestId::from_uuid(context.new_id()?);
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (catalog, embedded) = catalog::open(&context, url.as_deref(), &node, &["admin".to_owned()]).await?;
    let service = Service { context, catalog: catalog.clone() };
    let new = NewUser {
        organisation_id: asked.organisation,
        email: Secret::new(asked.email.as_str()),
        display_name: asked.name.clone(),
        role: asked.role,
        password,
    };
    let created = users::create(&service, &Caller::machine(request), &new).await;
    // Whatever came of it: a private server is not left running.
    catalog.close().await;
    if let Some(embedded) = embedded {
        let stopped = tokio::task::spawn_blocking(move || embedded.stop()).await;
        stopped.map_err(|error| Error::because(Code::CatalogFailed, "the private server", error))??;
    }
    surroundings.output.result(&created?, |user| {
        format!(
            "Created the {} {} (id {}) of organisation {}.\nThey can log in now, and should enrol a second factor first: what takes one \
             is closed to them until then.",
            user.role, user.email, user.id, user.organisation_id
        )
    });
    Ok(())
}
