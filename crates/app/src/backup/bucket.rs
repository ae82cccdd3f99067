//! Copying a bucket into a backup: each object is a file at its key, or, where a key is no path, a file named by its hash
//! and a line in a manifest (docs/format/files.md).

use super::commit::backup_error;
use crate::{
    context::Context,
    error::{Code, Error, Result},
    issue::Issue,
    storage::failed,
};
use aws_lc_rs::digest;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use keepsake_store::{Bucket, BucketObject, Location, OpenObject, Options};
use keepsake_vault::{
    backup::{Backup, FileMeta},
    tree::ExtendedAttribute,
};
use serde::Serialize;
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

/// Objects read at the same time.
const OBJECTS_AT_ONCE: usize = 8;
/// Longest name that common file systems take.
const NAME_BYTES_MAX: usize = 255;
/// Folder of the objects whose keys are no paths.
const KEYS: &str = ".keepsake-keys";
/// Content types that say nothing.
const UNSPECIFIC: [&str; 2] = ["application/octet-stream", "binary/octet-stream"];

/// What `.keepsake-keys/manifest.json` holds.
#[derive(Serialize)]
struct Manifest<'a> {
    version: u32,
    bucket: &'a str,
    objects: Vec<Kept>,
}

/// An object that is not at its key.
#[derive(Debug, Serialize)]
struct Kept {
    key: String,
    file: String,
    size_bytes: u64,
    modified: jiff::Timestamp,
}

/// Copies every object of the bucket that `url` names. Gives the folder that they are in, and what could not be read.
pub(super) async fn copy(context: &Context, backup: &Backup, url: &str) -> Result<(Vec<String>, Vec<Issue>)> {
    let invalid = |error| Error::because(Code::StorageInvalid, "the bucket cannot be used", error);
    let Location::S3(place) = url.parse().map_err(invalid)? else {
        return Err(Error::new(Code::StorageInvalid, "only s3://bucket/prefix can be read as a bucket"));
    };
    let options = Options { clock: std::sync::Arc::clone(&context.clock), ..Options::from_process() };
    let bucket = Bucket::open(&place, &options).map_err(invalid)?;
    let (prefix, root) = match &place.prefix {
        Some(prefix) => (format!("{prefix}/"), format!("/{}/{prefix}", place.bucket)),
        None => (String::new(), format!("/{}", place.bucket)),
    };
    let copying = Copying {
        context,
        backup,
        bucket,
        prefix,
        root,
        folders: HashSet::new(),
        kept: Mutex::default(),
        issues: Mutex::default(),
    };
    copying.run(&place.bucket).await
}

struct Copying<'a> {
    context: &'a Context,
    backup: &'a Backup,
    bucket: Bucket,
    prefix: String,
    root: String,
    /// Hashes of everything that is a folder of some key, so that millions of keys need little memory. Two that collide
    /// only put one object more into the manifest.
    folders: HashSet<u64>,
    kept: Mutex<Vec<Kept>>,
    issues: Mutex<Vec<Issue>>,
}

