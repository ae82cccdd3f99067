//! The connector to protected PostgreSQL databases: it reads any schema, proposes what a wedding is in it, captures
//! weddings and whole databases beside a live application, and puts exactly one wedding's rows back.
//!
//! Data flows one way: [`schema`] (what the database says) -> [`mapping`] (what a wedding is) -> `ownership` (whose is each
//! row) -> [`capture`] (rows as files, from one snapshot) -> `restore` (plan, apply, prove), [`rehearse`] (the same far from
//! live) and `database` (whole databases). It knows nothing of vaults, storage or keys: captures go into a [`capture::Sink`] and come back from a
//! [`capture::Source`], which `keepsake-app` joins to a vault.

pub mod capture;
pub mod cluster;
pub mod connect;
pub mod database;
pub mod inspect;
pub mod mapping;
pub mod ownership;
pub mod rehearse;
pub mod restore;
pub mod schema;
