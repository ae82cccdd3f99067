//! Fuzzing without nightly: runs the targets over their seeds, changed at random. What a target accepts joins the inputs
//! that are changed further, so that mutations add up. The same seed number gives the same inputs in the same order.
//!
//! ```text
//! mutate SECONDS [TARGET...]     runs them, the time shared equally
//! mutate --replay TARGET FILE    runs one input, such as one that was found
//! mutate --list                  prints the targets' names
//! mutate --seeds                 writes fuzz/seeds anew
//! ```
//! `KEEPSAKE_FUZZ_SEED` is the seed number, 1 unless given. A crash that kills the process (an overflown stack) leaves no
//! input behind: run again with `KEEPSAKE_FUZZ_RECORD=1`, which writes each input to `fuzz/artifacts` before it is run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this program's output is for people")]

use keepsake_fuzz::{TARGETS, Target, seeds};
use std::{
    fs, io, panic,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// One input may take this long: a hundred times the slowest seen, and still far below what a person would notice.
const SLOW: Duration = Duration::from_secs(5);
/// Longest input.
const MAX_INPUT_BYTES: usize = 64 * 1024;
/// Most inputs that are kept to be changed further.
const MAX_POOL: usize = 512;

/// Pieces that formats give a meaning to.
const TOKENS: &[&[u8]] = &[
    b"null",
    b"[]",
    b"{}",
    b"\"\"",
    b"[[[[[[[[",
    b"{\"a\":",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551615",
    b"18446744073709551616",
    b"4294967295",
    b"4294967296",
    b"-9223372036854775808",
    b"1.5",
    b"true",
    b"\\u0000",
    b"\\ud800",
    b"\\x",
    b"\\N",
    b"\\",
    b"\t",
    b"\n",
    b"\r",
    b"\0",
    b"\"",
    b"'",
    b",",
    b".",
    b"..",
    b"/",
    b"%00",
    b"%2f",
    b"%",
    b"?",
    b"#",
    b"&",
    b"=",
    b"@",
    b":",
    b"$1",
    b"->>",
    b"[[",
    b"]]",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\x8e\x82",
    b"+23:59",
    b"0000-01-01T00:00:00Z",
    b"9999-12-31T23:59:59.999999999Z",
    b"0001-01-01T00:00:00Z",
    b"\x02\x28\xb5\x2f\xfd",
];

/// A stream of random numbers: SplitMix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from((u128::from(self.bits()) * end as u128) >> 64).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// A place in `len` bytes and a short length from there on.
    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        let most = if self.below(8) == 0 { len } else { 16 };
        start..start + self.below((len - start).min(most) + 1)
    }
}

/// Changes `input` at one place, as parsers fear it.
fn mutate(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let range = random.range(input.len());
    match random.below(10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.bits().to_le_bytes()[0];
            }
        }
        2 => drop(input.drain(range)),
        3 => drop(input.splice(at..at, input.get(range).unwrap_or_default().to_vec())),
        4 => input.truncate(at),
        5 => {
            // A number becomes another one, of any length.
            let digits = |byte: &u8| byte.is_ascii_digit();
            let start = at + input.get(at..).unwrap_or_default().iter().position(digits).unwrap_or(0);
            let len = input.get(start..).unwrap_or_default().iter().take_while(|byte| digits(byte)).count();
            let number = random.bits() >> random.below(64);
            drop(input.splice(start..start + len, number.to_string().into_bytes()));
        }
        6 => {
            let other = random.pick(pool).map(Vec::as_slice).unwrap_or_default();
            let theirs = other.get(random.range(other.len())).unwrap_or_default().to_vec();
            drop(input.splice(range, theirs));
        }
        7 => {
            let many = 1 << random.below(13);
            let piece = input.get(range.clone()).unwrap_or_default().to_vec();
            let room = MAX_INPUT_BYTES.saturating_sub(input.len()) / piece.len().max(1);
            drop(input.splice(range.end..range.end, piece.repeat(many.min(room))));
        }
        _ => {
            let token = random.pick(TOKENS).copied().unwrap_or_default().to_vec();
            let replaced = if random.below(2) == 0 { at..at } else { range };
            drop(input.splice(replaced, token));
        }
    }
    input.truncate(MAX_INPUT_BYTES);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where an input of `target` is kept as evidence.
