//! No row of another organisation is read or written, in any table: the list of tables is the database's own.

use crate::support::{World, admin_of, enter};

async fn tables(owner: &tokio_postgres::Client, tenant: bool) -> Vec<String> {
    let list = "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = 'keepsake' AND c.relkind IN ('r', 'p') AND $1 = EXISTS (
                    SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'organisation_id' AND NOT a.attisdropped)
                ORDER BY 1";
    owner.query(list, &[&tenant]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_tenant_table_forces_row_security_with_a_check_on_what_is_written() {
    let world = World::new().await;
    for table in tables(&world.owner, true).await {
        let state = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = ('keepsake.' || $1::text)::regclass";
        assert!(world.owner.query_one(state, &[&table]).await.unwrap().get::<_, bool>(0), "{table}");
        let unchecked = "SELECT count(*) FROM pg_policies WHERE schemaname = 'keepsake' AND tablename = $1
                         AND cmd IN ('ALL', 'INSERT', 'UPDATE') AND with_check IS NULL";
        assert_eq!(world.owner.query_one(unchecked, &[&table]).await.unwrap().get::<_, i64>(0), 0, "{table}");
    }
    // Of the others, each is protected, or closed to the application.
    for table in tables(&world.owner, false).await {
        let open =
            "SELECT NOT relrowsecurity AND has_table_privilege('keepsake_app', oid, 'SELECT, INSERT, UPDATE, DELETE')
                    FROM pg_class WHERE oid = ('keepsake.' || $1::text)::regclass";
        assert!(!world.owner.query_one(open, &[&table]).await.unwrap().get::<_, bool>(0), "{table}");
    }
}

#[tokio::test]
async fn one_organisation_sees_and_changes_nothing_of_another() {
    let world = World::new().await;
    let client = world.app().await;
    for table in tables(&world.owner, true).await {
        let own = format!("SELECT count(*) FROM keepsake.{table} WHERE organisation_id = $1");
        let count = async |client: &tokio_postgres::Client, id: &keepsake_domain::OrganisationId| {
            client.query_one(&own, &[id.as_uuid()]).await.unwrap().get::<_, i64>(0)
        };
        assert!(count(&world.owner, &world.b).await > 0, "the fixture has no row for {table}");
        let mut context = admin_of(world.a);
        // Answers that were kept for a retry belong to whoever asked.
        if table == "idempotency_keys" {
            context["actor"] = "00000000-0000-0000-0000-0000000001a0".into();
        }
        enter(&client, context.clone()).await;
        assert!(count(&client, &world.a).await > 0, "{table}: its own");
        assert_eq!(count(&client, &world.b).await, 0, "{table}: the other's");
        client.batch_execute("COMMIT").await.unwrap();

        enter(&client, context.clone()).await;
        let steal = format!("UPDATE keepsake.{table} SET organisation_id = $1");
        let refused = client.execute(&steal, &[world.b.as_uuid()]).await.unwrap_err();
        let code = refused.code().unwrap().code().to_owned();
        assert!(code == "42501", "{table}: given away: {refused:?}");
        client.batch_execute("ROLLBACK").await.unwrap();

        // The other's row, offered as a new one of theirs.
        enter(&client, context).await;
        let columns = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                       WHERE attrelid = ('keepsake.' || $1::text)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''";
        let columns: String = world.owner.query_one(columns, &[&table]).await.unwrap().get(0);
        let row = format!("SELECT to_jsonb(t) FROM keepsake.{table} AS t WHERE organisation_id = $1 LIMIT 1");
        let row: serde_json::Value = world.owner.query_one(&row, &[world.b.as_uuid()]).await.unwrap().get(0);
        let insert = format!(
            "INSERT INTO keepsake.{table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::keepsake.{table}, $1)"
        );
        let refused = client.execute(&insert, &[&row]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{table}: planted: {refused:?}");
        client.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_mixed_or_empty_context_reaches_no_tenant() {
    let world = World::new().await;
    let client = world.app().await;
    let contexts = [
        serde_json::json!({"role": "admin"}),
        serde_json::json!({"organisation": null, "role": "admin", "operator": false}),
        serde_json::json!({"organisation": world.server.socket().display().to_string(), "role": "admin"}),
    ];
    for context in contexts {
        enter(&client, context.clone()).await;
        match client.query_one("SELECT count(*) FROM keepsake.weddings", &[]).await {
            Ok(row) => assert_eq!(row.get::<_, i64>(0), 0, "{context}"),
            Err(error) => assert_eq!(error.code().unwrap().code(), "22P02", "no organisation: {error:?}"),
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn the_operator_reaches_every_organisation_and_lends_its_targets() {
    let world = World::new().await;
    let client = world.app().await;
    let mut context = admin_of(crate::support::operator());
    context["operator"] = true.into();
    enter(&client, context).await;
    let weddings: i64 = client.query_one("SELECT count(*) FROM keepsake.weddings", &[]).await.unwrap().get(0);
    assert_eq!(weddings, 4);
    client.batch_execute("COMMIT").await.unwrap();
    enter(&client, admin_of(world.a)).await;
    let targets: i64 = client.query_one("SELECT count(*) FROM keepsake.storage_targets", &[]).await.unwrap().get(0);
    assert_eq!(targets, 2, "its own and the one that is lent");
    let change = "UPDATE keepsake.storage_targets SET name = 'mine' WHERE name = 'lent'";
    assert_eq!(client.execute(change, &[]).await.unwrap(), 0);
}

#[tokio::test]
async fn the_worker_role_sees_jobs_and_nothing_else_of_any_tenant() {
    let world = World::new().await;
    let client = world.worker().await;
    for table in tables(&world.owner, true).await {
        let read = client.query(&format!("SELECT * FROM keepsake.{table}"), &[]).await;
        match table.as_str() {
            "backup_jobs" => assert_eq!(read.unwrap().len(), 2),
            _ => assert_eq!(read.unwrap_err().code().unwrap().code(), "42501", "{table}"),
        }
    }
    for change in ["UPDATE keepsake.backup_jobs SET payload = '{}'", "DELETE FROM keepsake.backup_jobs"] {
        assert_eq!(client.execute(change, &[]).await.unwrap_err().code().unwrap().code(), "42501", "{change}");
    }
}
