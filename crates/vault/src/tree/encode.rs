//! Writes a tree as Go would.

use super::{
    Node,
    go::{write_name, write_string},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A name that is empty, repeated or out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("name number {position} of a folder is empty, repeated or out of order")]
pub struct OrderError {
    /// Its number, from 0. Not the name: it may be personal data.
    pub position: usize,
}

/// Writes a tree node by node, so that a large folder is never held as nodes.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    last_name: Vec<u8>,
    count: usize,
}

impl Encoder {
    /// An empty folder.
    pub fn new() -> Self {
        Self { out: br#"{"nodes":["#.to_vec(), last_name: Vec::new(), count: 0 }
    }

    /// Appends a node; names must ascend by their bytes.
    ///
    /// # Errors
    /// [`OrderError`] if they do not; the tree is then as it was.
    pub fn add(&mut self, node: &Node) -> Result<(), OrderError> {
        if node.name <= self.last_name {
            return Err(OrderError { position: self.count });
        }
        if self.count > 0 {
            self.out.push(b',');
        }
        write_node(node, &mut self.out);
        self.last_name.clone_from(&node.name);
        self.count += 1;
        Ok(())
    }

    /// How many nodes there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The plaintext of the tree's blob.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}\n");
        self.out
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"name":"#);
    write_name(&node.name, out);
    out.extend_from_slice(br#","type":"#);
    write_string(node.kind.name().as_bytes(), out);
    number_unless_zero("mode", node.mode.into(), out);
    for (field, time) in [("mtime", node.mtime), ("atime", node.atime), ("ctime", node.ctime)] {
        start(field, out);
        out.push(b'"');
        time.write(out);
        out.push(b'"');
    }
    number("uid", node.uid.into(), out);
    number("gid", node.gid.into(), out);
    string_unless_empty("user", node.user.as_bytes(), out);
    string_unless_empty("group", node.group.as_bytes(), out);
    number_unless_zero("inode", node.inode, out);
    number_unless_zero("device_id", node.device_id, out);
    number_unless_zero("size", node.size, out);
    number_unless_zero("links", node.links, out);
    string_unless_empty("linktarget", &node.link_target, out);
    if str::from_utf8(&node.link_target).is_err() {
        bytes("linktarget_raw", &node.link_target, out);
    }
    write_attributes(node, out);
    number_unless_zero("device", node.device, out);
    write_content(node, out);
    if let Some(subtree) = node.subtree {
        start("subtree", out);
        quoted(&subtree.to_string(), out);
    }
    string_unless_empty("error", node.error.as_bytes(), out);
    out.push(b'}');
}

fn write_attributes(node: &Node, out: &mut Vec<u8>) {
    if !node.extended_attributes.is_empty() {
        start("extended_attributes", out);
        out.push(b'[');
        for (position, attribute) in node.extended_attributes.iter().enumerate() {
            out.extend_from_slice(if position == 0 { br#"{"name":"# } else { br#",{"name":"# });
            write_string(attribute.name.as_bytes(), out);
            bytes("value", &attribute.value, out);
            out.push(b'}');
        }
        out.push(b']');
    }
    if !node.generic_attributes.is_empty() {
        start("generic_attributes", out);
        out.push(b'{');
        for (position, (name, json)) in node.generic_attributes.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_string(name.as_bytes(), out);
            out.push(b':');
            out.extend_from_slice(json.as_bytes());
        }
        out.push(b'}');
    }
}

fn write_content(node: &Node, out: &mut Vec<u8>) {
    start("content", out);
    let Some(content) = &node.content else {
        return out.extend_from_slice(b"null");
    };
    out.push(b'[');
    for (position, id) in content.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        quoted(&id.to_string(), out);
    }
    out.push(b']');
}

/// Appends `,"field":`; every node starts with its name, so a comma is always due.
fn start(field: &str, out: &mut Vec<u8>) {
    out.push(b',');
    quoted(field, out);
    out.push(b':');
}

/// Appends a text that needs no escapes.
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn number(field: &str, value: u64, out: &mut Vec<u8>) {
    start(field, out);
    out.extend_from_slice(value.to_string().as_bytes());
}

fn number_unless_zero(field: &str, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        number(field, value, out);
    }
}

fn string_unless_empty(field: &str, text: &[u8], out: &mut Vec<u8>) {
    if !text.is_empty() {
        start(field, out);
        write_string(text, out);
    }
}

fn bytes(field: &str, value: &[u8], out: &mut Vec<u8>) {
    start(field, out);
    quoted(&STANDARD.encode(value), out);
}

#[cfg(test)]
mod tests {
    use super::super::{ExtendedAttribute, Kind, Tree, mode};
    use super::*;
    use crate::{id::Id, time::Time};

