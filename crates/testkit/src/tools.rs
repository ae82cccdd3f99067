//! The programs that `script/tools` installs.

use std::path::PathBuf;

/// Folder of the installed tools: `KEEPSAKE_TOOLS`, else `keepsake-tools` in the user's cache.
pub fn folder() -> PathBuf {
    let from_env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from_env("KEEPSAKE_TOOLS").unwrap_or_else(|| {
        from_env("XDG_CACHE_HOME")
            .or_else(|| from_env("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("keepsake-tools")
    })
}

fn tool(path: &str) -> PathBuf {
    let found = folder().join(path);
    assert!(found.is_file(), "{} is missing: run script/tools", found.display());
    found
}

/// Stock restic, newest (0.19 or later).
pub fn restic() -> PathBuf {
    tool("restic/usr/bin/restic")
}

/// Stock restic 0.14, as Debian bookworm has it.
pub fn restic_old() -> PathBuf {
    tool("restic-0.14/usr/bin/restic")
}

/// SeaweedFS.
pub fn weed() -> PathBuf {
    tool("seaweedfs/bin/weed")
}

/// Where Python finds aiosmtpd.
pub fn aiosmtpd() -> PathBuf {
    let found = folder().join("aiosmtpd");
    assert!(found.is_dir(), "{} is missing: run script/tools", found.display());
    found
}
