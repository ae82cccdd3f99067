//! What an inspection found, and the questions that it leaves to a person.

use super::{
    Error, MissingIndex, Options,
    evidence::{Answers, EdgeKey, Evidence},
    propose::{edge_key, propose},
    root::Candidate,
};
use crate::{
    mapping::{Decision, Mapping},
    schema::Schema,
};

/// A proposed mapping and what to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The mapping; it fits the database that was inspected.
    pub mapping: Mapping,
    /// Edges that nobody has decided; captures follow the assumption.
    pub questions: Vec<Question>,
    /// Indexes without which captures or restores read whole tables.
    pub missing_indexes: Vec<MissingIndex>,
    /// What may go wrong, in words.
    pub warnings: Vec<String>,
    /// Tables that may be the root, best first, five at most.
    pub candidates: Vec<Candidate>,
    /// How sure the whole is, 0-100.
    pub confidence: u8,
}

/// An edge for a person to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Position in the mapping's edges.
    pub edge: usize,
    /// What identifies the edge in later proposals.
    pub key: EdgeKey,
    /// The assumption.
    pub decision: Decision,
    /// The question in one line.
    pub text: String,
}

impl Question {
    pub(super) fn of(mapping: &Mapping) -> Vec<Self> {
        let assumed = mapping.edges.iter().enumerate().filter(|(_, edge)| edge.decision.assumed());
        assumed
            .map(|(n, edge)| {
                let only =
                    edge.only_where.as_ref().map(|w| format!(" where {} = {}", w.column, w.equals)).unwrap_or_default();
                let evidence = edge.evidence.as_deref().unwrap_or("no evidence");
                let text = format!(
                    "does a row of {} belong to the row of {} that its {} names{only}? ({evidence})",
                    edge.from,
                    edge.to,
                    edge.columns.join(", "),
                );
                Self { edge: n, key: edge_key(edge), decision: edge.decision, text }
            })
            .collect()
    }
}

/// A database that was inspected: answers give a new report without asking it again.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its catalog.
    pub schema: Schema,
    /// What is proposed.
    pub report: Report,
    evidence: Evidence,
    answers: Answers,
    options: Options,
}

impl Inspection {
    pub(super) fn new(schema: Schema, evidence: Evidence, options: Options) -> Result<Self, Error> {
        let answers = Answers::default();
        let report = propose(&schema, &evidence, &answers, &options)?;
        Ok(Self { schema, report, evidence, answers, options })
    }

    /// Decides an edge of the report's mapping, by its position. Tables that come to be owned by it, or no longer are, come
    /// and go with all that hangs on them; other answers stay. Answering again replaces the answer.
    ///
    /// # Errors
    /// None that the first proposal did not have.
    pub fn answer(&mut self, edge: usize, decision: Decision) -> Result<(), Error> {
        if let Some(edge) = self.report.mapping.edges.get(edge) {
            self.answers.0.insert(edge_key(edge), decision);
            self.report = propose(&self.schema, &self.evidence, &self.answers, &self.options)?;
        }
        Ok(())
    }

    /// What the samples said.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The mapping as commented TOML with warnings, questions and missing indexes above it.
    pub fn to_toml(&self) -> String {
        let report = &self.report;
        let mut notes =
            format!("Proposed by inspection of the database {}; {} % sure.\n", self.schema.database, report.confidence);
        if let Some(first) = report.candidates.first().filter(|first| first.table == report.mapping.wedding.table) {
            notes.push_str(&format!("The root is {}, because {}.\n", first.table, first.reasons.join("; ")));
        }
        let mut list = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                notes.push_str(&format!("\n{title}\n"));
                lines.iter().for_each(|line| notes.push_str(&format!("  {line}\n")));
            }
        };
        list("Warnings:", report.warnings.clone());
        list("Open questions (edges that are assumed):", report.questions.iter().map(|q| q.text.clone()).collect());
        let capture = |wanted: bool| report.missing_indexes.iter().filter(move |index| index.capture == wanted);
        list(
            "Without these indexes every capture of one wedding reads the whole table:",
            capture(true).map(|index| index.statement.clone()).collect(),
        );
        list(
            "Without these a restore that deletes rows is slow:",
            capture(false).map(|index| index.statement.clone()).collect(),
        );
        report.mapping.to_toml_with(notes.trim_end())
    }
}