    #[test]
    fn a_full_node_is_written_field_by_field_in_gos_order() {
        let time = |text: &str| Time::parse(text).unwrap();
        let node = Node {
            name: b"cake <3".to_vec(),
            kind: Kind::Symlink,
            mode: mode::SYMLINK | 0o777,
            mtime: time("2026-06-06T12:00:00.5+02:00"),
            atime: time("2026-06-06T12:00:00Z"),
            ctime: Time::zero(),
            uid: 0,
            gid: 1000,
            user: "ada&co".to_owned(),
            group: "users".to_owned(),
            inode: 5,
            device_id: 6,
            size: 7,
            links: 8,
            link_target: b"caf\xe9".to_vec(),
            extended_attributes: vec![
                ExtendedAttribute { name: "user.a".to_owned(), value: vec![1, 2] },
                ExtendedAttribute { name: "user.b".to_owned(), value: vec![] },
            ],
            generic_attributes: vec![("windows.file_attributes".to_owned(), "32".to_owned())],
            device: 9,
            content: None,
            subtree: Some(Id::of(b"")),
            error: "x".to_owned(),
        };
        let expected = concat!(
            r#"{"nodes":[{"name":"cake \u003c3","type":"symlink","mode":134218239,"mtime":"2026-06-06T12:00:00.5+02:00","#,
            r#""atime":"2026-06-06T12:00:00Z","ctime":"0001-01-01T00:00:00Z","uid":0,"gid":1000,"user":"ada\u0026co","#,
            r#""group":"users","inode":5,"device_id":6,"size":7,"links":8,"linktarget":"caf\ufffd","linktarget_raw":"Y2Fm6Q==","#,
            r#""extended_attributes":[{"name":"user.a","value":"AQI="},{"name":"user.b","value":""}],"#,
            r#""generic_attributes":{"windows.file_attributes":32},"device":9,"content":null,"#,
            r#""subtree":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","error":"x"}]}"#,
            "\n"
        );
        let tree = Tree { nodes: vec![node] };
        assert_eq!(String::from_utf8(tree.encode().unwrap()).unwrap(), expected);
        assert_eq!(Tree::parse(expected.as_bytes()).unwrap(), tree);
    }

    #[test]
    fn an_empty_file_has_content_and_a_folder_has_none() {
        let tree = Tree { nodes: vec![Node::new("a", Kind::File), Node::new("b", Kind::Dir)] };
        let text = String::from_utf8(tree.encode().unwrap()).unwrap();
        assert!(
            text.contains(r#""uid":0,"gid":0,"content":[]}"#) && text.contains(r#""gid":0,"content":null}"#),
            "{text}"
        );
        assert_eq!(Tree::default().encode().unwrap(), b"{\"nodes\":[]}\n");
    }

    #[test]
    fn names_out_of_order_repeated_or_empty_are_refused() {
        for names in [["b", "a"], ["a", "a"], ["", "a"]] {
            let tree = Tree { nodes: names.map(|name| Node::new(name, Kind::File)).to_vec() };
            assert!(tree.encode().is_err() && !tree.is_ordered(), "{names:?}");
            assert!(tree.find(names[1].as_bytes()).is_some());
        }
        let mut encoder = Encoder::default();
        assert!(encoder.is_empty());
        encoder.add(&Node::new("a", Kind::File)).unwrap();
        assert_eq!(encoder.add(&Node::new("a", Kind::File)), Err(OrderError { position: 1 }));
        assert_eq!(encoder.len(), 1);
    }
}
