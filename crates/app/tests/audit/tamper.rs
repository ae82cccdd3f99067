//! What the owner of the database may do, and how it shows.

use crate::support::World;
use keepsake_app::{
    Code,
    audit::{self, Kind},
};
use keepsake_domain::Clock;
use std::time::Duration;

#[tokio::test]
async fn a_changed_row_is_found_and_named() {
    let world = World::new().await;
    let rows = world.history().await;
    world.tamper(&format!("UPDATE keepsake.audit_log SET outcome = 'done' WHERE id = '{}'", rows[7])).await;
    assert_eq!(world.found().await, [(Kind::Changed, Some(rows[7]), Some(7))]);
}

#[tokio::test]
async fn a_row_of_another_time_is_a_changed_row() {
    let world = World::new().await;
    let rows = world.history().await;
    let later = "UPDATE keepsake.audit_log SET at = at + interval '1 microsecond' WHERE id = ";
    world.tamper(&format!("{later}'{}'", rows[3])).await;
    assert_eq!(world.found().await, [(Kind::Changed, Some(rows[3]), Some(3))]);
}

#[tokio::test]
async fn a_row_that_was_changed_with_its_leaf_is_found_and_named() {
    let world = World::new().await;
    let rows = world.history().await;
    let both = "UPDATE keepsake.audit_log SET outcome = 'done',
                    leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '\"intended\"', '\"done\"'), 'UTF8') WHERE id = ";
    world.tamper(&format!("{both}'{}'", rows[7])).await;
    assert_eq!(world.found().await, [(Kind::Changed, Some(rows[7]), Some(7))]);
}

#[tokio::test]
async fn a_leaf_that_was_changed_alone_is_found_and_named() {
    let world = World::new().await;
    let rows = world.history().await;
    world.tamper(&format!("UPDATE keepsake.audit_log SET leaf = leaf || ' ' WHERE id = '{}'", rows[19])).await;
    assert_eq!(world.found().await, [(Kind::Changed, Some(rows[19]), Some(19))]);
}

#[tokio::test]
async fn a_row_that_was_changed_with_leaf_and_hash_contradicts_what_was_signed() {
    let world = World::new().await;
    let rows = world.history().await;
    let all = "UPDATE keepsake.audit_log SET outcome = 'done',
                   leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '\"intended\"', '\"done\"'), 'UTF8') WHERE id = ";
    world.tamper(&format!("{all}'{}'", rows[7])).await;
    let hash = "UPDATE keepsake.audit_tree AS t SET leaf_hash = sha256('\\x00'::bytea || l.leaf)
                FROM keepsake.audit_log AS l WHERE l.id = t.audit_id AND l.id = ";
    world.tamper(&format!("{hash}'{}'", rows[7])).await;
    let report = world.verify().await;
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!((finding.kind, finding.index, finding.checkpoint), (Kind::Rewritten, Some(5), Some(10)));
    assert!(finding.message.contains("from place 5 to 9"), "{}", finding.message);
    assert_eq!(report.signed.unwrap().size, 5, "what came before is still vouched for");
}

#[tokio::test]
async fn a_removed_row_is_found_and_named() {
    let world = World::new().await;
    let rows = world.history().await;
    world.tamper(&format!("DELETE FROM keepsake.audit_log WHERE id = '{}'", rows[7])).await;
    assert_eq!(world.found().await, [(Kind::Removed, Some(rows[7]), Some(7))]);
}

#[tokio::test]
async fn a_row_that_was_removed_with_its_place_leaves_a_gap() {
    let world = World::new().await;
    let rows = world.history().await;
    for statement in ["audit_tree WHERE audit_id", "audit_log WHERE id"] {
        world.tamper(&format!("DELETE FROM keepsake.{statement} = '{}'", rows[7])).await;
    }
    assert_eq!(world.found().await, [(Kind::Removed, None, Some(7))]);
    // Closing the gap does not help.
    let close = "UPDATE keepsake.audit_tree SET index = index - 1 WHERE index = ";
    for index in 8..20 {
        world.tamper(&format!("{close}{index}")).await;
    }
    let report = world.verify().await;
    let kinds: Vec<_> = report.findings.iter().map(|finding| (finding.kind, finding.index)).collect();
    assert_eq!(kinds, [(Kind::Rewritten, Some(5)), (Kind::Removed, Some(19))]);
}

#[tokio::test]
async fn a_row_that_was_removed_before_it_had_a_place_is_named() {
    let world = World::new().await;
    world.history().await;
    world.record("wedding 20").await;
    let waits = "SELECT audit_id FROM keepsake.audit_pending";
    let row: uuid::Uuid = world.owner.query_one(waits, &[]).await.unwrap().get(0);
    world.tamper(&format!("DELETE FROM keepsake.audit_log WHERE id = '{row}'")).await;
    assert_eq!(world.found().await, [(Kind::Removed, Some(row), None)]);
    // It does not stand in the way of others.
    world.record("wedding 21").await;
    world.settle().await;
    assert_eq!(world.found().await, [(Kind::Removed, Some(row), None)]);
}

