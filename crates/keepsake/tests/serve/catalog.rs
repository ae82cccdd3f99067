//! A catalog on a server that is named, and what the service says when it is gone.

use crate::{service::Service, world::World};
use keepsake_testkit::postgres::Server;
use std::time::Instant;

#[tokio::test]
async fn a_catalog_may_be_elsewhere_and_its_loss_is_seen() {
    let world = World::new();
    let mut server = Server::start();
    server.create_database("catalog").await;
    let url = format!("postgres://postgres@localhost/catalog?host={}", server.socket().display());
    std::fs::write(world.path("catalog-url"), format!("{url}\n")).unwrap();
    let spec = format!("file:{}", world.path("catalog-url").display());
    let service = Service::start(&world, &["--catalog-url", &spec]);
    assert_eq!(service.said["catalog"], "configured");
    assert!(!world.home().join("catalog").is_dir(), "no private server was made");
    assert_eq!(service.get("/readyz").status, 200);

    server.cluster().crash().unwrap();
    let began = Instant::now();
    let answer = service.get("/readyz");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    let problem = answer.json();
    assert_eq!(problem["code"], "catalog-failed");
    assert_eq!(problem["retry_after"].to_string(), answer.header("retry-after").unwrap());
    for inside in ["postgres", "SELECT", "socket", "/tmp"] {
        assert!(!problem["detail"].as_str().unwrap().contains(inside), "{problem}");
    }
    assert_eq!(service.get("/healthz").status, 200, "the process itself lives");

    server.cluster().start(&[("fsync", "off")]).unwrap();
    assert_eq!(service.get("/readyz").status, 200, "it comes back by itself");
    service.end("TERM").expect(0);
    let alive = server.connect("catalog").await.query_one("SELECT 1", &[]).await;
    assert!(alive.is_ok(), "a server that is not ours is left alone");
}