fn artifact(target: &Target, name: &str, input: &[u8]) -> io::Result<PathBuf> {
    let folder = root().join("artifacts").join(target.name);
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    fs::write(&path, input)?;
    Ok(path)
}

/// Runs one input: whether the target accepted it, or `Err` with what was wrong.
fn attempt(target: &Target, input: &[u8]) -> Result<bool, String> {
    let start = Instant::now();
    let accepted = panic::catch_unwind(|| (target.run)(input)).map_err(|_| "it panicked".to_owned())?;
    let took = start.elapsed();
    if took > SLOW { Err(format!("it took {took:?}")) } else { Ok(accepted) }
}

/// What a run saw.
#[derive(Default)]
struct Seen {
    inputs: u64,
    accepted: u64,
}

fn run(target: &Target, time: Duration, seed: u64, record: bool) -> io::Result<Result<Seen, PathBuf>> {
    let salt = target.name.bytes().fold(seed, |salt, byte| salt.wrapping_mul(31).wrapping_add(byte.into()));
    let mut random = Random(salt);
    let mut pool = seeds::of(target.name);
    let mut seen = Seen::default();
    let end = Instant::now() + time;
    let mut fresh = 0;
    while fresh < pool.len() || Instant::now() < end {
        // The seeds themselves come first, as they are.
        let input = if let Some(seed) = pool.get(fresh).filter(|_| seen.inputs == fresh as u64) {
            fresh += 1;
            seed.clone()
        } else {
            fresh = pool.len();
            let mut input = random.pick(&pool).cloned().unwrap_or_default();
            for _ in 0..=random.below(4) {
                mutate(&mut input, &pool, &mut random);
            }
            input
        };
        if record {
            artifact(target, "last", &input)?;
        }
        seen.inputs += 1;
        match attempt(target, &input) {
            Ok(accepted) => {
                seen.accepted += u64::from(accepted);
                if accepted && pool.len() < MAX_POOL && random.below(16) == 0 {
                    pool.push(input);
                    fresh = pool.len();
                }
            }
            Err(fault) => {
                let path = artifact(target, &format!("seed-{seed}-input-{}", seen.inputs), &input)?;
                eprintln!("{}: {fault}: {}", target.name, path.display());
                return Ok(Err(path));
            }
        }
    }
    Ok(Ok(seen))
}

fn all(seconds: u64, names: &[String]) -> io::Result<ExitCode> {
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|target| names.is_empty() || names.iter().any(|name| name == target.name)).collect();
    if chosen.is_empty() {
        eprintln!("no such target; --list names them");
        return Ok(ExitCode::from(2));
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("KEEPSAKE_FUZZ_SEED").unwrap_or(1);
    let record = number("KEEPSAKE_FUZZ_RECORD").is_some();
    let each = Duration::from_secs(seconds) / u32::try_from(chosen.len()).unwrap_or(1);
    let mut code = ExitCode::SUCCESS;
    for target in chosen {
        match run(target, each, seed, record)? {
            Ok(seen) => println!("{:<18} {:>9} inputs, {:>8} accepted", target.name, seen.inputs, seen.accepted),
            Err(_) => code = ExitCode::FAILURE,
        }
    }
    Ok(code)
}

fn write_seeds() -> io::Result<ExitCode> {
    for target in TARGETS {
        let folder = root().join("seeds").join(target.name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&folder)?,
        }
        for (number, seed) in seeds::of(target.name).into_iter().enumerate() {
            fs::write(folder.join(number.to_string()), seed)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn replay(name: &str, path: &str) -> io::Result<ExitCode> {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("no such target; --list names them");
        return Ok(ExitCode::from(2));
    };
    let outcome = attempt(target, &fs::read(path)?);
    println!("{outcome:?}");
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--list"] => {
            TARGETS.iter().for_each(|target| println!("{}", target.name));
            Ok(ExitCode::SUCCESS)
        }
        ["--seeds"] => write_seeds(),
        ["--replay", target, file] => replay(target, file),
        [seconds, ..] if seconds.parse::<u64>().is_ok() => {
            all(seconds.parse().unwrap_or_default(), arguments.get(1..).unwrap_or_default())
        }
        _ => {
            eprintln!("usage: mutate SECONDS [TARGET...] | --replay TARGET FILE | --list | --seeds");
            Ok(ExitCode::from(2))
        }
    }
}
