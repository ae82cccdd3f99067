//! The mapping of a source: what a wedding is in it.

use super::{CredentialPurpose, Purpose, credential, find, inspect::only_databases, open, subject};
use crate::{
    error::{Code, Error, Result},
    mapping::{self, Written},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::sources;
use keepsake_domain::{SourceId, permission::Action};
use keepsake_postgres::{
    mapping::{Mapping, Mismatch, Place},
    schema,
};
use std::collections::BTreeSet;

/// A mapping with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The document, with its comments.
    pub text: String,
    /// Counts changes.
    pub version: i64,
}

/// A mapping longer than this is refused.
const LONGEST_BYTES: usize = 512 * 1024;

/// The mapping of a source.
///
/// # Errors
/// [`Code::NotFound`], also if it has none yet.
pub async fn mapping(service: &Service, caller: &Caller, id: SourceId) -> Result<Mapped> {
    let source = find(service, caller, Action::SourceRead, id).await?;
    let relation = caller.relation_to(source.organisation);
    service.allow(caller, Action::SourceRead, relation, &subject(id), Some(source.organisation)).await?;
    let none = || Error::new(Code::NotFound, "the source has no mapping yet: inspect it, and set what is proposed");
    Ok(Mapped { text: source.mapping.ok_or_else(none)?, version: source.mapping_version })
}

/// Sets the mapping of a source, if it fits the database as it is today and is still of version `version` (0: none yet). The
/// new version.
///
/// # Errors
/// [`Code::MappingInvalid`] and [`Code::MappingMismatch`] with the lines; [`Code::Stale`]; else by cause.
pub async fn set_mapping(service: &Service, caller: &Caller, id: SourceId, version: i64, text: String) -> Result<i64> {
    let source = find(service, caller, Action::MappingReplace, id).await?;
    let work = async {
        only_databases(&source)?;
        if text.len() > LONGEST_BYTES {
            return Err(Error::new(Code::MappingInvalid, "the mapping is longer than 512 KiB"));
        }
        let written = mapping::parse(text, "the document")?;
        if !caller.scope.operator {
            refuse_places(&written, source.mapping.as_deref())?;
        }
        let dsn = credential::dsn(service, &source, CredentialPurpose::Capture).await?;
        let session = open(&dsn, Purpose::Inspect).await?;
        let schema = schema::read(&session.client).await.map_err(|error| {
            Error::because(Code::DatabaseUnreachable, "the database's catalog could not be read", error)
        })?;
        written.check_fit(&schema)?;
        let mut tx = service.begin(caller).await?;
        let set = sources::set_mapping(&mut tx, id, version, &written.text).await.map_err(failed)?;
        let set = set.ok_or_else(|| Error::new(Code::Stale, "the mapping was changed meanwhile"))?;
        tx.commit().await.map_err(failed)?;
        Ok(set)
    };
    let relation = caller.relation_to(source.organisation);
    service.act(caller, Action::MappingReplace, relation, &subject(id), Some(source.organisation), work).await
}

/// Folders of the host, and buckets that are opened with the service's own keys, are the operator's (S29): others may keep those
/// that the operator set, and add none.
fn refuse_places(written: &Written, before: Option<&str>) -> Result<()> {
    let before = before.and_then(|text| Mapping::parse(text).ok());
    let kept: BTreeSet<(String, Option<String>)> =
        before.into_iter().flat_map(|mapping| mapping.files).map(|file| (file.store, file.location)).collect();
    let files = written.mapping.files.iter().enumerate();
    let lines: Vec<String> = files
        .filter(|(_, file)| file.location.is_some() && !kept.contains(&(file.store.clone(), file.location.clone())))
        .map(|(n, _)| {
            let place = Place::of(["file".into(), n.into(), "location".into()]);
            let message =
                "where files are is set by the operator of this installation: leave `location` out".to_owned();
            Mismatch { place, line: None, message }.located(&written.text).to_string()
        })
        .collect();
    if lines.is_empty() { Ok(()) } else { Err(Error::new(Code::MappingInvalid, lines.join("; "))) }
}
