//! Odd sizes, odd names, and a clock that goes back.

use crate::{
    content::{noise, photos},
    world::{World, planner::Planner},
};
use keepsake_app::{Context, Home, Storage, backup, install, points};
use keepsake_domain::clock::FixedClock;
use keepsake_testkit::planner::{Size, Spec};
use keepsake_vault::engine::{Engine, EngineConfig, Progress};
use std::{fs, sync::Arc};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_wedding_is_a_wedding() {
    let mut planner = Planner::new().await;
    let row = "INSERT INTO weddings (organisation_id, title, couple_names, slug) SELECT organisation_id, 'New', '{}', 'new' \
               FROM weddings LIMIT 1 RETURNING id";
    planner.wedding = planner.client.query_one(row, &[]).await.unwrap().get(0);
    planner.backup();
    let before = planner.see().await;
    planner.execute(&format!("DELETE FROM weddings WHERE id = '{}'", planner.wedding)).await;
    let (operation, _) = planner.restore_exact();
    planner.expect_as(&before).await;
    planner.undo(&operation);
    assert_eq!(planner.see().await.wedding.rows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wedding_with_ten_thousand_guests_comes_back() {
    let first = Some(Size { guests: 10_000, photos: 2 });
    let planner = Planner::of(&Spec { weddings: 2, organisations: 1, first, ..Spec::small() }).await;
    planner.backup();
    let before = planner.see().await;
    assert_eq!(before.wedding.rows_of("guests"), 10_000);
    planner.damage().await;
    planner.restore_exact();
    planner.expect_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_odd_names_are_captured_and_come_back() {
    let planner = Planner::new().await;
    let long = format!("{}.jpg", "ü".repeat(125) + "x");
    assert_eq!(long.len(), 255);
    let names =
        ["it's \"us\".jpg", "line\nbreak.jpg", "tab\there 100%.jpg", "結婚式 💍.jpg", " lead and trail ", &long];
    let folder = format!("photos/{}/odd", planner.wedding);
    fs::create_dir_all(planner.photos().join(&folder)).unwrap();
    for (number, name) in names.iter().enumerate() {
        let path = format!("{folder}/{name}");
        fs::write(planner.photos().join(&path), noise(5000, number as u64)).unwrap();
        let row = "INSERT INTO photos (wedding_id, storage_path, size_bytes) VALUES ($1, $2, 5000)";
        planner.client.execute(row, &[&planner.wedding, &path]).await.unwrap();
    }
    let backup = planner.backup();
    assert_eq!(backup["issues"].as_array().unwrap().len(), 0, "{backup}");
    let before = planner.see().await;
    planner.execute(&format!("DELETE FROM photos WHERE storage_path LIKE '{folder}/%'")).await;
    fs::remove_dir_all(planner.photos().join(&folder)).unwrap();
    let broken = planner.see().await;
    let (operation, _) = planner.restore_exact();
    planner.expect_as(&before).await;
    planner.undo(&operation);
    planner.expect_as(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_loses_no_point_and_no_backup() {
    let world = World::new();
    let folder = photos(&world, "photos", 2);
    let home = Home::resolve(Some(&world.home()), &|_| None).unwrap();
    let context = |time: &str| Context {
        home: home.clone(),
        master: install::load_master_key(&home).unwrap(),
        clock: Arc::new(FixedClock::new(time.parse().unwrap())),
        engine: Engine::new(EngineConfig::default()).unwrap(),
        cancel: CancellationToken::new(),
        progress: Arc::new(Progress::default()),
        actor: "tester".to_owned(),
        organisation: "local".to_owned(),
    };
    let asked = backup::Files { paths: vec![folder], name: Some("p".to_owned()), read_back: false };
    let mut made = Vec::new();
    for time in ["2026-06-06T12:00:00Z", "2019-01-01T00:00:00Z", "2019-01-01T00:00:00Z", "2026-06-06T13:00:00Z"] {
        let context = context(time);
        let storage = Storage::open(&context, &world.storage()).unwrap();
        made.push(backup::files(&context, &storage, &asked).await.unwrap().point.to_string());
    }
    let listed = world.points(&[]);
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[..2], [made[3].clone(), made[0].clone()], "by the time that they claim");
    world.verify();
    let context = context("2019-01-01T00:00:00Z");
    let storage = Storage::open(&context, &world.storage()).unwrap();
    assert_eq!(points::list(&context, &storage, None, false).await.unwrap().len(), 4);
}
