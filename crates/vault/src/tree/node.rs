//! One entry of a folder.

use crate::{id::Id, time::Time};
use std::fmt;

/// Go's bits for file modes, in which restic stores them.
pub mod mode {
    /// A folder.
    pub const DIR: u32 = 1 << 31;
    /// A symbolic link.
    pub const SYMLINK: u32 = 1 << 27;
    /// A device; block device unless [`CHAR_DEVICE`] is set too.
    pub const DEVICE: u32 = 1 << 26;
    /// A named pipe.
    pub const NAMED_PIPE: u32 = 1 << 25;
    /// A socket.
    pub const SOCKET: u32 = 1 << 24;
    /// Set user id on execution.
    pub const SETUID: u32 = 1 << 23;
    /// Set group id on execution.
    pub const SETGID: u32 = 1 << 22;
    /// With [`DEVICE`]: a character device.
    pub const CHAR_DEVICE: u32 = 1 << 21;
    /// Sticky.
    pub const STICKY: u32 = 1 << 20;
    /// Something else.
    pub const IRREGULAR: u32 = 1 << 19;
    /// Permissions.
    pub const PERMISSIONS: u32 = 0o777;

    /// Go's form of what `stat` says (`st_mode`).
    pub const fn from_unix(st_mode: u32) -> u32 {
        let kind = match st_mode & 0o170_000 {
            0o040_000 => DIR,
            0o120_000 => SYMLINK,
            0o060_000 => DEVICE,
            0o020_000 => DEVICE | CHAR_DEVICE,
            0o010_000 => NAMED_PIPE,
            0o140_000 => SOCKET,
            0o100_000 => 0,
            _ => IRREGULAR,
        };
        let mut mode = kind | (st_mode & PERMISSIONS);
        if st_mode & 0o4000 != 0 {
            mode |= SETUID;
        }
        if st_mode & 0o2000 != 0 {
            mode |= SETGID;
        }
        if st_mode & 0o1000 != 0 {
            mode |= STICKY;
        }
        mode
    }

    /// Permissions with set-id and sticky bits, as `chmod` takes them.
    pub const fn to_unix_permissions(mode: u32) -> u32 {
        let mut permissions = mode & PERMISSIONS;
        if mode & SETUID != 0 {
            permissions |= 0o4000;
        }
        if mode & SETGID != 0 {
            permissions |= 0o2000;
        }
        if mode & STICKY != 0 {
            permissions |= 0o1000;
        }
        permissions
    }
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A block device.
    Dev,
    /// A character device.
    CharDev,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Something else that restic knows of.
    Irregular,
    /// A word of a later version.
    Unknown(Box<str>),
}

impl Kind {
    /// The word in the JSON.
    pub fn name(&self) -> &str {
        match self {
            Self::File => "file",
            Self::Dir => "dir",
            Self::Symlink => "symlink",
            Self::Dev => "dev",
            Self::CharDev => "chardev",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Irregular => "irregular",
            Self::Unknown(word) => word,
        }
    }

    pub(super) fn parse(word: &str) -> Self {
        match word {
            "file" => Self::File,
            "dir" => Self::Dir,
            "symlink" => Self::Symlink,
            "dev" => Self::Dev,
            "chardev" => Self::CharDev,
            "fifo" => Self::Fifo,
            "socket" => Self::Socket,
            "irregular" => Self::Irregular,
            word => Self::Unknown(word.into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A named value that a file system keeps with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedAttribute {
    /// Its name, such as `user.mime_type`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// One entry of a folder. Fields are restic's; zero and empty mean unknown, and are left out where restic leaves them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    /// Name within the folder: any bytes but `/` and NUL.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Go's mode bits: see [`mode`].
    pub mode: u32,
    /// When the content last changed.
    pub mtime: Time,
    /// When it was last read.
    pub atime: Time,
    /// When content or metadata last changed.
    pub ctime: Time,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Owner's name.
    pub user: String,
    /// Group's name.
    pub group: String,
    /// Number on its file system.
    pub inode: u64,
    /// Its file system; restic 0.17 and later store it for hard links only.
    pub device_id: u64,
    /// Length of a file, in bytes.
    pub size: u64,
    /// Number of hard links.
    pub links: u64,
    /// What a symbolic link points to: any bytes.
    pub link_target: Vec<u8>,
    /// Extended attributes.
    pub extended_attributes: Vec<ExtendedAttribute>,
    /// What restic stores for Windows, as it stands: name and JSON value, sorted by name.
    pub generic_attributes: Vec<(String, String)>,
    /// Major and minor number of a device.
    pub device: u64,
    /// The blobs of a file in order. `None` for anything but a file: an empty file has `Some` of an empty list, and
    /// restic's check refuses a file with none.
    pub content: Option<Vec<Id>>,
    /// The tree of a folder.
    pub subtree: Option<Id>,
    /// What went wrong when it was read, by writers that store that.
    pub error: String,
}

impl Node {
    /// A node of that name and kind with everything else unknown; a file is empty.
    pub fn new(name: impl Into<Vec<u8>>, kind: Kind) -> Self {
        let content = (kind == Kind::File).then(Vec::new);
        Self {
            name: name.into(),
            kind,
            mode: 0,
            mtime: Time::zero(),
            atime: Time::zero(),
            ctime: Time::zero(),
            uid: 0,
            gid: 0,
            user: String::new(),
            group: String::new(),
            inode: 0,
            device_id: 0,
            size: 0,
            links: 0,
            link_target: Vec::new(),
            extended_attributes: Vec::new(),
            generic_attributes: Vec::new(),
            device: 0,
            content,
            subtree: None,
            error: String::new(),
        }
    }

    /// Whether it is a folder.
    pub const fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Dir)
    }
}

impl fmt::Debug for Node {
    /// Short, and without the name, which may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blobs = self.content.as_ref().map_or(0, Vec::len);
        write!(f, "Node({}, {} bytes, {blobs} blobs, subtree {:?})", self.kind, self.size, self.subtree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_translate_as_go_translates_them() {
        for (unix, go) in [
            (0o100_644, 0o644),
            (0o040_755, mode::DIR | 0o755),
            (0o120_777, mode::SYMLINK | 0o777),
            (0o060_660, mode::DEVICE | 0o660),
            (0o020_666, mode::DEVICE | mode::CHAR_DEVICE | 0o666),
            (0o010_600, mode::NAMED_PIPE | 0o600),
            (0o140_600, mode::SOCKET | 0o600),
            (0o107_755, mode::SETUID | mode::SETGID | mode::STICKY | 0o755),
            (0o150_600, mode::IRREGULAR | 0o600),
        ] {
            assert_eq!(mode::from_unix(unix), go, "{unix:o}");
            assert_eq!(mode::to_unix_permissions(go), unix & 0o7777, "{unix:o}");
        }
    }

    #[test]
    fn every_kind_is_found_back_by_its_word() {
        for word in ["file", "dir", "symlink", "dev", "chardev", "fifo", "socket", "irregular", "portal"] {
            assert_eq!(Kind::parse(word).to_string(), word);
        }
        assert!(!format!("{:?}", Node::new("Ada.jpg", Kind::File)).contains("Ada"), "names stay out of logs");
    }
}