/// What inserts a copy of a row, some time before it.
const COPY: &str = "INSERT INTO keepsake.audit_log
    SELECT gen_random_uuid(), organisation_id, at - interval '2 hours', stage, request_id, actor_kind, actor_id, action, subject, outcome, leaf
    FROM keepsake.audit_log ORDER BY at DESC LIMIT 1 RETURNING id";

#[tokio::test]
async fn a_row_that_came_in_past_the_sequencer_is_found_and_named() {
    let world = World::new().await;
    world.history().await;
    let row: uuid::Uuid = world.owner.query_one(COPY, &[]).await.unwrap().get(0);
    assert_eq!(world.found().await, [(Kind::Inserted, Some(row), None)]);
}

#[tokio::test]
async fn a_row_that_came_in_past_the_sequencer_is_not_hidden_by_thousands_that_wait() {
    let world = World::new().await;
    world.history().await;
    let many = "INSERT INTO keepsake.audit_log
                SELECT gen_random_uuid(), organisation_id, at, stage, request_id, actor_kind, actor_id, action, subject, outcome, leaf
                FROM (SELECT * FROM keepsake.audit_log ORDER BY at DESC LIMIT 1) AS newest, generate_series(1, 3000)";
    world.server.connect("catalog").await.execute(many, &[]).await.unwrap();
    let late = COPY.replace("at - interval '2 hours'", "at + interval '2 hours'");
    let row: uuid::Uuid = world.owner.query_one(&late, &[]).await.unwrap().get(0);
    assert_eq!(world.found().await, [(Kind::Inserted, Some(row), None)]);
    assert_eq!(world.verify().await.waiting, 3000);
}

#[tokio::test]
async fn a_row_that_was_put_in_afterwards_for_an_earlier_time_is_found_and_named() {
    let world = World::new().await;
    world.history().await;
    // With the triggers on, the row gets into the tree as any other, and its leaf is made to fit.
    let owner = world.server.connect("catalog").await;
    let row: uuid::Uuid = owner.query_one(COPY, &[]).await.unwrap().get(0);
    assert_eq!(world.found().await, [(Kind::Inserted, Some(row), None)], "while it waits");
    let fit = "UPDATE keepsake.audit_log SET leaf = convert_to(replace(replace(convert_from(leaf, 'UTF8'),
                   convert_from(leaf, 'UTF8')::json ->> 'id', id::text),
                   convert_from(leaf, 'UTF8')::json ->> 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')), 'UTF8')
               WHERE id = ";
    world.tamper(&format!("{fit}'{row}'")).await;
    world.settle().await;
    assert_eq!(world.found().await, [(Kind::Inserted, Some(row), Some(20))], "in its place");
}

#[tokio::test]
async fn rows_that_changed_places_are_found_and_named() {
    let world = World::new().await;
    let rows = world.history().await;
    let swap = "UPDATE keepsake.audit_tree AS t SET audit_id = o.audit_id, leaf_hash = o.leaf_hash FROM keepsake.audit_tree AS o
                WHERE (t.index, o.index) IN ((11, 13), (13, 11))";
    world.owner.batch_execute("ALTER TABLE keepsake.audit_tree DROP CONSTRAINT audit_tree_audit_id_key").await.unwrap();
    world.tamper(swap).await;
    let expected = [(Kind::Reordered, Some(rows[13]), Some(11)), (Kind::Reordered, Some(rows[11]), Some(13))];
    assert_eq!(world.found().await, expected);
    assert_eq!(world.verify().await.signed.unwrap().size, 20, "the rest is compared all the same");
    // Only the rows, not the hashes: each stands where the other was hashed.
    let only = swap.replace(", leaf_hash = o.leaf_hash", "").replace("(11, 13), (13, 11)", "(2, 8), (8, 2)");
    world.tamper(swap).await;
    world.tamper(&only).await;
    let expected = [(Kind::Reordered, Some(rows[8]), Some(2)), (Kind::Reordered, Some(rows[2]), Some(8))];
    assert_eq!(world.found().await, expected);
}

#[tokio::test]
async fn a_forged_checkpoint_is_found_and_nothing_is_signed_on_top_of_it() {
    let world = World::new().await;
    world.history().await;
    world.tamper("UPDATE keepsake.audit_checkpoints SET root = sha256('mine') WHERE size = 5").await;
    let report = world.verify().await;
    let forged: Vec<_> = report.findings.iter().map(|finding| (finding.kind, finding.checkpoint)).collect();
    assert_eq!(forged, [(Kind::Forged, Some(5))]);
    // The note, and the right edge from which the next checkpoint is made.
    world
        .tamper("UPDATE keepsake.audit_checkpoints SET note = replace(note, E'\\n10\\n', E'\\n11\\n') WHERE size = 10")
        .await;
    let edge = "UPDATE keepsake.audit_checkpoints SET frontier = sha256('mine') || sha256('edge') WHERE size = 20";
    world.tamper(edge).await;
    let report = world.verify().await;
    let forged: Vec<_> = report.findings.iter().map(|finding| (finding.kind, finding.checkpoint)).collect();
    assert_eq!(forged, [(Kind::Forged, Some(5)), (Kind::Forged, Some(10)), (Kind::Forged, Some(20))]);
    world.record("wedding 20").await;
    let refused = audit::settle(&world.service, Duration::ZERO).await.unwrap_err();
    assert_eq!(refused.code(), Code::VerifyFailed);
}

