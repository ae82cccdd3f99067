//! A capture as a folder on disk.
#![expect(clippy::unwrap_used, reason = "test support: a failure here is a failed test")]

use crate::registry::Kept;
use std::{fs, path::Path};

/// Writes a capture's files below `folder`.
pub fn write(kept: &Kept, folder: &Path) {
    for (path, bytes) in kept.0.lock().unwrap().iter() {
        let target = folder.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}
