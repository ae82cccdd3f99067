//! A planner database for script/bench, in a server of its own.
//!
//! `bench_planner serve WEDDINGS FOLDER GUESTS`: starts a server below FOLDER with that many weddings of 200 guests, the first of
//! GUESTS guests and 100 photos; prints one JSON line when it is ready and ends with its standard input.
//! `bench_planner damage DSN WEDDING PHOTOS`: what a careless click does. `bench_planner recreate DSN NAME`: an empty database.

use keepsake_postgres::cluster::{Cluster, Programs};
use keepsake_testkit::planner::{self, Size, Spec};
use std::{
    io::{Read, Write},
    path::Path,
};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", weddings, folder, guests] => serve(weddings.parse()?, Path::new(folder), guests.parse()?).await,
        ["damage", dsn, wedding, photos] => {
            planner::damage(&connect(dsn).await?, wedding.parse()?, Some(Path::new(photos))).await?;
            Ok(())
        }
        ["recreate", dsn, name] => {
            let client = connect(dsn).await?;
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await?;
            client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
            Ok(())
        }
        _ => Err("usage: bench_planner serve|damage|recreate ...".into()),
    }
}

async fn connect(dsn: &str) -> Result<tokio_postgres::Client, Failure> {
    let (client, connection) = tokio_postgres::connect(dsn, tokio_postgres::NoTls).await?;
    tokio::spawn(async move {
        let _ends_with_the_client = connection.await;
    });
    Ok(client)
}

async fn serve(weddings: u32, folder: &Path, guests: u32) -> Result<(), Failure> {
    let programs = Programs::find()?;
    let mut cluster = Cluster::create(&programs, &folder.join("server"))?;
    cluster.start(&[("fsync", "off"), ("shared_buffers", "512MB"), ("max_wal_size", "8GB")])?;
    let admin = connect(&cluster.dsn("postgres")).await?;
    admin.batch_execute("CREATE DATABASE planner TEMPLATE template0").await?;
    let client = connect(&cluster.dsn("planner")).await?;
    planner::install(&client).await?;
    let photos = folder.join("photos");
    std::fs::create_dir_all(&photos)?;
    let spec = Spec { weddings, first: Some(Size { guests, photos: 100 }), ..Spec::bench() };
    let made = planner::generate(&client, &spec, Some(&photos)).await?;
    client.batch_execute("VACUUM ANALYZE").await?;
    let facts = serde_json::json!({
        "dsn": cluster.dsn("planner"), "admin": cluster.dsn("postgres"), "wedding": made.weddings.first(),
        "photos": photos, "rows": made.rows, "bin": programs.path("psql").parent(),
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{facts}")?;
    stdout.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    cluster.stop()?;
    Ok(())
}
