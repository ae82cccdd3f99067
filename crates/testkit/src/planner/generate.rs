//! Filling the application with data.

use super::{
    Result, Spec,
    files::Files,
    layout::Layout,
    refused,
    rows::{bookings, log, media, people, plans, shared},
};
use std::path::Path;
use tokio_postgres::Client;
use uuid::Uuid;

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Ids of the weddings, in their order; the same as [`Spec::wedding_id`] gives.
    pub weddings: Vec<Uuid>,
    /// Rows in all tables.
    pub rows: u64,
    /// Files written.
    pub files: u64,
    /// Their length altogether.
    pub files_bytes: u64,
}

/// Loads the data of `spec` into the empty, [installed](super::install) application by COPY, and analyses the tables.
/// With `files_root` the photos and documents that rows name in `storage_path` are written below it.
///
/// The rows fit together, so foreign keys and triggers are switched off for the load: the client is a superuser.
///
/// # Errors
/// [`Error`](super::Error) by cause; the database is then as it was.
pub async fn generate(client: &Client, spec: &Spec, files_root: Option<&Path>) -> Result<Generated> {
    let layout = Layout::new(spec);
    let mut files = Files::new(files_root);
    client
        .batch_execute("BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL synchronous_commit = off")
        .await
        .map_err(refused("starting to load data"))?;
    let rows = match load(client, &layout, &mut files).await {
        Ok(rows) => rows,
        Err(error) => {
            client.batch_execute("ROLLBACK").await.map_err(refused("giving up loading data"))?;
            return Err(error);
        }
    };
    client.batch_execute("COMMIT; ANALYZE").await.map_err(refused("committing the data"))?;
    Ok(Generated {
        weddings: (0..layout.weddings).map(|number| layout.wedding(number)).collect(),
        rows,
        files: files.written,
        files_bytes: files.written_bytes,
    })
}

async fn load(client: &Client, layout: &Layout, files: &mut Files<'_>) -> Result<u64> {
    let rows = shared::organisations(client, layout).await?
        + shared::profiles(client, layout).await?
        + shared::venues(client, layout).await?
        + shared::vendors(client, layout).await?
        + people::weddings(client, layout).await?
        + people::households(client, layout).await?
        + people::guests(client, layout).await?
        + plans::events(client, layout).await?
        + people::rsvps(client, layout).await?
        + people::dining_tables(client, layout).await?
        + people::seats(client, layout).await?
        + media::documents(client, layout, files).await?
        + bookings::vendor_bookings(client, layout).await?
        + bookings::contacts(client, layout).await?
        + plans::timeline_items(client, layout).await?
        + plans::tasks(client, layout).await?
        + media::albums(client, layout).await?
        + media::photos(client, layout, files).await?
        + media::photo_guests(client, layout).await?
        + bookings::budget_items(client, layout).await?
        + bookings::payments(client, layout).await?
        + log::messages(client, layout).await?
        + log::activity(client, layout).await?;
    client.batch_execute(ADVANCE_SEQUENCES).await.map_err(refused("advancing its sequences"))?;
    Ok(rows)
}

/// Loaded ids do not advance the sequences behind identity columns.
const ADVANCE_SEQUENCES: &str = "
DO $$
DECLARE
    item record;
    highest bigint;
BEGIN
    FOR item IN
        SELECT c.oid::regclass AS owner, a.attname AS name,
               pg_get_serial_sequence(c.oid::regclass::text, a.attname) AS sequence
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND a.attidentity <> ''
    LOOP
        EXECUTE format('SELECT max(%I) FROM %s', item.name, item.owner) INTO highest;
        IF highest IS NOT NULL THEN PERFORM setval(item.sequence, highest); END IF;
    END LOOP;
END $$";
