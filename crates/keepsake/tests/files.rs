//! Folders and files through the front door: back up, list, verify, restore, and what goes wrong on the way.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod world;

use keepsake_testkit::{draw::Draw, tools};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};
use world::{Run, World, files_below};

/// A small tree with everything that a tree can have.
fn tree(folder: &Path) {
    fs::create_dir_all(folder.join("albums/first dance")).unwrap();
    fs::create_dir_all(folder.join("empty")).unwrap();
    // As a photo, it does not compress: its pack is larger than that of the folders.
    let mut draw = Draw::new(&[1]);
    let photo: Vec<u8> = (0..40_000).flat_map(|_| draw.bits().to_le_bytes()).collect();
    fs::write(folder.join("albums/one.jpg"), photo).unwrap();
    fs::write(folder.join("albums/first dance/tafel \"ü\"\n.jpg"), b"odd name").unwrap();
    fs::write(folder.join("nothing"), b"").unwrap();
    fs::write(folder.join("x".repeat(255)), b"long name").unwrap();
    symlink("albums/one.jpg", folder.join("cover")).unwrap();
    fs::set_permissions(folder.join("albums/one.jpg"), fs::Permissions::from_mode(0o640)).unwrap();
}

fn same(one: &Path, two: &Path) {
    let diff = std::process::Command::new("diff").args(["-r", "--no-dereference"]).arg(one).arg(two).output().unwrap();
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let world = World::new();
    let photos = world.path("photos");
    tree(&photos);
    let storage = world.storage();
    let photos_text = photos.to_str().unwrap();

    let backup = world.json(["backup", "files", photos_text, "--storage", &storage, "--name", "photos"]);
    assert_eq!(backup["result"], "stored", "{backup}");
    assert_eq!(backup["issues"].as_array().unwrap().len(), 0);

    let vaults = world.json(["vaults", "--storage", &storage]);
    assert_eq!(vaults["vaults"][0]["id"], backup["vault"]);
    assert_eq!(vaults["vaults"][0]["kind"], "files");
    assert_eq!(vaults["vaults"][0]["name"], "photos");
    assert_eq!(vaults["vaults"][0]["points"], 1);
    assert!(vaults["vaults"][0]["stored_bytes"].as_u64().unwrap() > 1000);

    let points = world.json(["points", "--storage", &storage]);
    assert_eq!(points["points"][0]["id"], backup["point"]);
    assert_eq!(points["points"][0]["kind"], "files");

    let out = world.path("out");
    let out_text = out.to_str().unwrap();
    let restore = ["restore", "files", "--name", "photos", "--to", out_text, "--storage", &storage];
    world.run(restore).expect(0);
    same(&photos, &out.join(photos_text.trim_start_matches('/')));
    let mode = fs::metadata(out.join(photos_text.trim_start_matches('/')).join("albums/one.jpg")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o640);

    for level in ["structure", "hashes", "all"] {
        world.run(["verify", "--storage", &storage, "--level", level]).expect(0);
    }
}

#[test]
fn a_second_backup_stores_next_to_nothing_and_points_come_newest_first() {
    let world = World::new();
    let photos = world.path("photos");
    tree(&photos);
    let storage = world.storage();
    let backup = ["backup", "files", photos.to_str().unwrap(), "--storage", &storage, "--name", "p"];
    let first = world.json(backup);
    let before = world.json(["vaults", "--storage", &storage])["vaults"][0]["stored_bytes"].as_u64().unwrap();
    let second = world.json(backup);
    let after = world.json(["vaults", "--storage", &storage])["vaults"][0]["stored_bytes"].as_u64().unwrap();
    assert!(after - before < 4000, "{} bytes for nothing new", after - before);
    let points = world.json(["points", "--storage", &storage]);
    let ids: Vec<_> = points["points"].as_array().unwrap().iter().map(|point| point["id"].clone()).collect();
    assert_eq!(ids, [second["point"].clone(), first["point"].clone()]);
}

#[test]
fn stock_restic_of_both_versions_opens_the_vault() {
    let world = World::new();
    let photos = world.path("photos");
    tree(&photos);
    let storage = world.storage();
    let backup = world.json(["backup", "files", photos.to_str().unwrap(), "--storage", &storage, "--name", "p"]);
    let vault = backup["vault"].as_str().unwrap();
    for (version, restic) in [("new", tools::restic()), ("old", tools::restic_old())] {
        world.restic(&restic, vault, &["check", "--read-data"]).expect(0);
        let listed = world.restic(&restic, vault, &["ls", "latest"]).expect(0);
        assert!(listed.stdout.contains("albums/one.jpg"), "{}", listed.stdout);
        let out = world.path(version);
        world.restic(&restic, vault, &["restore", "latest", "--target", out.to_str().unwrap()]).expect(0);
        same(&photos, &out.join(photos.strip_prefix("/").unwrap()));
    }
}

