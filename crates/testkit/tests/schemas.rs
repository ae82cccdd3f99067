//! The foreign applications install, hold what they say they hold, and break in one place.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, like tests")]

use keepsake_postgres::schema::{TableName, quote_ident};
use keepsake_testkit::{
    postgres::{Server, connect},
    schemas::{ALL, Foreign, MODULES, SUPABASE},
};
use std::collections::BTreeSet;
use tokio_postgres::Client;

async fn installed(server: &Server, app: &Foreign) -> Client {
    server.create_database(app.name).await;
    let client = server.connect(app.name).await;
    app.install(&client).await.unwrap();
    client
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

fn sql_name(table: &str) -> String {
    table.parse::<TableName>().unwrap().sql()
}

async fn columns(client: &Client, table: &str) -> BTreeSet<String> {
    let sql = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0";
    client.query(sql, &[&sql_name(table)]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_notes_are_true() {
    let server = Server::start();
    for app in ALL {
        let client = installed(&server, &app).await;
        let named: BTreeSet<String> = app
            .owned
            .iter()
            .map(|(table, _)| *table)
            .chain(app.shared.iter().copied())
            .chain(app.apart.iter().copied())
            .chain([app.root.table])
            .map(sql_name)
            .collect();
        let sql = "SELECT format('\"%s\".\"%s\"', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relname <> 'comments'";
        let there: BTreeSet<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(named, there, "{}", app.name);

        let of_root = columns(&client, app.root.table).await;
        let root = app.root;
        for column in [
            root.id,
            root.name,
            root.date,
            root.time_zone,
            root.guest_count,
            root.budget,
            root.organisation,
            root.status,
        ] {
            assert!(of_root.contains(column), "{}: {column}", app.name);
        }
        for (table, column) in app.files {
            assert!(columns(&client, table).await.contains(*column), "{}: {table}.{column}", app.name);
        }
        let ids = format!("SELECT {}::text FROM {} ORDER BY 1", quote_ident(root.id), sql_name(root.table));
        let ids: BTreeSet<String> = client.query(&ids, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(ids, app.weddings.iter().map(|id| (*id).to_owned()).collect(), "{}", app.name);
        for (table, _) in app.owned {
            assert!(count(&client, &format!("SELECT count(*) FROM {}", sql_name(table))).await > 0, "{table}");
        }
    }
}

#[tokio::test]
async fn damage_takes_rows_of_the_first_wedding_only() {
    let server = Server::start();
    for app in ALL {
        let client = installed(&server, &app).await;
        let mut total = 0;
        for (table, _) in app.owned {
            total += count(&client, &format!("SELECT count(*) FROM {}", sql_name(table))).await;
        }
        let first = count(&client, app.count).await;
        client.batch_execute(app.damage).await.unwrap();
        let mut after = 0;
        for (table, _) in app.owned {
            after += count(&client, &format!("SELECT count(*) FROM {}", sql_name(table))).await;
        }
        let lost = first - count(&client, app.count).await;
        assert!(lost > 3, "{}: {lost}", app.name);
        assert_eq!(total - after, lost, "{}", app.name);
    }
}

#[tokio::test]
async fn policies_and_roles_of_the_platform_hold() {
    let server = Server::start();
    let admin = installed(&server, &SUPABASE).await;
    let guests = count(&admin, "SELECT count(*) FROM guests").await;
    let user: String = admin.query_one("SELECT md5('user1')::uuid::text", &[]).await.unwrap().get(0);
    let app = connect(&server.dsn_as("authenticator", SUPABASE.name)).await;
    app.batch_execute("SET ROLE authenticated").await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM guests").await, 0);
    app.batch_execute(&format!("SET request.jwt.claims = '{{\"sub\": \"{user}\"}}'")).await.unwrap();
    assert_eq!(count(&app, "SELECT count(*) FROM guests").await, guests);

    let reader = connect(&server.dsn_as(SUPABASE.reader.unwrap(), SUPABASE.name)).await;
    reader.batch_execute("SET row_security = off").await.unwrap();
    assert_eq!(count(&reader, "SELECT count(*) FROM guests").await, guests);
    assert!(reader.batch_execute("DELETE FROM guests").await.is_err());
    let writer = connect(&server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name)).await;
    assert!(writer.batch_execute("SET session_replication_role = replica").await.is_err());
    assert!(writer.batch_execute("INSERT INTO auth.users (id) VALUES (gen_random_uuid())").await.is_err());
    writer.batch_execute("SELECT id FROM auth.users FOR KEY SHARE; UPDATE guests SET name = name").await.unwrap();
}

#[tokio::test]
async fn rows_of_the_modules_stay_within_their_event() {
    let server = Server::start();
    let client = installed(&server, &MODULES).await;
    for crossing in [
        "planning.guests a JOIN planning.guests b ON a.invited_by = b.id WHERE a.event_id <> b.event_id",
        "planning.seatings s JOIN planning.guests g ON g.id = s.guest_id JOIN planning.tables t ON t.id = s.table_id \
         WHERE g.event_id <> t.event_id",
    ] {
        assert_eq!(count(&client, &format!("SELECT count(*) FROM {crossing}")).await, 0, "{crossing}");
    }
}
