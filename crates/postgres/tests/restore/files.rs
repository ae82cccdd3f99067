//! Files that more than one row names.

use crate::app::App;
use keepsake_postgres::{mapping::FileColumn, restore::still_named};

#[tokio::test]
async fn s06_a_file_is_named_while_any_row_of_any_wedding_names_it_in_any_way() {
    let mut app = App::start().await;
    app.sql(
        "ALTER TABLE guests ADD portrait text; ALTER TABLE events ADD \"All Photos\" text[]; \
         UPDATE guests SET portrait = 'https://cdn.example/a/one.jpg?v=2' WHERE id = 21; \
         UPDATE events SET \"All Photos\" = ARRAY['x.jpg', 'b/it''s two.jpg'] WHERE wedding_id = 3 AND no = 1",
    )
    .await;
    for (table, column) in [("public.guests", "portrait"), ("public.events", "All Photos")] {
        app.mapping.files.push(FileColumn {
            table: table.parse().unwrap(),
            column: column.to_owned(),
            store: "photos".to_owned(),
            location: None,
            strip_prefix: None,
            confidence: None,
        });
    }
    let session = app.session().await;
    for (path, named) in [("a/one.jpg", true), ("b/it's two.jpg", true), ("a/two.jpg", false), ("a/%.jpg", false)] {
        assert_eq!(still_named(&session, &app.mapping, path).await.unwrap(), named, "{path}");
    }
    app.sql("UPDATE guests SET portrait = NULL").await;
    assert!(!still_named(&session, &app.mapping, "a/one.jpg").await.unwrap());
    // Who cannot look must not delete.
    app.sql("ALTER TABLE guests DROP COLUMN portrait").await;
    still_named(&session, &app.mapping, "a/one.jpg").await.unwrap_err();
}
