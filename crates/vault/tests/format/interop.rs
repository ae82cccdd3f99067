//! Stock restic as the judge: it opens, checks, restores and rewrites what we write, and we read what it writes.

use crate::{
    check::check,
    sample::{self, Files, go},
};
use futures::TryStreamExt as _;
use keepsake_store::Local;
use keepsake_testkit::tools;
use keepsake_vault::{Id, Vault, check::Level, pack, tree::Kind};
use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

pub(super) struct Restic {
    program: PathBuf,
    repository: PathBuf,
}

impl Restic {
    pub(super) fn both(repository: &Path) -> [Self; 2] {
        [tools::restic(), tools::restic_old()].map(|program| Self { program, repository: repository.to_owned() })
    }

    pub(super) fn new(repository: &Path) -> Self {
        Self { program: tools::restic(), repository: repository.to_owned() }
    }

    pub(super) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RESTIC_PASSWORD", sample::SECRET).env("HOME", "/nonexistent").arg("--no-cache");
        command.arg("-r").arg(&self.repository).args(arguments);
        command
    }

    fn output<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(super) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Vec<u8> {
        let output = self.output(arguments);
        let shown: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
        assert!(
            output.status.success(),
            "{} {}: {}{}",
            self.program.display(),
            shown.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

async fn local(folder: &Path) -> (Vault, Id, Id) {
    sample::two_snapshots(Arc::new(Local::new(folder).unwrap())).await
}

pub(super) async fn reopen(folder: &Path) -> Vault {
    Vault::open(Arc::new(Local::new(folder).unwrap()), &sample::password(), &go()).await.unwrap()
}

async fn assert_sound(folder: &Path, snapshots: u64) {
    let report = check(&reopen(folder).await, Level::All).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.snapshots, snapshots);
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// What lies below `folder`: files by path.
pub(super) fn read_folder(folder: &Path) -> Files {
    let (mut files, mut queue) = (Files::new(), vec![folder.to_owned()]);
    while let Some(next) = queue.pop() {
        for entry in fs::read_dir(&next).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            let path = entry.path();
            if kind.is_dir() {
                queue.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_vec();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// What a snapshot holds, read by us.
async fn read_snapshot(vault: &Vault, snapshot: &Id) -> Files {
    let vault = vault.clone().load_index(&go()).await.unwrap();
    let root = vault.snapshot(snapshot, &go()).await.unwrap().tree;
    let found: Vec<_> = vault.walk(root, go()).try_collect().await.unwrap();
    let mut files = Files::new();
    for found in found.into_iter().filter(|found| found.node.kind == Kind::File) {
        let mut content = Vec::new();
        for blob in found.node.content.unwrap() {
            content.extend(vault.read_blob(pack::Kind::Data, &blob, &go()).await.unwrap());
        }
        assert_eq!(content.len() as u64, found.node.size);
        files.insert(found.path, content);
    }
    files
}

#[tokio::test]
async fn restic_checks_lists_restores_and_dumps_what_we_write() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    let (_, first, second) = local(&vault).await;
    for (number, restic) in Restic::both(&vault).into_iter().enumerate() {
        let checked = String::from_utf8(restic.run(&["check", "--read-data", "--no-lock"])).unwrap();
        assert!(checked.contains("no errors were found"), "{checked}");
        for (id, files) in [(first, sample::files()), (second, sample::later_files())] {
            let target = folder.path().join(format!("restored-{number}-{id}"));
            restic.run(&["restore", "--no-lock", &id.to_string(), "--target", target.to_str().unwrap()]);
            assert_eq!(read_folder(&target), files);
            let link = fs::read_link(target.join("zz link")).unwrap();
            if number == 0 {
                assert_eq!(link.as_os_str().as_bytes(), b"caf\xe9 <&>\x08");
            }
        }
        let dumped = restic.run(&["dump", "--no-lock", &first.to_string(), "/rows/public.guests.copy"]);
        assert_eq!(dumped, sample::files()[b"rows/public.guests.copy".as_slice()]);
        let listed = String::from_utf8_lossy(&restic.run(&["ls", "--no-lock", &second.to_string()])).into_owned();
        assert!(listed.contains("/files/photos/cake.jpg") && !listed.contains("first dance"), "{listed}");
        let diff = restic.run(&["diff", "--no-lock", &first.to_string(), &second.to_string()]);
        assert!(String::from_utf8_lossy(&diff).contains("+    /files/photos/cake.jpg"));
    }
    assert!(!vault.join("locks").try_exists().unwrap(), "--no-lock leaves nothing");
}

#[tokio::test]
async fn s17_restic_ignores_our_part_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    local(folder.path()).await;
    for restic in Restic::both(folder.path()) {
        let config = String::from_utf8(restic.run(&["cat", "config", "--no-lock"])).unwrap();
        assert!(config.contains("\"version\": 2") && !config.contains("keepsake"), "{config}");
    }
}

#[tokio::test]
async fn restic_copies_forgets_prunes_and_rewrites_and_the_result_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    let (_, first, second) = local(&vault).await;
    for (number, restic) in Restic::both(&vault).into_iter().enumerate() {
        let pruned = folder.path().join(format!("pruned-{number}"));
        copy(&vault, &pruned);
        let there = Restic { repository: pruned.clone(), ..restic };
        there.run(&["forget", &first.to_string(), "--prune", "--max-unused", "0"]);
        assert_sound(&pruned, 1).await;
        let read = read_snapshot(&reopen(&pruned).await, &second).await;
        assert_eq!(read, sample::later_files());
        there.run(&["check", "--read-data"]);
    }

    let rewritten = folder.path().join("rewritten");
    copy(&vault, &rewritten);
    let restic = Restic::new(&rewritten);
    // Refused if a single tree is not byte for byte what Go writes.
    restic.run(&["rewrite", "--forget", "--exclude", "first dance.jpg"]);
    assert_sound(&rewritten, 2).await;
    let vault_now = reopen(&rewritten).await;
    let snapshots = vault_now.snapshots(&go()).await.unwrap().snapshots;
    assert_eq!(snapshots[0].1.original, Some(first));
    assert_eq!(snapshots[0].1.tags, ["keepsake:kind=wedding"], "tags survive");
    let mut expected = sample::files();
    expected.remove(b"files/photos/first dance.jpg".as_slice());
    assert_eq!(read_snapshot(&vault_now, &snapshots[0].0).await, expected);
    restic.run(&["check", "--read-data"]);

    let copied = folder.path().join("copied");
    let target = Restic::new(&copied);
    target.run(&["init"]);
    let source = vault.to_str().unwrap();
    let mut command = target.command(&["copy", "--from-repo", source, "--no-lock"]);
    let output = command.env("RESTIC_FROM_PASSWORD", sample::SECRET).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.run(&["check", "--read-data"]);
    assert_sound(&copied, 2).await;
}

#[tokio::test]
async fn restic_repairs_from_our_packs_when_the_index_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    local(folder.path()).await;
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let restic = Restic::new(folder.path());
    restic.run(&["repair", "index"]);
    restic.run(&["check", "--read-data"]);
    assert_sound(folder.path(), 2).await;
}

/// Writes `files` below `folder`.
pub(super) fn write_folder(folder: &Path, files: &Files) {
    for (path, content) in files {
        let path = folder.join(OsStr::from_bytes(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[tokio::test]
async fn we_list_check_and_read_what_restic_writes() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let mut files = sample::files();
    files.insert(b"big".to_vec(), sample::noise(9, 3 << 20));
    write_folder(&source, &files);
    for (number, (program, made_by_restic, compression)) in
        [(tools::restic(), Some("2"), "auto"), (tools::restic(), None, "off"), (tools::restic_old(), Some("1"), "auto")]
            .into_iter()
            .enumerate()
    {
        let repository = folder.path().join(format!("repository-{number}"));
        let restic = Restic { program, repository: repository.clone() };
        match made_by_restic {
            Some(version) => drop(restic.run(&["init", "--repository-version", version])),
            None => drop(sample::create(Arc::new(Local::new(&repository).unwrap())).await),
        }
        let mut backup = restic.command(&["backup", ".", "--tag", "a,b", "--host", "h", "--compression", compression]);
        assert!(backup.current_dir(&source).output().unwrap().status.success());
        let vault = reopen(&repository).await;
        assert_eq!(vault.config().version.to_string(), made_by_restic.unwrap_or("2"));
        assert_eq!(vault.config().keepsake.is_none(), made_by_restic.is_some());
        let report = check(&vault, Level::All).await;
        assert!(report.is_sound() && report.snapshots == 1, "{report:?}");
        let snapshots = vault.snapshots(&go()).await.unwrap().snapshots;
        assert_eq!((snapshots[0].1.hostname.as_str(), &snapshots[0].1.tags), ("h", &vec!["a".into(), "b".into()]));
        assert_eq!(read_snapshot(&vault, &snapshots[0].0).await, files);
        if made_by_restic == Some("1") {
            let refused = vault.put_document(keepsake_vault::file::Kind::Index, b"{}".to_vec()).await;
            assert!(matches!(refused, Err(keepsake_vault::Error::ReadOnlyVersion)));
        }
    }
}

/// A character of each block that Unicode 15 has, the first of those that came later, and everything below U+0800.
fn characters() -> impl Iterator<Item = char> {
    let later = [0x2ffc, 0x31ef, 0x2ebf0, 0x1_0940, 0x1_1db0, 0x1_cc00, 0x3_23b0];
    (1..0x800).chain((0x800..0x11_0000).step_by(997)).chain(later).filter_map(char::from_u32)
}

#[tokio::test]
async fn trees_that_restic_writes_are_written_again_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    write_folder(&source, &sample::files());
    let names = source.join("characters");
    fs::create_dir(&names).unwrap();
    for (number, character) in characters().filter(|character| *character != '/').enumerate() {
        fs::write(names.join(format!("{number:06}{character}")), "").unwrap();
    }
    std::os::unix::fs::symlink(OsStr::from_bytes(b"caf\xe9 \x07\x08\x0c\x1b<&>\xe2\x80\xa8"), source.join("link"))
        .unwrap();
    xattr::set(source.join("manifest.json"), "user.<note>", b"\x00\xff").unwrap();
    fs::hard_link(source.join("manifest.json"), source.join("hard link")).unwrap();
    let repository = folder.path().join("repository");
    sample::create(Arc::new(Local::new(&repository).unwrap())).await;
    let restic = Restic::new(&repository);
    let mut backup = restic.command(&["backup", "."]);
    assert!(backup.current_dir(&source).output().unwrap().status.success());

    let vault = reopen(&repository).await.load_index(&go()).await.unwrap();
    let trees: Vec<_> = vault.index().read(|index| {
        index.iter().filter(|place| place.entry.kind == pack::Kind::Tree).map(|place| place.entry.id).collect()
    });
    assert!(trees.len() >= 5);
    for id in trees {
        let json = vault.read_blob(pack::Kind::Tree, &id, &go()).await.unwrap();
        let ours = keepsake_vault::tree::Tree::parse(&json).unwrap().encode().unwrap();
        let differs = json.iter().zip(&ours).position(|(theirs, ours)| theirs != ours);
        let around = differs.map(|at| String::from_utf8_lossy(&json[at.saturating_sub(40)..(at + 40).min(json.len())]));
        assert!(json == ours, "tree {id} differs at {differs:?}: {around:?}");
    }
}

#[tokio::test]
async fn s18_a_stock_restics_lock_is_reported_and_ours_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, first, _) = local(folder.path()).await;
    let options = keepsake_vault::vault::SharedLockOptions {
        settle: std::time::Duration::from_millis(1),
        ..keepsake_vault::vault::SharedLockOptions::new(false, "keepsake-host", "keepsake")
    };
    let clock = Arc::new(keepsake_domain::SystemClock);
    let lock = vault.lock_shared_with_restic(options, clock, &go()).await.unwrap();
    for restic in Restic::both(folder.path()) {
        let refused = restic.output(&["forget", &first.to_string(), "--prune"]);
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && message.contains("keepsake-host"), "{message}");
        let listed = String::from_utf8(restic.run(&["list", "locks", "--no-lock"])).unwrap();
        assert_eq!(listed.lines().count(), 1);
    }
    lock.release().await.unwrap();
    Restic::new(folder.path()).run(&["forget", &first.to_string(), "--prune"]);
    assert_sound(folder.path(), 1).await;
}