#[test]
fn s13_unreadable_files_make_the_point_incomplete_and_never_the_default() {
    let world = World::new();
    let photos = world.path("photos");
    tree(&photos);
    let storage = world.storage();
    let backup = ["backup", "files", photos.to_str().unwrap(), "--storage", &storage, "--name", "p"];
    let good = world.json(backup);
    // Root reads everything, but nobody reads the first bytes of a process's memory: they fail with an I/O error.
    let direct = ["backup", "files", photos.to_str().unwrap(), "/proc/self/mem", "--storage", &storage, "--name", "p"];
    let partial = world.run(direct.iter().chain(&["--json"])).expect(0).json();
    assert_eq!(partial["result"], "incomplete", "{partial}");
    assert!(partial["issues"][0]["subject"].as_str().unwrap().contains("mem"), "{partial}");
    let points = world.json(["points", "--storage", &storage]);
    assert_eq!(points["points"][0]["incomplete"], true);
    let out = world.path("out");
    let restored =
        world.json(["restore", "files", "--name", "p", "--to", out.to_str().unwrap(), "--storage", &storage]);
    assert_eq!(restored["point"], good["point"], "latest must be the newest complete point");
}

#[test]
fn keys_that_are_missing_wrong_or_open_to_others_are_refused() {
    let world = World::empty();
    let storage = world.storage();
    let missing = world.run(["points", "--storage", &storage, "--json"]).expect(1);
    assert_eq!(missing.error_code(), "master-key-missing");
    assert!(missing.stderr.contains("keepsake init"));

    world.run(["init", "--storage", &storage]).expect(0);
    let key = world.home().join("master.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let photos = world.path("photos");
    tree(&photos);
    world.json(["backup", "files", photos.to_str().unwrap(), "--storage", &storage, "--name", "p"]);

    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let open = world.run(["points", "--storage", &storage, "--json"]).expect(3);
    assert_eq!(open.error_code(), "master-key-unsafe");
    assert!(open.stderr.contains("chmod 600"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let other = World::new();
    let wrong = other.run(["points", "--storage", &storage, "--json"]).expect(1);
    assert_eq!(wrong.error_code(), "master-key-wrong");
}

#[test]
fn secrets_go_to_a_private_file_only() {
    let world = World::new();
    let photos = world.path("photos");
    tree(&photos);
    let storage = world.storage();
    let backup = world.json(["backup", "files", photos.to_str().unwrap(), "--storage", &storage, "--name", "p"]);
    let vault = backup["vault"].as_str().unwrap();
    let piped = world.run(["keys", "export-restic", "--storage", &storage, "--vault", vault, "--json"]).expect(3);
    assert_eq!(piped.error_code(), "secret-output");
    let file = world.path("secret");
    let export = ["keys", "export-restic", "--storage", &storage, "--vault", vault, "--output", file.to_str().unwrap()];
    world.run(export).expect(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("RESTIC_REPOSITORY=") && text.contains("RESTIC_PASSWORD="), "two lines");
    world.run(export).expect(1);
}

#[test]
fn damage_is_found_and_named() {
    let world = World::new();
    let photos = world.path("photos");
    tree(&photos);
    let storage = world.storage();
    let backup = world.json(["backup", "files", photos.to_str().unwrap(), "--storage", &storage, "--name", "p"]);
    let data = world.storage_folder().join("vaults").join(backup["vault"].as_str().unwrap()).join("data");
    let mut packs = files_below(&data);
    packs.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let largest = packs.pop().unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    bytes[40] ^= 1;
    fs::set_permissions(&largest, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&largest, bytes).unwrap();
    world.run(["verify", "--storage", &storage, "--level", "structure"]).expect(0);
    for level in ["hashes", "all"] {
        let found = world.run(["verify", "--storage", &storage, "--level", level, "--json"]).expect(1);
        let text = found.json().to_string();
        assert!(text.contains(largest.file_name().unwrap().to_str().unwrap()), "{text}");
    }
}

#[test]
fn wrong_use_is_said_and_ends_with_status_two() {
    let world = World::new();
    world.run(["backup"]).expect(2);
    let path = world.run(["vaults", "--storage", "/srv/backups", "--json"]).expect(2);
    assert!(path.stderr.contains("file:///srv/backups"), "{}", path.stderr);
    let point = world.run(["restore", "files", "--point", "newest", "--to", "/tmp/x", "--storage", &world.storage()]);
    assert!(point.expect(2).stderr.contains("latest"));
    let help: Run = world.run(["--help"]).expect(0);
    assert!(help.stdout.contains("restore") && help.stdout.contains("undo"));
    let nothing = world.run(["points", "--storage", &world.storage(), "--json"]).expect(0);
    assert_eq!(nothing.json()["points"].as_array().unwrap().len(), 0);
    let gone = ["restore", "files", "--to", "/tmp/x", "--storage", &world.storage(), "--json"].map(str::to_owned);
    assert_eq!(world.run(gone).expect(1).error_code(), "vault-not-found");
}
