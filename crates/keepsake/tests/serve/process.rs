//! Starting, stopping, being killed, and not starting.

use crate::{
    service::Service,
    world::{Run, World},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// A world whose folders the user that runs PostgreSQL can reach.
pub fn reachable() -> World {
    let world = World::new();
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    world
}

/// The process id of the embedded server, if it runs.
fn server_pid(world: &World) -> Option<String> {
    let file = world.home().join("catalog/server/data/postmaster.pid");
    let pid = fs::read_to_string(file).ok()?.lines().next()?.to_owned();
    PathBuf::from(format!("/proc/{pid}")).is_dir().then_some(pid)
}

#[test]
fn a_service_starts_and_stops_with_its_catalog() {
    let world = reachable();
    let service = Service::start(&world, &[]);
    assert_eq!(service.said["catalog"], "embedded");
    eprintln!("first start: {:?}", service.start);
    assert_eq!(service.get("/readyz").status, 200);
    assert!(server_pid(&world).is_some());
    service.end("TERM").expect(0);
    assert_eq!(server_pid(&world), None, "the embedded server was left running");

    let service = Service::start(&world, &[]);
    eprintln!("later start: {:?}", service.start);
    assert_eq!(service.get("/readyz").status, 200);
    service.end("INT").expect(0);
    assert_eq!(server_pid(&world), None, "the embedded server was left running");
}

#[test]
fn a_service_that_was_killed_starts_again_on_the_server_that_it_left() {
    let world = reachable();
    let service = Service::start(&world, &[]);
    let left = server_pid(&world).unwrap();
    assert_eq!(service.end("KILL").status, -9);
    assert_eq!(server_pid(&world).as_ref(), Some(&left), "nobody stopped it");
    let service = Service::start(&world, &[]);
    assert_eq!(server_pid(&world), Some(left), "it was adopted");
    assert_eq!(service.get("/readyz").status, 200);
    service.end("TERM").expect(0);
    assert_eq!(server_pid(&world), None, "an adopted server is stopped, too");
}

#[test]
fn one_home_has_one_service() {
    let world = reachable();
    let service = Service::start(&world, &[]);
    let second = world.run_json(["serve", "--listen", "127.0.0.1:0"]).expect(1);
    assert_eq!(second.error_code(), "catalog-failed");
    assert!(second.stderr.contains("another keepsake serve uses"), "{}", second.stderr);
    assert_eq!(service.get("/readyz").status, 200, "the first goes on");
}

#[test]
fn an_address_that_is_taken_is_named_before_anything_is_started() {
    let world = reachable();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = world.run(["serve", "--listen", &address]).expect(1);
    assert!(run.stderr.contains(&address), "{}", run.stderr);
    assert!(!world.home().join("catalog").is_dir(), "a catalog was made");
}

#[test]
fn a_home_that_postgresql_cannot_reach_is_named_with_the_way_out() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::new();
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let run: Run = world.run(["serve", "--listen", "127.0.0.1:0"]).expect(1);
    for words in ["cannot reach", "KEEPSAKE_HOME", "--catalog-url", world.folder.path().to_str().unwrap()] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}

#[test]
fn a_service_needs_a_master_key_and_half_an_identity_is_none() {
    let world = World::empty();
    assert_eq!(world.run_json(["serve"]).expect(1).error_code(), "master-key-missing");
    let run = world.run(["serve", "--tls-cert", "/tmp/cert.pem"]).expect(2);
    assert!(run.stderr.contains("--tls-key"), "{}", run.stderr);
    let run = world.run_json(["serve", "--catalog-url", "postgres://owner:secret@db/catalog"]);
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
}

#[test]
fn requests_under_way_finish_before_the_end_and_new_ones_are_refused() {
    let world = reachable();
    let service = Service::start(&world, &[]);
    let address = service.url().trim_start_matches("http://").to_owned();
    // A request whose body is on its way when the signal comes.
    let mut slow = TcpStream::connect(&address).unwrap();
    slow.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let pid = service.pid();
    let ender = std::thread::spawn(move || service.end("TERM"));
    std::thread::sleep(Duration::from_millis(500));
    assert!(PathBuf::from(format!("/proc/{pid}")).is_dir(), "it did not wait for the request");
    assert!(TcpStream::connect(&address).is_err(), "it still takes connections");
    slow.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    ender.join().unwrap().expect(0);
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let world = reachable();
    let service = Service::start(&world, &[]);
    let mut slow = TcpStream::connect(service.url().trim_start_matches("http://")).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    slow.write_all(b"P").unwrap();
    let began = Instant::now();
    let mut rest = Vec::new();
    let _answered_or_closed = slow.read_to_end(&mut rest);
    assert!((5..20).contains(&began.elapsed().as_secs()), "after {:?}", began.elapsed());
}
