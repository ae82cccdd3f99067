//! Files that are worth a backup.

use crate::world::World;
use keepsake_testkit::draw::Draw;
use std::fs;

/// Bytes that follow from a seed and do not compress.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut draw = Draw::new(&[seed]);
    (0..length.div_ceil(8)).flat_map(|_| draw.bits().to_le_bytes()).take(length).collect()
}

pub(crate) fn photos(world: &World, name: &str, files: u64) -> String {
    let folder = world.path(name);
    fs::create_dir_all(&folder).unwrap();
    for number in 0..files {
        fs::write(folder.join(format!("{number}.jpg")), noise(300_000, number)).unwrap();
    }
    folder.display().to_string()
}

pub(crate) fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|word| (*word).to_owned()).collect()
}
