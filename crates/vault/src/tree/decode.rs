//! Reads a tree: tolerant of what is unknown, strict in what is known.

use super::{ExtendedAttribute, Kind, Node, Tree, go};
use crate::{
    id::Id,
    json::{self, JsonError},
    time::Time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// A blob that is no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It is no such document.
    #[error("it is no such document: {0}")]
    Json(#[from] JsonError),
    /// A name is not as Go quotes it.
    #[error("the name of node {position} cannot be read")]
    Name {
        /// Its number, from 0.
        position: usize,
    },
    /// Bytes are not base64.
    #[error("an attribute or link target of node {position} is not base64")]
    Base64 {
        /// Its number, from 0.
        position: usize,
    },
}

#[derive(Deserialize)]
struct TreeJson<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    nodes: Vec<NodeJson<'a>>,
}

#[derive(Deserialize)]
struct NodeJson<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "type", borrow, default, deserialize_with = "nullable")]
    kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "nullable")]
    mode: u32,
    mtime: Option<Time>,
    atime: Option<Time>,
    ctime: Option<Time>,
    #[serde(default, deserialize_with = "nullable")]
    uid: u32,
    #[serde(default, deserialize_with = "nullable")]
    gid: u32,
    #[serde(default, deserialize_with = "nullable")]
    user: String,
    #[serde(default, deserialize_with = "nullable")]
    group: String,
    #[serde(default, deserialize_with = "nullable")]
    inode: u64,
    #[serde(default, deserialize_with = "nullable")]
    device_id: u64,
    #[serde(default, deserialize_with = "nullable")]
    size: u64,
    #[serde(default, deserialize_with = "nullable")]
    links: u64,
    #[serde(borrow, default, deserialize_with = "nullable")]
    linktarget: Cow<'a, str>,
    #[serde(borrow)]
    linktarget_raw: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    extended_attributes: Vec<AttributeJson<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    generic_attributes: BTreeMap<String, &'a RawValue>,
    #[serde(default, deserialize_with = "nullable")]
    device: u64,
    content: Option<Vec<Id>>,
    subtree: Option<Id>,
    #[serde(default, deserialize_with = "nullable")]
    error: String,
}

#[derive(Deserialize)]
struct AttributeJson<'a> {
    name: String,
    #[serde(borrow, default, deserialize_with = "nullable")]
    value: Cow<'a, str>,
}

/// Go reads null as nothing, in any field.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

pub(super) fn parse(json: &[u8]) -> Result<Tree, ParseError> {
    let tree: TreeJson<'_> = json::parse(json)?;
    let nodes = tree.nodes.into_iter().enumerate().map(|(position, node)| node.decode(position));
    Ok(Tree { nodes: nodes.collect::<Result<_, _>>()? })
}

