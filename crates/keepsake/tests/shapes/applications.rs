//! Four applications of different style, each inspected, backed up, broken, restored and undone.

use crate::app::{App, survives};
use keepsake_testkit::schemas::{COMPOSITE, MODULES, PRISMA, SUPABASE};

#[tokio::test]
async fn a_supabase_like_application_survives() {
    let it = App::start(SUPABASE).await;
    let mapping = it.inspect(&[]);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
    // The whole wedding, by one cascade.
    let before = it.state().await;
    it.client.batch_execute("DELETE FROM weddings WHERE id = md5('wedding1')::uuid").await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

#[tokio::test]
async fn roles_without_superuser_rights_back_up_and_restore_without_a_mapping() {
    let it = App::start(SUPABASE).await;
    let reader = it.server.dsn_as(SUPABASE.reader.unwrap(), SUPABASE.name);
    let writer = it.server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name);
    it.backup(&reader, None);
    it.damage().await;
    let preview = it.world.json([
        "restore",
        "wedding",
        SUPABASE.first(),
        "--target",
        &writer,
        "--storage",
        &it.world.storage(),
        "--mode",
        "exact",
        "--dry-run",
    ]);
    assert_eq!(preview["path"], "checked", "{preview}");
    // Nobody has said where the photos are to go: refused before anything is touched, not half way.
    let (damaged, storage, root) = (it.state().await, it.world.storage(), it.files());
    let words = ["restore", "wedding", SUPABASE.first(), "--storage", &storage, "--mode", "exact", "--yes", "--json"];
    let lost = it.world.run(words.into_iter().chain(["--target", &writer])).expect(3);
    assert_eq!(lost.error_code(), "restore-refused");
    assert!(lost.stderr.contains("--files-root"), "{}", lost.stderr);
    // The reader can see everything and change nothing.
    let there = ["--target", &reader, "--files-root", root.to_str().unwrap()];
    let refused = it.world.run(words.into_iter().chain(there)).expect(1);
    assert_eq!(refused.error_code(), "database-rights", "{refused:?}");
    assert!(refused.stderr.contains("permission denied"), "{refused:?}");
    assert!(it.state().await == damaged, "rows and files are as they were");

    it.client.batch_execute("ALTER ROLE restore_writer NOBYPASSRLS").await.unwrap();
    let blind = it.world.run([
        "restore",
        "wedding",
        SUPABASE.first(),
        "--target",
        &writer,
        "--storage",
        &it.world.storage(),
        "--yes",
        "--json",
    ]);
    assert_eq!(blind.expect(1).error_code(), "database-rights");
    it.client.batch_execute("ALTER ROLE restore_writer BYPASSRLS").await.unwrap();
}

#[tokio::test]
async fn the_checked_path_brings_a_wedding_back_and_undoes_it() {
    let it = App::start(SUPABASE).await;
    it.backup(&it.server.dsn_as(SUPABASE.reader.unwrap(), SUPABASE.name), None);
    survives(&it, &it.server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name)).await;
}

#[tokio::test]
async fn s05_a_user_who_is_gone_is_not_brought_back() {
    let it = App::start(SUPABASE).await;
    let writer = it.server.dsn_as(SUPABASE.writer.unwrap(), SUPABASE.name);
    it.backup(&it.dsn(), None);
    it.client
        .batch_execute(
            "DELETE FROM guests WHERE wedding_id = md5('wedding1')::uuid AND user_id = md5('user1')::uuid; \
             UPDATE weddings SET created_by = md5('user9')::uuid WHERE created_by = md5('user1')::uuid; \
             UPDATE storage.objects SET owner = NULL; DELETE FROM auth.users WHERE id = md5('user1')::uuid",
        )
        .await
        .unwrap();
    let storage = it.world.storage();
    let words = ["restore", "wedding", SUPABASE.first(), "--target", &writer, "--storage", &storage];
    it.world.json(words.iter().copied().chain(["--yes", "--files-root", it.files().to_str().unwrap()]));
    let count = |sql: &'static str| async { it.client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) };
    assert_eq!(count("SELECT count(*) FROM auth.users WHERE id = md5('user1')::uuid").await, 0);
    let back = "SELECT count(*) FROM guests WHERE id = md5('guest101')::uuid AND user_id IS NULL";
    assert_eq!(count(back).await, 1, "the guest is back, without the user");
}

#[tokio::test]
async fn a_prisma_like_application_survives() {
    let it = App::start(PRISMA).await;
    let prefix =
        [("strip_prefix = \"https://cdn.example.com/\"", "strip_prefix = \"https://cdn.example.com/uploads/\"")];
    let mapping = it.inspect(&prefix);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
    let before = it.state().await;
    let whole = format!(
        "DELETE FROM \"Guest\" WHERE \"weddingId\" = '{0}'; DELETE FROM \"Wedding\" WHERE id = '{0}'",
        PRISMA.first()
    );
    it.client.batch_execute(&whole).await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

#[tokio::test]
async fn an_application_of_modules_survives() {
    let it = App::start(MODULES).await;
    let mapping = it.inspect(&[("decision = \"assumed-owns\"", "decision = \"owns\"")]);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
}

#[tokio::test]
async fn an_application_of_circles_survives() {
    let it = App::start(COMPOSITE).await;
    let mapping = it.inspect(&[]);
    it.backup(&it.dsn(), Some(&mapping));
    survives(&it, &it.dsn()).await;
    let before = it.state().await;
    it.client.batch_execute("BEGIN; DELETE FROM celebrations WHERE reference = 'T1-1'; COMMIT").await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}