impl Copying<'_> {
    async fn run(mut self, bucket: &str) -> Result<(Vec<String>, Vec<Issue>)> {
        self.find_folders().await?;
        let copying = &self;
        self.bucket
            .list()
            .map_err(unlisted)
            .try_for_each_concurrent(OBJECTS_AT_ONCE, |object| copying.object(object))
            .await?;
        let mut kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !kept.is_empty() {
            kept.sort_by(|one, two| one.key.cmp(&two.key));
            let manifest = Manifest { version: 1, bucket, objects: kept };
            let text = serde_json::to_vec_pretty(&manifest)
                .map_err(|error| Error::because(Code::FilesFailed, "the manifest of keys cannot be written", error))?;
            let path = format!("{}/{KEYS}/manifest.json", self.root);
            let mut file = self.backup.file(path, FileMeta::default()).map_err(backup_error)?;
            file.write(Bytes::from(text)).await.map_err(backup_error)?;
            file.finish().await.map_err(backup_error)?;
        }
        Ok((vec![self.root], self.issues.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// A first listing, for what is a folder: a key can be one too, and a file cannot.
    async fn find_folders(&mut self) -> Result<()> {
        let mut listing = self.bucket.list();
        while let Some(object) = listing.try_next().await.map_err(unlisted)? {
            self.context.still_wanted()?;
            self.folders.extend(parents(self.below(&object.key)).map(hash));
        }
        Ok(())
    }

    /// A key without the prefix that was asked for.
    fn below<'k>(&self, key: &'k str) -> &'k str {
        key.strip_prefix(&self.prefix).unwrap_or(key)
    }

    /// Whether the object can be a file at its key. A folder that was not there at the first listing is not relied on.
    fn is_path(&self, key: &str) -> bool {
        let below = self.below(key);
        let plain = |segment: &str| {
            !matches!(segment, "" | "." | "..") && segment.len() <= NAME_BYTES_MAX && !segment.contains('\0')
        };
        below.split('/').all(plain)
            && below.split('/').next() != Some(KEYS)
            && !self.folders.contains(&hash(below))
            && parents(below).all(|folder| self.folders.contains(&hash(folder)))
    }

    /// Copies one object, or notes why not.
    async fn object(&self, object: BucketObject) -> Result<()> {
        self.context.still_wanted()?;
        let opened = match self.bucket.read(&object.key).await {
            Ok(opened) => opened,
            // Deleted since it was listed: it is not there.
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => {
                let issue = Issue {
                    code: "object-unreadable".to_owned(),
                    subject: format!("{}/{}", self.root, self.below(&object.key)),
                    message: Error::because(Code::FilesFailed, "not read", error).chain(),
                };
                self.issues.lock().unwrap_or_else(PoisonError::into_inner).push(issue);
                return Ok(());
            }
        };
        let path = if self.is_path(&object.key) {
            format!("{}/{}", self.root, self.below(&object.key))
        } else {
            let file = hex::encode(digest::digest(&digest::SHA256, object.key.as_bytes()));
            let path = format!("{}/{KEYS}/{file}", self.root);
            let (key, size_bytes, modified) = (object.key.clone(), opened.size_bytes, object.modified);
            let kept = Kept { key, file, size_bytes, modified };
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            path
        };
        self.content(&path, &object, opened).await
    }

    async fn content(&self, path: &str, object: &BucketObject, mut opened: OpenObject) -> Result<()> {
        let info = FileMeta { modified: Some(object.modified), attributes: attributes(&opened), ..FileMeta::default() };
        let mut file = self.backup.file(path, info).map_err(backup_error)?;
        while let Some(piece) = opened.bytes.next().await {
            // A file that was begun cannot be taken back: half an object must not pass for a whole one.
            let piece = piece.map_err(|error| failed("an object broke off while it was read", error))?;
            file.write(piece).await.map_err(backup_error)?;
        }
        file.finish().await.map_err(backup_error)?;
        Ok(())
    }
}

fn unlisted(error: keepsake_store::Error) -> Error {
    failed("could not list the bucket", error)
}

/// The folders of a key, from the deepest up.
fn parents(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(key.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/')).map(|(folder, _)| folder)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// What the bucket says of an object beside its content.
fn attributes(object: &OpenObject) -> Vec<ExtendedAttribute> {
    let kind = object.content_type.iter().filter(|kind| !UNSPECIFIC.contains(&kind.as_str()));
    let kind = kind.map(|kind| ("user.mime_type".to_owned(), kind));
    let said = object.metadata.iter().map(|(name, value)| (format!("user.s3.{name}"), value));
    kind.chain(said).map(|(name, value)| ExtendedAttribute { name, value: value.as_bytes().to_vec() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_key_are_all_above_it() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(parents("a").count(), 0);
        assert_eq!(parents("/a").collect::<Vec<_>>(), [""]);
        assert_eq!(parents("a//b").collect::<Vec<_>>(), ["a/", "a"]);
    }
}
