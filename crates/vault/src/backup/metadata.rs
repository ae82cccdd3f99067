//! What a snapshot keeps of a file besides its content.

use super::session::Session;
use crate::{
    id::Id,
    time::Time,
    tree::{ExtendedAttribute, Kind, Node, mode},
};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::Path,
    sync::OnceLock,
};

/// Extended attributes kept of one file, at most, in number and in bytes of all values.
const MAX_ATTRIBUTES: usize = 256;
const MAX_ATTRIBUTE_BYTES: usize = 1 << 20;

/// What a pushed file is to look like when it is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// Permissions, as `chmod` takes them.
    pub permissions: u32,
    /// When the content last changed. `None`: 1970, so that unchanged content makes an unchanged folder listing.
    pub modified: Option<Timestamp>,
    /// Extended attributes, such as the content type of an object.
    pub attributes: Vec<ExtendedAttribute>,
}

impl Default for FileMeta {
    /// For the owner only: what is backed up here is personal data.
    fn default() -> Self {
        Self { permissions: 0o600, modified: None, attributes: Vec::new() }
    }
}

impl FileMeta {
    pub(super) fn file_node(&self, name: &[u8], length_bytes: u64, content: &[Id]) -> Node {
        let mut node = Node::new(name, Kind::File);
        node.mode = mode::from_unix(0o100_000 | (self.permissions & 0o7777));
        set_times(&mut node, Time::utc(self.modified.unwrap_or(Timestamp::UNIX_EPOCH)));
        node.extended_attributes.clone_from(&self.attributes);
        node.links = 1;
        node.size = length_bytes;
        node.content = Some(content.to_vec());
        node
    }
}

fn set_times(node: &mut Node, time: Time) {
    (node.mtime, node.atime, node.ctime) = (time, time, time);
}

/// A folder that exists only because files were pushed into it.
pub(super) fn plain_folder(name: Vec<u8>, subtree: Id) -> Node {
    let mut node = Node::new(name, Kind::Dir);
    node.mode = mode::DIR | 0o700;
    set_times(&mut node, Time::utc(Timestamp::UNIX_EPOCH));
    node.subtree = Some(subtree);
    node
}

/// What the system says of a file, folder or link. The content or subtree is still to come.
pub(super) fn node(name: Vec<u8>, path: &Path, metadata: &Metadata, session: &Session) -> io::Result<Node> {
    let kind = metadata.file_type();
    let node_kind = match () {
        () if kind.is_dir() => Kind::Dir,
        () if kind.is_file() => Kind::File,
        () if kind.is_symlink() => Kind::Symlink,
        () if kind.is_block_device() => Kind::Dev,
        () if kind.is_char_device() => Kind::CharDev,
        () if kind.is_fifo() => Kind::Fifo,
        () if kind.is_socket() => Kind::Socket,
        () => Kind::Irregular,
    };
    let mut node = Node::new(name, node_kind);
    node.mode = mode::from_unix(metadata.mode());
    node.mtime = time(metadata.mtime(), metadata.mtime_nsec());
    // The time of reading changes with each backup; restic, too, stores that of writing instead.
    node.atime = node.mtime;
    node.ctime = time(metadata.ctime(), metadata.ctime_nsec());
    (node.uid, node.gid) = (metadata.uid(), metadata.gid());
    node.user = session.names.user(node.uid);
    node.group = session.names.group(node.gid);
    node.inode = metadata.ino();
    if !kind.is_dir() {
        node.links = metadata.nlink();
        node.device_id = if node.links > 1 { metadata.dev() } else { 0 };
    }
    match node.kind {
        Kind::Symlink => node.link_target = fs::read_link(path)?.as_os_str().as_bytes().to_vec(),
        Kind::Dev | Kind::CharDev => node.device = metadata.rdev(),
        _ => {}
    }
    if matches!(node.kind, Kind::File | Kind::Dir) {
        node.extended_attributes = attributes(path)?;
    }
    Ok(node)
}

fn time(seconds: i64, nanoseconds: i64) -> Time {
    let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
    Timestamp::new(seconds, nanoseconds).map_or_else(|_| Time::zero(), Time::utc)
}

fn attributes(path: &Path) -> io::Result<Vec<ExtendedAttribute>> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        // A file system without them has none.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let (mut all, mut bytes) = (Vec::new(), 0);
    for name in names.take(MAX_ATTRIBUTES) {
        let (Some(value), Some(text)) = (xattr::get(path, &name)?, name.to_str()) else { continue };
        bytes += value.len();
        if bytes > MAX_ATTRIBUTE_BYTES {
            return Err(io::Error::other("its extended attributes take more than 1 MiB"));
        }
        all.push(ExtendedAttribute { name: text.to_owned(), value });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

pub(super) fn with_content(mut node: Node, length_bytes: u64, content: Vec<Id>) -> Node {
    node.size = length_bytes;
    node.content = Some(content);
    node
}

pub(super) fn with_subtree(mut node: Node, subtree: Id) -> Node {
    node.subtree = Some(subtree);
    node
}

pub(super) fn renamed(mut node: Node, name: Vec<u8>) -> Node {
    node.name = name;
    node
}

/// Names of users and groups, read once.
#[derive(Debug, Default)]
pub(super) struct Names {
    users: OnceLock<HashMap<u32, String>>,
    groups: OnceLock<HashMap<u32, String>>,
}

impl Names {
    fn user(&self, uid: u32) -> String {
        self.users.get_or_init(|| read_names("/etc/passwd")).get(&uid).cloned().unwrap_or_default()
    }

    fn group(&self, gid: u32) -> String {
        self.groups.get_or_init(|| read_names("/etc/group")).get(&gid).cloned().unwrap_or_default()
    }
}

/// Lines of `name:password:number:...`. Names are a comfort: without the file there are none.
fn read_names(path: &str) -> HashMap<u32, String> {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        Some((number.parse().ok()?, name.to_owned()))
    };
    let mut names = HashMap::new();
    for (number, name) in text.lines().filter_map(parse) {
        names.entry(number).or_insert(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_superuser_has_a_name() {
        let names = Names::default();
        assert_eq!((names.user(0), names.group(0)), ("root".to_owned(), "root".to_owned()));
        assert_eq!(names.user(4_000_000_000), "");
    }

    #[test]
    fn a_pushed_file_is_for_its_owner_only_and_always_the_same() {
        let node = FileMeta::default().file_node(b"public.guests.copy", 0, &[]);
        assert_eq!((node.mode, node.content.as_deref()), (0o600, Some(&[][..])));
        assert_eq!(node.mtime.moment(), Timestamp::UNIX_EPOCH);
    }
}
