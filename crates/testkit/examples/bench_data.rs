//! Makes the data that script/bench measures with, always the same for the same arguments.
//!
//! `bench_data photos DIR BYTES`: incompressible files of 2-8 MiB. `bench_data text FILE BYTES`: rows as COPY writes them.
//! `bench_data small DIR COUNT BYTES`: many small files. `bench_data stream FILE BYTES`: one incompressible file.
//! `bench_data change DIR PERCENT`: overwrites that share of the files' first bytes.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

const MIB: u64 = 1 << 20;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["photos", folder, bytes] => photos(Path::new(folder), number(bytes)?),
        ["text", file, bytes] => text(Path::new(file), number(bytes)?),
        ["small", folder, count, bytes] => small(Path::new(folder), number(count)?, number(bytes)?),
        ["stream", file, bytes] => noise(Path::new(file), number(bytes)?, &mut StdRng::seed_from_u64(4)),
        ["change", folder, percent] => change(Path::new(folder), number(percent)?),
        _ => Err(io::Error::other("usage: bench_data photos|text|small|stream|change ...")),
    }
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(|_| io::Error::other(format!("{text} is no number")))
}

fn noise(path: &Path, bytes: u64, random: &mut StdRng) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut left = bytes;
    let mut buffer = vec![0_u8; MIB as usize];
    while left > 0 {
        random.fill_bytes(&mut buffer);
        let take = left.min(MIB) as usize;
        file.write_all(buffer.get(..take).unwrap_or_default())?;
        left -= take as u64;
    }
    Ok(())
}

fn photos(folder: &Path, bytes: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(1);
    let (mut made, mut count) = (0, 0);
    while made < bytes {
        let size = random.random_range(2 * MIB..8 * MIB).min(bytes - made);
        let album = folder.join(format!("album-{:03}", count / 20));
        fs::create_dir_all(&album)?;
        noise(&album.join(format!("photo-{count:05}.jpg")), size, &mut random)?;
        made += size;
        count += 1;
    }
    Ok(())
}

fn small(folder: &Path, count: u64, bytes: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(2);
    for index in 0..count {
        let sub = folder.join(format!("{:03}", index / 200));
        if index % 200 == 0 {
            fs::create_dir_all(&sub)?;
        }
        noise(&sub.join(format!("{index:06}.bin")), bytes, &mut random)?;
    }
    Ok(())
}

const FIRST: [&str; 16] = [
    "Anna",
    "Ben",
    "Chloé",
    "David",
    "Emma",
    "Farid",
    "Grace",
    "Hugo",
    "Isla",
    "Jonas",
    "Katherine",
    "Liam",
    "Mia",
    "Noah",
    "Olivia",
    "Zoë",
];
const LAST: [&str; 16] = [
    "Archer",
    "Baker",
    "Carpenter",
    "Dupont",
    "Evans",
    "Fischer",
    "García",
    "Hughes",
    "Ivanova",
    "Jensen",
    "Khan",
    "Larsen",
    "Moreau",
    "O'Neill",
    "Patel",
    "Quinn",
];
const DIETS: [&str; 6] = ["\\N", "vegetarian", "vegan", "gluten free", "no nuts", "halal"];
const STATES: [&str; 4] = ["invited", "accepted", "declined", "maybe"];
const NOTES: [&str; 8] = [
    "\\N",
    "\\N",
    "Needs a chair with arms",
    "Arrives on Friday evening, wants to be picked up at the station",
    "Brings the children, who sit at the small table",
    "Plays the violin at the ceremony",
    "Asks for a quiet room",
    "Leaves before the dance",
];

fn text(path: &Path, bytes: u64) -> io::Result<()> {
    let mut random = StdRng::seed_from_u64(3);
    let mut file = BufWriter::with_capacity(MIB as usize, File::create(path)?);
    let (mut made, mut id, mut wedding) = (0, 0_u64, uuid::Uuid::from_u128(random.random()));
    while made < bytes {
        id += 1;
        if id.is_multiple_of(200) {
            wedding = uuid::Uuid::from_u128(random.random());
        }
        let mut pick = |list: &[&'static str]| list.get(random.random_range(0..list.len())).copied().unwrap_or("");
        let (first, last) = (pick(&FIRST), pick(&LAST));
        let (diet, state, note) = (pick(&DIETS), pick(&STATES), pick(&NOTES));
        let guest = uuid::Uuid::from_u128(random.random());
        let (phone, table): (u32, u8) = (random.random_range(1_000_000..9_999_999), random.random_range(1..30));
        let (day, second): (u8, u32) = (random.random_range(1..28), random.random_range(0..86_400));
        let line = format!(
            "{guest}\t{wedding}\t{first}\t{last}\t{}.{}{}@example.org\t+44 7{phone}\t{state}\t{diet}\t{table}\t2026-03-{day:02} {:02}:{:02}:{:02}.{:06}+00\t{note}\n",
            first.to_lowercase(),
            last.to_lowercase(),
            id % 977,
            second / 3600,
            second / 60 % 60,
            second % 60,
            random.random_range(0..1_000_000),
        );
        file.write_all(line.as_bytes())?;
        made += line.len() as u64;
    }
    file.flush()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { files(&entry.path(), found)? } else { found.push(entry.path()) }
    }
    Ok(())
}

fn change(folder: &Path, percent: u64) -> io::Result<()> {
    let mut found = Vec::new();
    files(folder, &mut found)?;
    found.sort();
    let mut random = StdRng::seed_from_u64(5);
    let mut buffer = vec![0_u8; 4096];
    for (index, path) in found.iter().enumerate() {
        if (index as u64 * percent) / 100 != ((index as u64 + 1) * percent) / 100 {
            random.fill_bytes(&mut buffer);
            OpenOptions::new().write(true).open(path)?.write_all(&buffer)?;
        }
    }
    Ok(())
}
