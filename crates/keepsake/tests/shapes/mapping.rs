//! What inspection assumed is shown, and a mapping that does not fit is refused with its line.

use crate::app::App;
use keepsake_testkit::schemas::{MODULES, SUPABASE};
use std::fs;

#[tokio::test]
async fn what_inspection_assumed_is_followed_and_shown() {
    let it = App::start(MODULES).await;
    let printed = it.world.run(["inspect", "--source", &it.dsn()]).expect(0);
    assert!(printed.stdout.contains("decision = \"assumed-owns\""), "{}", printed.stdout);
    it.backup(&it.dsn(), None);
    let shown = it.world.run([
        "restore",
        "wedding",
        MODULES.first(),
        "--target",
        &it.dsn(),
        "--storage",
        &it.world.storage(),
        "--mode",
        "exact",
        "--dry-run",
        "--files-root",
        it.files().to_str().unwrap(),
    ]);
    let shown = shown.expect(0).stdout;
    assert!(shown.contains("nobody has decided yet") && shown.contains("core.comments (commentable_id)"), "{shown}");
    let before = it.state().await;
    it.client.batch_execute("DELETE FROM core.comments WHERE commentable_id = 1").await.unwrap();
    it.restore(&it.dsn());
    assert_eq!(it.state().await, before);
}

/// The line of a text that holds `part`, from 1.
fn line_of(text: &str, part: &str) -> usize {
    1 + text.lines().position(|line| line.contains(part)).unwrap()
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused_with_its_line() {
    let it = App::start(SUPABASE).await;
    let wrong = |edits: &[(&str, &str)], part: &str, status: i32, code: &str| {
        let _gone_or_never_there = fs::remove_file(it.world.path("mapping.toml"));
        let mapping = it.inspect(edits);
        let line = line_of(&fs::read_to_string(&mapping).unwrap(), part);
        let (dsn, storage) = (it.dsn(), it.world.storage());
        let words = ["backup", "wedding", SUPABASE.first(), "--source", &dsn, "--storage", &storage];
        let refused = it.world.run(words.iter().copied().chain(["--mapping", &mapping, "--json"])).expect(status);
        assert_eq!(refused.error_code(), code);
        assert!(refused.stderr.contains(&format!("line {line}, ")), "line {line}: {}", refused.stderr);
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
        // Nothing was made for it.
        assert_eq!(it.world.json(["points", "--storage", &storage])["points"].as_array().unwrap().len(), 0);
    };
    wrong(&[("date = \"wedding_date\"", "date = \"wedding_day\"")], "wedding_day", 3, "mapping-mismatch");
    wrong(&[("id = \"id\"", "id = \"ident\"")], "id = \"ident\"", 3, "mapping-mismatch");
    wrong(
        &[
            ("name = \"public.rsvps\"", "name = \"public.replies\""),
            ("from = \"public.rsvps\"", "from = \"public.replies\""),
        ],
        "public.replies",
        3,
        "mapping-mismatch",
    );
    wrong(&[("name = \"public.rsvps\"", "name = \"public.rsvps\"\ncolour = \"red\"")], "colour", 2, "mapping-invalid");
    wrong(&[("group = \"timeline\"", "group = \"schedule\"")], "schedule", 2, "mapping-invalid");
    wrong(
        &[("name = \"public.rsvps\"", "name = \"public.rsvps\"\nkey = [\"guest_id\", \"guest_id\"]")],
        "key = ",
        2,
        "mapping-invalid",
    );
}

#[tokio::test]
async fn a_table_that_is_gone_since_the_capture_is_named_with_the_line_of_the_stored_mapping() {
    let it = App::start(SUPABASE).await;
    it.backup(&it.dsn(), None);
    it.client.batch_execute("ALTER TABLE rsvps RENAME TO replies").await.unwrap();
    let (dsn, storage) = (it.dsn(), it.world.storage());
    let words = ["restore", "wedding", SUPABASE.first(), "--target", &dsn, "--storage", &storage, "--yes", "--json"];
    let refused = it.world.run(words).expect(3);
    assert_eq!(refused.error_code(), "mapping-mismatch");
    assert!(refused.stderr.contains("line ") && refused.stderr.contains("public.rsvps"), "{}", refused.stderr);
}
