//! The play: a wedding is backed up, broken, and brought back, while others keep working.

use super::{
    Failure,
    report::{Accident, Proof, Report, Timing},
    stage::Stage,
};
use crate::output::Output;
use keepsake_testkit::planner::{self, Edits, Fingerprint};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// The play and what it has seen.
pub struct Play<'a> {
    output: Output,
    stage: &'a Stage,
    proofs: Vec<Proof>,
    timings: Vec<Timing>,
}

/// What the application looks like at one moment.
struct Seen {
    wedding: Fingerprint,
    files: BTreeMap<String, Vec<u8>>,
}

impl<'a> Play<'a> {
    /// A play on a stage that is set.
    pub fn new(output: Output, stage: &'a Stage) -> Self {
        Self { output, stage, proofs: Vec::new(), timings: Vec::new() }
    }

    /// All of it. Fails as soon as anything is not as it should be.
    pub async fn perform(mut self) -> Result<Report, Failure> {
        let began = Instant::now();
        let id = self.stage.wedding.to_string();
        let client = self.stage.connect("planner").await?;

        self.heading("1. Back up");
        self.keepsake("", &["init"])?;
        let mapping = self.stage.path("planner.toml").display().to_string();
        self.keepsake("inspect", &["inspect", "--source", "env:PLANNER", "--output", &mapping])?;
        let photos = self.stage.photos().display().to_string();
        let backup =
            ["backup", "wedding", &id, "--source", "env:PLANNER", "--mapping", &mapping, "--files-root", &photos];
        let point = self.keepsake("backup of one wedding", &backup)?;
        self.keepsake("backup of the database", &["backup", "database", "--source", "env:PLANNER"])?;
        self.keepsake("verify every byte", &["verify", "--level", "all"])?;
        self.restic(&point)?;

        self.heading("2. The accident");
        let before = self.see(&client).await?;
        let damage = planner::damage(&client, self.stage.wedding, Some(&self.stage.photos())).await?;
        self.say(&format!(
            "{} guests deleted with their answers and seats, {} timeline items scrambled, {} photos gone.",
            damage.guests, damage.timeline_items, damage.files
        ));
        let broken = self.see(&client).await?;
        if before.wedding.differences(&broken.wedding).is_empty() {
            return Err("the accident changed nothing".into());
        }

        self.heading("3. Bring exactly this wedding back, while others keep working");
        let restore =
            ["restore", "wedding", &id, "--target", "env:PLANNER", "--mode", "exact", "--files-root", &photos];
        self.keepsake("preview", &[&restore[..], &["--dry-run"]].concat())?;
        let others = Others::start(self.stage).await?;
        let restored = self.keepsake("restore, proven", &[&restore[..], &["--yes"]].concat())?;
        others.stop(&client, &mut self).await?;
        self.expect(&client, &before, "The wedding is back, row for row and photo for photo").await?;

        self.heading("4. Undo, and do it again");
        let operation = text(&restored, "operation")?;
        let undo = ["undo", &operation, "--target", "env:PLANNER", "--files-root", &photos, "--yes"];
        self.keepsake("undo", &undo)?;
        self.expect(&client, &broken, "The undo brought the accident back exactly").await?;
        self.keepsake("restore again", &[&restore[..], &["--yes"]].concat())?;
        self.expect(&client, &before, "And the second restore brought the wedding back again").await?;

        self.heading("5. The whole database, into a new one");
        let rebuilt = ["restore", "database", "--target", "env:REBUILT"];
        let rebuilt = self.keepsake("restore of the database, compared", &rebuilt)?;
        let tables = rebuilt.pointer("/report/tables").and_then(Value::as_array).ok_or("the answer has no tables")?;
        let compared = BTreeMap::from([("tables", tables.len() as u64)]);
        self.proofs
            .push(Proof { what: "Every table of the database, restored into a new one, equals the capture", compared });
        Ok(Report {
            held: true,
            sample: self.stage.sample,
            accident: Accident {
                wedding: self.stage.wedding,
                guests: damage.guests,
                timeline_items: damage.timeline_items,
                photos: damage.files,
            },
            proofs: self.proofs,
            timings: self.timings,
            seconds: began.elapsed().as_secs_f64(),
            kept: None,
        })
    }

    fn heading(&self, text: &str) {
        self.output.note(&format!("\n== {text}\n"));
    }

    fn say(&self, text: &str) {
        self.output.note(&format!("   {text}"));
    }

    /// Runs this program as a user would; returns what it prints for scripts.
    fn keepsake(&mut self, timed: &'static str, arguments: &[&str]) -> Result<Value, Failure> {
        let shown: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        self.output.note(&format!("$ keepsake {}", shown.join(" ")));
        let began = Instant::now();
        let preview = arguments.contains(&"--dry-run");
        let mut command = self.stage.program(arguments)?;
        if !preview {
            command.arg("--json");
        }
        command.arg("--quiet");
        let output = command.stderr(std::process::Stdio::piped()).output()?;
        let seconds = began.elapsed().as_secs_f64();
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("it ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
        }
        if preview {
            stdout.lines().for_each(|line| self.say(line));
        }
        self.say(&format!("done in {seconds:.2} s"));
        if !timed.is_empty() {
            self.timings.push(Timing { what: timed, seconds });
        }
        if preview { Ok(Value::Null) } else { Ok(serde_json::from_str(&stdout)?) }
    }

