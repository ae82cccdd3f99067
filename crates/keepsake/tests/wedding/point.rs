//! Which point is meant, where several could be.

use crate::world::planner::Planner;

#[tokio::test(flavor = "multi_thread")]
async fn s01_the_point_of_another_wedding_is_refused_whatever_names_it() {
    let planner = Planner::new().await;
    let mut other = planner.backup_arguments();
    other[2] = planner.weddings[1].to_string();
    let other = planner.world.json(other);
    planner.backup();
    let photos = planner.photos().display().to_string();
    let storage = planner.world.storage();
    let files = planner.world.json(["backup", "files", &photos, "--storage", &storage]);
    let database = planner.world.json(["backup", "database", "--source", &planner.dsn(), "--storage", &storage]);
    keepsake_testkit::planner::damage(&planner.client, planner.weddings[1], None).await.unwrap();
    let before = planner.see().await;
    for wrong in [&other, &files, &database] {
        for (option, value) in [("--point", &wrong["point"]), ("--vault", &wrong["vault"])] {
            let run = planner.restore(&[option, value.as_str().unwrap(), "--mode", "exact", "--yes"]);
            assert!(run.status != 0, "{option} {value} restored something: {run:?}");
            let run = run.expect(3);
            assert_eq!(run.error_code(), "restore-refused", "{run:?}");
            planner.expect_as(&before).await;
        }
    }
    let empty = planner.server.create_database("rebuilt").await;
    for (option, value) in [("--point", &other["point"]), ("--vault", &other["vault"])] {
        let run = planner.world.run_json([
            "restore",
            "database",
            option,
            value.as_str().unwrap(),
            "--target",
            &empty,
            "--storage",
            &planner.world.storage(),
        ]);
        assert_eq!(run.expect(3).error_code(), "restore-refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_of_two_sources_is_asked_for_by_its_vault() {
    let planner = Planner::new().await;
    let backup = |name: &str| {
        let arguments = planner.backup_arguments().into_iter().chain(["--source-name".to_owned(), name.to_owned()]);
        planner.world.json(arguments)
    };
    let (live, copy) = (backup("live"), backup("copy"));
    assert_ne!(live["vault"], copy["vault"]);
    let before = planner.see().await;
    planner.damage().await;
    let unclear = planner.restore(&["--mode", "exact", "--yes"]).expect(2);
    assert_eq!(unclear.error_code(), "vault-ambiguous");
    assert!(unclear.stderr.contains("live") && unclear.stderr.contains("copy"), "{}", unclear.stderr);
    let vault = copy["vault"].as_str().unwrap();
    let done = planner.restore(&["--mode", "exact", "--yes", "--vault", vault]).expect(0).json();
    assert_eq!(done["point"], copy["point"]);
    planner.expect_as(&before).await;
    planner.undo(done["operation"].as_str().unwrap());
    let done =
        planner.restore(&["--mode", "exact", "--yes", "--point", live["point"].as_str().unwrap()]).expect(0).json();
    assert_eq!(done["point"], live["point"]);
    planner.expect_as(&before).await;
}
