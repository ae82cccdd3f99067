//! TLS by the service itself.

use crate::world::World;
use crate::{
    process::reachable,
    service::{Service, curl},
};
use std::{path::PathBuf, process::Command};

/// A certificate for this machine that vouches for itself, and its key.
pub fn certificate(world: &World) -> (PathBuf, PathBuf) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout key.pem -out cert.pem \
                  -subj /CN=keepsake -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE";
    let made = Command::new("sh").arg("-c").arg(script).current_dir(world.folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (world.path("cert.pem"), world.path("key.pem"))
}

#[test]
fn a_certificate_makes_it_https() {
    let world = reachable();
    let (cert, key) = certificate(&world);
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());

    let run = world.run(["serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", "/nowhere"]).expect(1);
    assert!(run.stderr.contains("/nowhere"), "{}", run.stderr);

    let service = Service::start(&world, &["--tls-cert", cert, "--tls-key", key]);
    assert!(service.url().starts_with("https://"));
    let answer = service.curl("/readyz", &["--cacert", cert]);
    assert_eq!(answer.status, 200);
    assert!(answer.header("strict-transport-security").is_some(), "{answer:?}");
    let old = Command::new("curl").args(["-sS", "--cacert", cert, "--tls-max", "1.1", service.url()]).output().unwrap();
    assert!(!old.status.success(), "it speaks TLS 1.1");
    // Plain text at a TLS port is no reason to stop.
    let plain = service.url().replace("https", "http");
    let _refused = Command::new("curl").args(["-sS", "--max-time", "3", &plain]).output().unwrap();
    assert_eq!(curl(&format!("{}/healthz", service.url()), &["--cacert", cert]).status, 200);
}
