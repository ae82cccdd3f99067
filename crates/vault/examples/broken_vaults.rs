//! Makes the broken vaults of `tests/fixtures` anew, after a change of the format:
//!
//! ```text
//! git rm -rq crates/vault/tests/fixtures
//! cargo run -p keepsake-vault --example broken_vaults -- crates/vault/tests/fixtures
//! ```
//!
//! Vaults that were written before must stay readable, so think twice, and keep the old ones under another name.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a tool of developers fails by panicking")]

#[path = "../tests/format/broken.rs"]
mod broken;
#[path = "../tests/format/sample.rs"]
mod sample;

#[tokio::main]
async fn main() {
    let folder = std::env::args_os().nth(1).expect("name the folder in which the vaults are to be made");
    let folder = std::path::PathBuf::from(folder);
    assert!(!folder.try_exists().unwrap(), "there is something at {} already", folder.display());
    broken::make(&folder).await;
}
