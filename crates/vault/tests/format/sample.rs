//! A small vault made with the format's own primitives: two snapshots that share most of their files.

use keepsake_domain::clock::FixedClock;
use keepsake_store::DynStore;
use keepsake_vault::{
    Id, Password, Vault, blob,
    compress::Compressor,
    config::{CreateSpec, Kind},
    file, index, pack,
    password::MachineSecret,
    snapshot::Snapshot,
    time::Time,
    tree::{ExtendedAttribute, Kind as NodeKind, Node, Tree, mode},
    vault::Open,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// The secret of every sample vault. It protects nothing.
pub const SECRET: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// One file of a sample: path and content.
pub type Files = BTreeMap<Vec<u8>, Vec<u8>>;

pub fn password() -> Password {
    MachineSecret::parse(SECRET).unwrap().into()
}

pub fn spec() -> CreateSpec {
    CreateSpec {
        kind: Kind::Wedding,
        name: "Ada & Grace".into(),
        source: "planner".into(),
        wedding: Some("42".into()),
        chunker: None,
    }
}

pub fn clock() -> FixedClock {
    FixedClock::new("2026-06-06T12:00:00Z".parse().unwrap())
}

pub fn go() -> CancellationToken {
    CancellationToken::new()
}

pub async fn create(store: DynStore) -> Vault {
    let mut rng = StdRng::seed_from_u64(7);
    Vault::create(store, &password(), spec(), &mut rng, &clock(), &go()).await.unwrap()
}

/// Bytes that do not compress.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// A capture of a wedding in miniature, with names that are hard to write.
pub fn files() -> Files {
    let rows: String = (0..300).map(|n| format!("{n}\tGuest {n}\tvegetarian\t\\N\n")).collect();
    [
        (b"files/photos/ceremony <1> & more.jpg".to_vec(), noise(1, 9_000)),
        (b"files/photos/first dance.jpg".to_vec(), noise(2, 5_000)),
        (b"manifest.json".to_vec(), br#"{"format":1}"#.to_vec()),
        (b"names/caf\xe9 not utf-8".to_vec(), b"x".to_vec()),
        (b"names/empty".to_vec(), Vec::new()),
        (b"names/new\nline \"quoted\" back\\slash".to_vec(), b"y".to_vec()),
        ("names/ünï 漢 🎂 \u{a0}\u{2028}".into(), b"z".to_vec()),
        (b"rows/public.guests.copy".to_vec(), rows.into_bytes()),
        (b"rows/public.tables.copy".to_vec(), b"1\tTop table\n".to_vec()),
    ]
    .into()
}

/// The same wedding a day later: one file changed, one gone, one new.
pub fn later_files() -> Files {
    let mut files = files();
    files.insert(b"rows/public.tables.copy".to_vec(), b"1\tTop table\n2\tAunts\n".to_vec());
    files.remove(b"files/photos/first dance.jpg".as_slice());
    files.insert(b"files/photos/cake.jpg".to_vec(), noise(3, 4_000));
    files
}

/// Creates a vault with both snapshots; returns it and their ids.
pub async fn two_snapshots(store: DynStore) -> (Vault, Id, Id) {
    let vault = create(store).await;
    let first = write(&vault, &files(), "2026-06-06T12:00:00Z", true).await;
    let second = write(&vault, &later_files(), "2026-06-07T12:00:00Z", true).await;
    (vault, first, second)
}

/// Stores a snapshot in the order that keeps a vault whole: packs, index, snapshot.
pub async fn write(vault: &Vault<Open>, files: &Files, time: &str, compress: bool) -> Id {
    let indexed = vault.clone().load_index(&go()).await.unwrap();
    let mut writer = Writer {
        known: indexed.index().read(|index| index.iter().map(|place| (place.entry.kind, place.entry.id)).collect()),
        vault,
        compressor: compress.then(|| Compressor::new(1).unwrap()),
        packs: [(pack::Kind::Data, pack::Builder::new()), (pack::Kind::Tree, pack::Builder::new())].into(),
    };
    let time = Time::parse(time).unwrap();
    let paths: Vec<(Vec<&[u8]>, &[u8])> =
        files.iter().map(|(path, content)| (path.split(|byte| *byte == b'/').collect(), content.as_slice())).collect();
    // Files keep their times, so that unchanged folders are shared between snapshots.
    let tree = writer.tree(&paths, Time::parse("2026-06-01T08:30:00.25+02:00").unwrap(), true);
    let mut listed = index::File::default();
    for (_, builder) in writer.packs {
        if !builder.is_empty() {
            let pack = builder.finish(vault.key()).unwrap();
            vault.put_pack(&pack).await.unwrap();
            listed.packs.push(index::PackBlobs { id: pack.id, blobs: pack.entries });
        }
    }
    vault.put_document(file::Kind::Index, listed.encode()).await.unwrap();
    let mut snapshot = Snapshot::new(time, tree);
    snapshot.paths = vec!["/wedding".into()];
    snapshot.hostname = "sample".into();
    snapshot.tags = vec!["keepsake:kind=wedding".into()];
    vault.put_document(file::Kind::Snapshot, snapshot.encode()).await.unwrap()
}

struct Writer<'a> {
    vault: &'a Vault<Open>,
    known: std::collections::BTreeSet<(pack::Kind, Id)>,
    compressor: Option<Compressor>,
    packs: BTreeMap<pack::Kind, pack::Builder>,
}

impl Writer<'_> {
    fn blob(&mut self, kind: pack::Kind, plaintext: &[u8]) -> Id {
        let id = Id::of(plaintext);
        if self.known.insert((kind, id)) {
            let (sealed, length) = blob::seal(self.vault.key(), plaintext, self.compressor.as_mut()).unwrap();
            self.packs.get_mut(&kind).unwrap().add(kind, id, sealed.into(), length).unwrap();
        }
        id
    }

    /// Files of several blobs: chunks of 4 KiB.
    fn file(&mut self, name: &[u8], content: &[u8], time: Time) -> Node {
        let blobs = content.chunks(4096).map(|chunk| self.blob(pack::Kind::Data, chunk)).collect();
        Node {
            mode: 0o644,
            mtime: time,
            size: content.len() as u64,
            content: Some(blobs),
            extended_attributes: vec![ExtendedAttribute { name: "user.note".into(), value: b"<&>".to_vec() }],
            ..Node::new(name, NodeKind::File)
        }
    }

    fn tree(&mut self, paths: &[(Vec<&[u8]>, &[u8])], time: Time, root: bool) -> Id {
        let mut nodes = Vec::new();
        for group in paths.chunk_by(|a, b| a.0[0] == b.0[0]) {
            let (path, content) = &group[0];
            if path.len() == 1 {
                nodes.push(self.file(path[0], content, time));
                continue;
            }
            let inside: Vec<_> = group.iter().map(|(path, content)| (path[1..].to_vec(), *content)).collect();
            let subtree = Some(self.tree(&inside, time, false));
            nodes.push(Node { mode: mode::DIR | 0o755, mtime: time, subtree, ..Node::new(path[0], NodeKind::Dir) });
        }
        if root {
            let mut link = Node::new("zz link", NodeKind::Symlink);
            link.mode = mode::SYMLINK | 0o777;
            link.link_target = b"caf\xe9 <&>\x08".to_vec();
            link.mtime = time;
            nodes.push(link);
        }
        self.blob(pack::Kind::Tree, &Tree { nodes }.encode().unwrap())
    }
}
