//! A server with a migrated catalog and two suppliers in it, and connections in any role.

use keepsake_catalog::{Catalog, Settings};
use keepsake_domain::{OrganisationId, ProcessId};
use keepsake_testkit::postgres::{Server, connect};
use uuid::Uuid;

/// A catalog with the operator and two suppliers, `a` and `b`, and one row of every kind for each of them.
pub struct World {
    pub server: Server,
    pub catalog: Catalog,
    pub a: OrganisationId,
    pub b: OrganisationId,
    /// Connections made before are few; the superuser of the tests is the owner.
    pub owner: tokio_postgres::Client,
    oid: u32,
}

/// Secret of the process that the tests register for themselves.
const SECRET: [u8; 32] = [7; 32];

pub fn operator() -> OrganisationId {
    OrganisationId::from_uuid(Uuid::from_u128(0xf0))
}

pub fn settings(server: &Server, process: u128) -> Settings {
    Settings {
        owner_url: format!("postgres://postgres@localhost/catalog?host={}", server.socket().display()),
        passwords: ["app password".to_owned(), "worker's password".to_owned()],
        connections: 8,
        process: ProcessId::from_uuid(Uuid::from_u128(process)),
        node: "test".to_owned(),
        roles: vec!["api".to_owned(), "worker".to_owned()],
    }
}

impl World {
    pub async fn new() -> Self {
        let server = Server::start();
        server.create_database("catalog").await;
        let catalog = Catalog::open(&settings(&server, 1)).await.unwrap();
        let owner = server.connect("catalog").await;
        owner.batch_execute(include_str!("fixture.sql")).await.unwrap();
        let register = "INSERT INTO keepsake.processes (id, secret_sha256, node, roles, version) VALUES ($1, sha256($2), 't', '{}', '0')";
        owner.execute(register, &[&Uuid::from_u128(2), &SECRET.as_slice()]).await.unwrap();
        let oid = "SELECT oid FROM pg_database WHERE datname = 'catalog'";
        let oid = owner.query_one(oid, &[]).await.unwrap().get(0);
        let organisation = |n| OrganisationId::from_uuid(Uuid::from_u128(n));
        Self { server, catalog, a: organisation(0xa0), b: organisation(0xb0), owner, oid }
    }

    /// A plain connection as the application role.
    pub async fn app(&self) -> tokio_postgres::Client {
        connect(&self.server.dsn_as(&format!("keepsake_app_{}", self.oid), "catalog")).await
    }

    /// A plain connection as the worker role.
    pub async fn worker(&self) -> tokio_postgres::Client {
        connect(&self.server.dsn_as(&format!("keepsake_worker_{}", self.oid), "catalog")).await
    }
}

/// Begins a transaction on a plain connection and enters a context, as the service does.
pub async fn enter(client: &tokio_postgres::Client, context: serde_json::Value) {
    client.batch_execute("BEGIN").await.unwrap();
    let call = "SELECT keepsake.enter($1, $2, $3)";
    client.query(call, &[&Uuid::from_u128(2), &SECRET.as_slice(), &context]).await.unwrap();
}

pub fn admin_of(organisation: OrganisationId) -> serde_json::Value {
    serde_json::json!({"organisation": organisation, "actor": null, "role": "admin", "operator": false})
}
