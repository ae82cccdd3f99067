//! How the broken vaults of `tests/fixtures` are made: always the same content, names and times, from `sample`, but each
//! time other random keys and IVs, and so other ids.

use crate::sample::{self, go};
use keepsake_store::{Local, Store as _};
use keepsake_vault::{Id, Vault, file, pack};
use std::{fs, path::Path, sync::Arc};

/// A sound vault, and copies of it that are broken in one way each.
pub const NAMES: [&str; 11] = [
    "sound",
    "missing-index",
    "missing-pack",
    "missing-tree-pack",
    "flipped-blob",
    "flipped-header",
    "flipped-index",
    "flipped-snapshot",
    "truncated-pack",
    "foreign-file",
    "wrong-key",
];

/// Makes all of them in `folder`, which has none of them yet.
pub async fn make(folder: &Path) {
    let sound = folder.join("sound");
    let (vault, _, second) = sample::two_snapshots(Arc::new(Local::new(&sound).unwrap())).await;
    for name in NAMES.into_iter().filter(|name| *name != "sound") {
        let here = folder.join(name);
        copy(&sound, &here);
        damage(&here, name, &vault, second).await;
    }
}

/// Breaks the copy of `vault` that lies `here` as `name` says.
async fn damage(here: &Path, name: &str, vault: &Vault, second: Id) {
    let store = Local::new(here).unwrap();
    let indexed = vault.clone().load_index(&go()).await.unwrap();
    let cake = Id::of(&sample::noise(3, 4_000));
    let data = indexed.index().lookup(pack::Kind::Data, &cake).unwrap();
    let root = indexed.snapshot(&second, &go()).await.unwrap().tree;
    let listings = indexed.index().lookup(pack::Kind::Tree, &root).unwrap();
    let data_pack = file::Kind::Pack.key(&data.pack);
    let path = |key: &keepsake_store::Key| here.join(key.as_str());
    match name {
        "missing-index" => fs::remove_file(path(&index_of(vault, data.pack).await)).unwrap(),
        "missing-pack" => store.delete(&data_pack).await.unwrap(),
        "missing-tree-pack" => store.delete(&file::Kind::Pack.key(&listings.pack)).await.unwrap(),
        "flipped-blob" => flip(&path(&data_pack), data.entry.offset as usize + 50),
        "flipped-header" => {
            let len = fs::metadata(path(&data_pack)).unwrap().len();
            flip(&path(&data_pack), usize::try_from(len).unwrap() - 30);
        }
        "flipped-index" => flip(&path(&index_of(vault, data.pack).await), 40),
        "flipped-snapshot" => flip(&path(&file::Kind::Snapshot.key(&second)), 40),
        "truncated-pack" => {
            let bytes = fs::read(path(&data_pack)).unwrap();
            fs::write(path(&data_pack), &bytes[..bytes.len() - 200]).unwrap();
        }
        "foreign-file" => {
            fs::write(here.join("data/notes.txt"), "seating plan?").unwrap();
            fs::write(here.join("index/.DS_Store"), "").unwrap();
        }
        "wrong-key" => {
            let other = tempfile::tempdir().unwrap();
            let other_vault = sample::create(Arc::new(Local::new(other.path()).unwrap())).await;
            store.delete(&file::Kind::Key.key(vault.key_file())).await.unwrap();
            let key = file::Kind::Key.key(other_vault.key_file());
            fs::copy(other.path().join(key.as_str()), path(&key)).unwrap();
        }
        other => panic!("{other} has no damage"),
    }
}

async fn index_of(vault: &Vault, pack: Id) -> keepsake_store::Key {
    for listed in vault.list(file::Kind::Index, &go()).await.unwrap().files {
        let file = vault.read_index_file(&listed.id, &go()).await.unwrap();
        if file.packs.iter().any(|listed| listed.id == pack) {
            return file::Kind::Index.key(&listed.id);
        }
    }
    panic!("no index file lists {pack}");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}
