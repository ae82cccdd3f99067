//! A source is looked at, and a mapping proposed.

use super::{CredentialPurpose, credential, find, subject};
use crate::{
    error::{Code, Error, Result},
    mapping,
    service::{Caller, Service},
};
use keepsake_catalog::sources::{Kind, Source};
use keepsake_domain::{SourceId, permission::Action};

/// What inspection proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The mapping as a commented document, to be edited and set.
    pub mapping: String,
    /// How sure the whole is, 0 to 100.
    pub confidence: u8,
    /// What a person should decide.
    pub questions: Vec<String>,
    /// What may go wrong.
    pub warnings: Vec<String>,
}

/// Inspects a database and proposes a mapping. Nothing is stored.
///
/// # Errors
/// [`Code::DatabaseUnsuitable`], [`Code::DatabaseUnreachable`]; else by cause.
pub async fn inspect(service: &Service, caller: &Caller, id: SourceId) -> Result<Proposal> {
    let source = find(service, caller, Action::SourceInspect, id).await?;
    let work = async {
        only_databases(&source)?;
        let dsn = credential::dsn(service, &source, CredentialPurpose::Capture).await?;
        let inspection = mapping::propose(&dsn).await?;
        Ok(Proposal {
            mapping: inspection.to_toml(),
            confidence: inspection.report.confidence,
            questions: inspection.report.questions.into_iter().map(|question| question.text).collect(),
            warnings: inspection.report.warnings,
        })
    };
    let relation = caller.relation_to(source.organisation);
    service.act(caller, Action::SourceInspect, relation, &subject(id), Some(source.organisation), work).await
}

pub(super) fn only_databases(source: &Source) -> Result<()> {
    match source.kind {
        Kind::Database => Ok(()),
        Kind::Bucket | Kind::Directory => {
            Err(Error::new(Code::Invalid, "this source is no database: it has no weddings and no mapping"))
        }
    }
}
