//! Four applications in styles that Keepsake was not made for, each with a little data of several weddings, and with what
//! inspection should find in it. They keep the mapping honest: nothing in Keepsake may know their names.

mod composite;
mod modules;
mod prisma;
mod supabase;

pub use composite::COMPOSITE;
pub use modules::MODULES;
pub use prisma::PRISMA;
pub use supabase::SUPABASE;

use tokio_postgres::{Client, Error};

/// All four.
pub const ALL: [Foreign; 4] = [SUPABASE, PRISMA, MODULES, COMPOSITE];

/// An application.
#[derive(Debug, Clone, Copy)]
pub struct Foreign {
    /// Its style, usable as the name of a database.
    pub name: &'static str,
    /// Creates and fills it.
    sql: &'static str,
    /// Columns of the root table that inspection should propose.
    pub root: Root,
    /// Ids of its weddings by `root.id`, as text.
    pub weddings: &'static [&'static str],
    /// Tables whose rows belong to weddings, the root left out, as `schema.table`, with the name of the group that fits.
    pub owned: &'static [(&'static str, &'static str)],
    /// Tables whose rows weddings share: referred to, never owned.
    pub shared: &'static [&'static str],
    /// Tables that have nothing to do with one wedding.
    pub apart: &'static [&'static str],
    /// Columns that name files: table and column.
    pub files: &'static [(&'static str, &'static str)],
    /// What a person has to decide or add, because no catalog says it.
    pub for_a_person: &'static [&'static str],
    /// SQL that damages the first of `weddings` and nothing else: deletes guests, moves its timeline, deletes photos.
    pub damage: &'static str,
    /// SQL that counts the rows of the first wedding in its owned tables and the root, as one bigint.
    pub count: &'static str,
    /// A role, no superuser, that may read all rows and write none, where the style has one.
    pub reader: Option<&'static str>,
    /// A role, no superuser, that may write the application's rows but not switch off triggers.
    pub writer: Option<&'static str>,
}

/// The root table and its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// `schema.table`.
    pub table: &'static str,
    /// The column that names a wedding.
    pub id: &'static str,
    /// What the wedding is called.
    pub name: &'static str,
    /// Its day.
    pub date: &'static str,
    /// Time zone.
    pub time_zone: &'static str,
    /// Number of guests.
    pub guest_count: &'static str,
    /// Budget.
    pub budget: &'static str,
    /// The supplier organisation.
    pub organisation: &'static str,
    /// Status.
    pub status: &'static str,
}

impl Foreign {
    /// Creates the schema with its data in an empty database, and its roles where the server lacks them.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn install(&self, client: &Client) -> Result<(), Error> {
        client.batch_execute(self.sql).await?;
        client.batch_execute("ANALYZE").await
    }

    /// The first wedding, the one that [`damage`](Self::damage) hits.
    pub fn first(&self) -> &'static str {
        self.weddings.first().expect("each application has weddings")
    }
}