#[tokio::test]
async fn nothing_is_sequenced_or_signed_on_top_of_a_checkpoint_that_nobody_signed() {
    let world = World::new().await;
    world.history().await;
    // An honest note of a smaller tree, and one that only looks like a note.
    let own = "INSERT INTO keepsake.audit_checkpoints (size, root, note, frontier, at)
               SELECT 22, root, note, frontier, at FROM keepsake.audit_checkpoints WHERE size = 20";
    let spoilt = own.replace("22, root, note", "22, root, replace(note, E'\\n20\\n', E'\\n22\\n')");
    for statement in [own, &spoilt] {
        world.tamper(statement).await;
        let forged: Vec<_> =
            world.verify().await.findings.iter().map(|finding| (finding.kind, finding.checkpoint)).collect();
        assert_eq!(forged, [(Kind::Forged, Some(22))]);
        world.record("wedding").await;
        for refused in
            [audit::sequence(&world.service).await.err(), audit::checkpoint(&world.service, Duration::ZERO).await.err()]
        {
            let code = refused.map(|error| (error.code(), error.chain().contains("was not signed")));
            assert_eq!(code, Some((Code::VerifyFailed, true)));
        }
        world.tamper("DELETE FROM keepsake.audit_checkpoints WHERE size = 22").await;
    }
    world.settle().await;
    assert_eq!(world.found().await, [], "with the forgeries gone it goes on");
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_found_and_its_places_are_not_given_away() {
    let world = World::new().await;
    let rows = world.history().await;
    world
        .tamper(
            "DELETE FROM keepsake.audit_log WHERE id IN (SELECT audit_id FROM keepsake.audit_tree WHERE index >= 12)",
        )
        .await;
    world.tamper("DELETE FROM keepsake.audit_tree WHERE index >= 12").await;
    let report = world.verify().await;
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!((finding.kind, finding.index, finding.checkpoint), (Kind::Removed, Some(12), Some(15)));
    assert!(finding.message.contains("ends at 12 rows"), "{}", finding.message);
    world.record("wedding 20").await;
    assert_eq!(audit::settle(&world.service, Duration::ZERO).await.unwrap_err().code(), Code::VerifyFailed);
    assert_eq!(world.order().await, rows[..12]);
}

#[tokio::test]
async fn an_end_that_was_cut_off_with_its_checkpoints_shows_by_a_checkpoint_that_was_kept_elsewhere() {
    let world = World::new().await;
    world.history().await;
    let kept = audit::newest(&world.service).await.unwrap().unwrap();
    assert!(audit::verify(&world.service, Some(&kept.note)).await.unwrap().good);
    world
        .tamper(
            "DELETE FROM keepsake.audit_log WHERE id IN (SELECT audit_id FROM keepsake.audit_tree WHERE index >= 10)",
        )
        .await;
    world.tamper("DELETE FROM keepsake.audit_tree WHERE index >= 10").await;
    world.tamper("DELETE FROM keepsake.audit_checkpoints WHERE size > 10").await;
    assert!(world.verify().await.good, "the catalog alone cannot tell: if it can now, docs/audit.md says too little");
    let report = audit::verify(&world.service, Some(&kept.note)).await.unwrap();
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!((finding.kind, finding.index, finding.checkpoint), (Kind::Removed, Some(10), Some(20)));
    assert!(finding.message.contains("kept elsewhere"), "{}", finding.message);
    // Another end that is as long does not help.
    for number in 0..12 {
        world.record(&format!("invented {number}")).await;
    }
    world.settle().await;
    assert!(world.verify().await.good);
    let report = audit::verify(&world.service, Some(&kept.note)).await.unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.kind, finding.checkpoint)).collect();
    assert_eq!(found, [(Kind::Rewritten, Some(20))]);
    assert_eq!(audit::consistency(&world.service, &kept.note).await.unwrap_err().code(), Code::VerifyFailed);
}

#[tokio::test]
async fn a_checkpoint_of_another_log_is_refused_as_one_that_was_kept() {
    let (world, other) = (World::new().await, World::new().await);
    world.history().await;
    other.history().await;
    let theirs = audit::newest(&other.service).await.unwrap().unwrap();
    let refused = audit::verify(&world.service, Some(&theirs.note)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Invalid);
    assert_eq!(audit::verify(&world.service, Some("my log")).await.unwrap_err().code(), Code::Invalid);
}

#[tokio::test]
async fn a_log_in_order_stays_in_order_over_a_quarter_of_an_hour_of_waiting() {
    let world = World::new().await;
    world.history().await;
    // Recorded while no sequencer was there: older than the next checkpoint by far, and nothing is wrong with that.
    world.record("wedding 20").await;
    world.pass(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(world.found().await, []);
    assert_eq!(world.verify().await.waiting, 1);
    world.settle().await;
    assert_eq!(world.found().await, []);
    assert!(world.verify().await.signed.unwrap().at <= world.clock.now());
}
