//! Prints the description of the API, for docs/openapi.json (`script/prepare-openapi`).

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    println!("{}", keepsake_server::description().to_pretty_json().expect("a description is JSON"));
}
