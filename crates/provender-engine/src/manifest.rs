//! The manifest of a training set: all that it takes to build it again and to prove that it is the same. `docs/training-sets.md` describes the document.

mod canonical;
mod content;
mod definition;
mod record;
mod recorder;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use canonical::digest;
pub use content::{BLOCK_ROWS, ColumnContent, Content, ContentHasher};
pub use definition::Definition;
pub(crate) use definition::{definitions, restored};
pub use record::{
    AgeRecord, EntityOrigin, EntityRows, FileRecord, KeyRecord, PlanRecord, ReportRecord, RequestRecord,
    ResultRecord, SourceRecord, StateRecord, ViewPlan, ViewRecord,
};
pub(crate) use recorder::Draft;
pub use recorder::Recorder;

use provender_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the document says that it is.
const FORMAT: &str = "provender training set";
/// The newest schema of the document that this version reads, and the one that it writes.
const SCHEMA: u64 = 1;

/// All that it takes to build a training set again and to prove that it is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `provender training set`.
    format: String,
    /// Version of this document's schema.
    schema: u64,
    /// Version of Provender that built the training set.
    pub engine: String,
    /// When it was built.
    pub created: String,
    /// Project of the definitions.
    pub project: String,
    /// What was asked.
    pub request: RequestRecord,
    /// The entity rows.
    pub entity_rows: EntityRows,
    /// The definitions that were used.
    pub definitions: Vec<Definition>,
    /// What state of its source each view was read from.
    pub sources: Vec<SourceRecord>,
    /// What was joined.
    pub plan: PlanRecord,
    /// What came out.
    pub result: ResultRecord,
    /// What the join found: the leakage report.
    pub report: ReportRecord,
    /// SHA-256 of the document without this field, in canonical form.
    checksum: String,
}

impl Manifest {
    /// The document, indented.
    ///
    /// # Errors
    /// `Internal` if it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        let failed = |e| Error::internal("cannot write the manifest").because(e);
        let mut value = serde_json::to_value(self).map_err(failed)?;
        let checksum = checksum(&value);
        if let Some(object) = value.as_object_mut() {
            object.insert("checksum".to_owned(), checksum.into());
        }
        serde_json::to_string_pretty(&value).map(|text| text + "\n").map_err(failed)
    }

    /// Reads a document and checks that it is whole.
    ///
    /// # Errors
    /// `Invalid` for what is no manifest, is damaged or was changed; `Unsupported` for one of a newer schema.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|e| Error::invalid("the manifest is not readable JSON").because(e))?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(Error::invalid("not the manifest of a training set")
                .with("field", "format")
                .with("expected", FORMAT));
        }
        let schema = value.get("schema").and_then(Value::as_u64).unwrap_or(0);
        if schema > SCHEMA {
            return Err(Error::unsupported("the manifest was written by a newer version of Provender")
                .with("schema", schema)
                .with("engine", value.get("engine").and_then(Value::as_str).unwrap_or_default())
                .with("expected", format!("schema {SCHEMA}")));
        }
        if value.get("checksum").and_then(Value::as_str) != Some(&checksum(&value)) {
            return Err(Error::invalid("the manifest is damaged, or was changed after it was written")
                .with("field", "checksum"));
        }
        serde_json::from_value(value).map_err(|e| Error::invalid("the manifest is damaged").because(e))
    }
}

fn checksum(document: &Value) -> String {
    let mut rest = document.clone();
    if let Some(object) = rest.as_object_mut() {
        object.remove("checksum");
    }
    digest(&rest)
}