impl NodeJson<'_> {
    fn decode(self, position: usize) -> Result<Node, ParseError> {
        let base64 = |text: &str| STANDARD.decode(text).map_err(|_| ParseError::Base64 { position });
        let mut extended_attributes = Vec::with_capacity(self.extended_attributes.len());
        for AttributeJson { name, value } in self.extended_attributes {
            extended_attributes.push(ExtendedAttribute { name, value: base64(&value)? });
        }
        let link_target = match self.linktarget_raw {
            Some(raw) => base64(&raw)?,
            None => self.linktarget.into_owned().into_bytes(),
        };
        let generic = self.generic_attributes.into_iter().map(|(name, json)| (name, json.get().to_owned()));
        Ok(Node {
            name: go::unquote(&self.name).ok_or(ParseError::Name { position })?,
            kind: Kind::parse(&self.kind),
            mode: self.mode,
            mtime: self.mtime.unwrap_or_else(Time::zero),
            atime: self.atime.unwrap_or_else(Time::zero),
            ctime: self.ctime.unwrap_or_else(Time::zero),
            uid: self.uid,
            gid: self.gid,
            user: self.user,
            group: self.group,
            inode: self.inode,
            device_id: self.device_id,
            size: self.size,
            links: self.links,
            link_target,
            extended_attributes,
            generic_attributes: generic.collect(),
            device: self.device,
            content: self.content,
            subtree: self.subtree,
            error: self.error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unknown_fields_and_nulls_are_passed_over() {
        let json =
            br#"{"later":{"a":[1]},"nodes":[{"name":"a","type":"portal","mode":null,"new":1,"extended_attributes":null,
            "content":null,"subtree":null,"linktarget":null}],"more":2}"#;
        let tree = Tree::parse(json).unwrap();
        assert_eq!(tree.nodes[0], Node { content: None, ..Node::new("a", Kind::Unknown("portal".into())) });
        for empty in [r#"{"nodes":null}"#, r#"{"nodes":[]}"#, "{}"] {
            assert_eq!(Tree::parse(empty.as_bytes()).unwrap(), Tree::default());
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_without_quoting_it() {
        for (json, expected) in [
            (r#"{"nodes":[{"name":"Ada\\q"}]}"#, ParseError::Name { position: 0 }),
            (r#"{"nodes":[{"name":"a","linktarget_raw":"*"}]}"#, ParseError::Base64 { position: 0 }),
            (
                r#"{"nodes":[{"name":"a","extended_attributes":[{"name":"b","value":"*"}]}]}"#,
                ParseError::Base64 { position: 0 },
            ),
        ] {
            assert_eq!(Tree::parse(json.as_bytes()).unwrap_err(), expected);
        }
        for json in [
            "",
            "[]",
            r#"{"nodes":[{"type":"Ada"}]}"#,
            r#"{"nodes":[{"name":"a","uid":"Ada"}]}"#,
            r#"{"nodes":[{"name":"a","mtime":"Ada"}]}"#,
        ] {
            let error = Tree::parse(json.as_bytes()).unwrap_err();
            assert!(matches!(error, ParseError::Json(_)) && !error.to_string().contains("Ada"), "{error}");
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = format!("{}1{}", "[".repeat(300_000), "]".repeat(300_000));
        assert!(Tree::parse(format!(r#"{{"later":{deep},"nodes":[]}}"#).as_bytes()).is_ok());
        assert!(Tree::parse(format!(r#"{{"nodes":{deep}}}"#).as_bytes()).is_err());
    }

    prop_compose! {
        fn node()(
            name in prop::collection::vec(any::<u8>(), 1..12),
            numbers in any::<[u32; 6]>(),
            text in ".{0,8}",
            bytes in prop::collection::vec(any::<u8>(), 0..9),
            seconds in 0..4_000_000_000_i64,
            blobs in 0..3_usize,
            kind in 0..9_usize,
        ) -> Node {
            let words = ["file", "dir", "symlink", "dev", "chardev", "fifo", "socket", "irregular", "<odd>"];
            let kind = Kind::parse(words[kind]);
            let [mode, uid, gid, inode, size, links] = numbers;
            Node {
                mode, uid, gid,
                inode: inode.into(), size: size.into(), links: links.into(),
                mtime: Time::utc(jiff::Timestamp::new(seconds, 120).unwrap()),
                user: text.clone(), group: text.clone(), error: text.clone(),
                link_target: bytes.clone(),
                extended_attributes: vec![ExtendedAttribute { name: text, value: bytes }],
                content: (kind == Kind::File).then(|| vec![Id::of(b"blob"); blobs]),
                subtree: (kind == Kind::Dir).then(|| Id::of(b"tree")),
                ..Node::new(name, kind)
            }
        }
    }

    proptest! {
        #[test]
        fn trees_round_trip(mut nodes in prop::collection::vec(node(), 0..6)) {
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            nodes.dedup_by(|a, b| a.name == b.name);
            let tree = Tree { nodes };
            let json = tree.encode().unwrap();
            let read = Tree::parse(&json).unwrap();
            prop_assert_eq!(read.encode().unwrap(), json);
            prop_assert!(read.is_ordered());
            prop_assert!(read.nodes.iter().zip(&tree.nodes).all(|(a, b)| a == b && tree.find(&a.name) == Some(b)));
        }

        #[test]
        fn parsing_never_panics(noise in ".{0,200}") {
            let _ = Tree::parse(noise.as_bytes());
        }
    }
}