    /// Stock restic, which we did not write, reads every byte of the wedding's vault.
    fn restic(&mut self, point: &Value) -> Result<(), Failure> {
        let Some(restic) = self.stage.restic() else {
            self.say("(no stock restic was named with --restic, so that proof is left out)");
            return Ok(());
        };
        let vault = text(point, "vault")?;
        let secret = self.stage.path("restic-secret");
        let secret_text = secret.display().to_string();
        self.keepsake("", &["keys", "export-restic", "--vault", &vault, "--output", &secret_text])?;
        self.output.note("$ restic check --read-data");
        let began = Instant::now();
        let mut command = Command::new(restic);
        command.args(["--no-cache", "--no-lock", "check", "--read-data"]).envs(variables(&secret)?);
        let output = command.output()?;
        String::from_utf8_lossy(&output.stdout).lines().rev().take(1).for_each(|line| self.say(line));
        if !output.status.success() {
            return Err(format!("stock restic found faults: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        self.timings.push(Timing { what: "stock restic checks it", seconds: began.elapsed().as_secs_f64() });
        self.proofs.push(Proof { what: "Stock restic reads every byte of the vault", compared: BTreeMap::new() });
        Ok(())
    }

    async fn see(&self, client: &tokio_postgres::Client) -> Result<Seen, Failure> {
        let wedding = planner::fingerprint_of(client, self.stage.wedding).await?;
        let mut files = BTreeMap::new();
        let folder = self.stage.photos().join("photos").join(self.stage.wedding.to_string());
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            let content = std::fs::read(&path)?;
            files.insert(path.display().to_string(), content);
        }
        Ok(Seen { wedding, files })
    }

    async fn expect(
        &mut self,
        client: &tokio_postgres::Client,
        wanted: &Seen,
        what: &'static str,
    ) -> Result<(), Failure> {
        let now = self.see(client).await?;
        let mut differences = wanted.wedding.differences(&now.wedding);
        // The application's queue of mails to send is none of a wedding's data: what was sent is not unsent.
        differences.retain(|difference| !difference.starts_with("outbox:"));
        if !differences.is_empty() {
            return Err(format!("rows differ: {}", differences.join("; ")).into());
        }
        if wanted.files != now.files {
            return Err(format!("files differ: {} now, {} wanted", now.files.len(), wanted.files.len()).into());
        }
        let (rows, photos) = (now.wedding.rows().unsigned_abs(), now.files.len() as u64);
        self.say(&format!("{what}: {rows} rows and {photos} photos compared."));
        self.proofs.push(Proof { what, compared: BTreeMap::from([("rows", rows), ("photos", photos)]) });
        Ok(())
    }
}

/// Which other weddings are worked on; the same ones again and again, so that all the rest can be compared.
const SEED: u64 = 1;

/// Other people at work on other weddings.
struct Others {
    stop: Arc<AtomicBool>,
    work: tokio::task::JoinHandle<Result<(u64, Edits), planner::Error>>,
    worked_on: Vec<uuid::Uuid>,
    untouched: Fingerprint,
}

impl Others {
    async fn start(stage: &Stage) -> Result<Self, Failure> {
        let client = stage.connect("planner").await?;
        let mut worked_on = planner::edit_others(&client, stage.wedding, SEED).await?.weddings;
        worked_on.push(stage.wedding);
        let untouched = planner::fingerprint(&client, &worked_on).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, wedding) = (Arc::clone(&stop), stage.wedding);
        let work = tokio::spawn(async move {
            let mut count = 0;
            loop {
                let edits = planner::edit_others(&client, wedding, SEED).await?;
                count += edits.len() as u64;
                if flag.load(Relaxed) {
                    return Ok((count, edits));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Ok(Self { stop, work, worked_on, untouched })
    }

    /// Ends their work, and proves that none of it was lost and that no row of anybody else changed.
    async fn stop(self, client: &tokio_postgres::Client, play: &mut Play<'_>) -> Result<(), Failure> {
        self.stop.store(true, Relaxed);
        let (count, last) = self.work.await??;
        let lost = last.lost(client).await?;
        if lost > 0 {
            return Err(format!("{lost} edits of other weddings were lost").into());
        }
        let now = planner::fingerprint(client, &self.worked_on).await?;
        let differences = self.untouched.differences(&now);
        if !differences.is_empty() {
            return Err(format!("rows of others changed: {}", differences.join("; ")).into());
        }
        let weddings = self.worked_on.len() as u64 - 1;
        play.say(&format!("Meanwhile others made {count} edits on {weddings} other weddings: none was lost."));
        let compared = BTreeMap::from([("edits", count), ("weddings", weddings)]);
        play.proofs.push(Proof { what: "No edit that others made meanwhile was lost", compared });
        play.say(&format!("Nobody else's row changed: {} rows compared before and after.", now.rows()));
        let compared = BTreeMap::from([("rows", now.rows().unsigned_abs())]);
        play.proofs.push(Proof { what: "Nobody else's row changed", compared });
        Ok(())
    }
}

fn text(value: &Value, field: &str) -> Result<String, Failure> {
    Ok(value.get(field).and_then(Value::as_str).ok_or_else(|| format!("the answer has no {field}"))?.to_owned())
}

fn variables(file: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = std::fs::read_to_string(file)?;
    Ok(text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
}
