//! The stage: a private cluster, the sample application, and a home for the program.

use super::{Failure, report::Kept};
use crate::{
    cli,
    output::{Output, bytes},
};
use keepsake_postgres::cluster::{Cluster, Programs};
use keepsake_testkit::planner::{self, Spec};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};
use tokio_postgres::Client;

/// How much there is.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Sample {
    pub weddings: u32,
    pub organisations: u32,
    pub rows: u64,
    pub files: u64,
    pub files_bytes: u64,
}

/// Everything that the play needs.
pub struct Stage {
    folder: PathBuf,
    cluster: Cluster,
    restic: Option<PathBuf>,
    /// The wedding that things happen to.
    pub wedding: uuid::Uuid,
    /// The application around it.
    pub sample: Sample,
}

impl Stage {
    /// Builds it: cluster, schema, weddings, photos.
    pub async fn set(output: Output, asked: &cli::Demo) -> Result<Self, Failure> {
        let began = Instant::now();
        // Sockets have short names: never below a deep folder.
        let folder = tempdir()?;
        output.note(&format!("Setting the stage in {} ...", folder.display()));
        let programs = Programs::find()?;
        let mut cluster = Cluster::create(&programs, &folder.join("postgres"))?;
        cluster.start(&[("fsync", "off"), ("shared_buffers", "128MB"), ("max_connections", "50")])?;
        let spec = Spec { weddings: asked.weddings, ..Spec::demo() };
        let sample =
            Sample { weddings: spec.weddings, organisations: spec.organisations, rows: 0, files: 0, files_bytes: 0 };
        let mut stage = Self { folder, cluster, restic: asked.restic.clone(), wedding: spec.wedding_id(0), sample };
        let admin = stage.connect("postgres").await?;
        for name in ["planner", "rebuilt"] {
            admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
        }
        let client = stage.connect("planner").await?;
        planner::install(&client).await?;
        std::fs::create_dir_all(stage.photos())?;
        let made = planner::generate(&client, &spec, Some(&stage.photos())).await?;
        stage.wedding = made.weddings.first().copied().ok_or("no wedding was made")?;
        stage.sample = Sample { rows: made.rows, files: made.files, files_bytes: made.files_bytes, ..sample };
        output.note(&format!(
            "A wedding planner's database: {} weddings of {} organisations, {} rows; {} photos and documents ({}). {:.1} s\n",
            spec.weddings,
            spec.organisations,
            made.rows,
            made.files,
            bytes(made.files_bytes),
            began.elapsed().as_secs_f64()
        ));
        Ok(stage)
    }

    /// Where the application keeps its photos.
    pub fn photos(&self) -> PathBuf {
        self.folder.join("photos")
    }

    /// A path on the stage.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Stock restic, if there is one.
    pub fn restic(&self) -> Option<&Path> {
        self.restic.as_deref()
    }

    /// A client of one of the databases.
    pub async fn connect(&self, database: &str) -> Result<Client, Failure> {
        let (client, connection) = tokio_postgres::connect(&self.cluster.dsn(database), tokio_postgres::NoTls).await?;
        tokio::spawn(async move {
            let _ends_with_the_client = connection.await;
        });
        Ok(client)
    }

    /// What the commands of the play find in their environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("KEEPSAKE_HOME", self.path("home").display().to_string()),
            ("KEEPSAKE_STORAGE", format!("file://{}", self.path("backups").display())),
            ("PLANNER", self.cluster.dsn("planner")),
            ("REBUILT", self.cluster.dsn("rebuilt")),
        ]
    }

    /// This program, with that environment.
    pub fn program(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).envs(self.environment()).stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(command)
    }

    /// Leaves everything running, and tells how to use it.
    pub fn keep(self) -> Kept {
        let stop =
            format!("{} -D {} stop", self.cluster.programs().path("pg_ctl").display(), self.cluster.data().display());
        let environment = self.environment().into_iter().collect();
        // The server goes on without this process.
        std::mem::forget(self.cluster);
        Kept { folder: self.folder, environment, stop }
    }

    /// Takes it down.
    pub fn strike(mut self) -> Result<(), Failure> {
        self.cluster.stop()?;
        std::fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

fn tempdir() -> Result<PathBuf, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::Builder::new().prefix("keepsake-demo-").tempdir_in("/tmp")?.keep();
    // The server runs as another user, who must get through.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}
