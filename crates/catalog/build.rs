//! Migrations are embedded: a new one is a change of this crate.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
