//! Where the history of a view is: its batch source under stored column names, and the store that reads it.

use provender_core::model::{DataSource, FeatureView, Field};
use provender_core::offline::{FeatureColumn, KeyColumn, KnownAt};
use provender_core::{Error, OfflineStore, Result, ValueType};
use std::sync::Arc;

/// The batch source of a view. Definitions name columns after field mapping, stores know them before it: everything here is translated.
#[derive(Clone, Debug)]
pub(crate) struct History<'a> {
    pub(crate) source: &'a DataSource,
    /// Stored column of the event time.
    pub(crate) event_column: String,
    /// Stored column of the created time, if the source has one.
    pub(crate) created_column: Option<String>,
}

impl<'a> History<'a> {
    /// # Errors
    /// `Invalid` if the view has no batch source, or nothing says which column holds its time.
    pub(crate) fn of(view: &'a FeatureView) -> Result<Self> {
        let Some(source) = view.batch_source.as_ref().and_then(DataSource::batch) else {
            return Err(Error::invalid(format!("feature view {} has no batch source", view.name))
                .with("view", &view.name)
                .with("field", "source"));
        };
        if source.timestamp_field.is_empty() {
            return Err(Error::invalid("the data source does not say which column holds the event time")
                .with("view", &view.name)
                .with("source", &source.name)
                .with("field", "timestamp_field"));
        }
        let created = &source.created_timestamp_column;
        Ok(Self {
            source,
            event_column: source.physical(&source.timestamp_field).to_owned(),
            created_column: (!created.is_empty()).then(|| source.physical(created).to_owned()),
        })
    }

    /// Which rows count as known unless the request says: `known_at` among the source's tags, else the event time alone.
    ///
    /// # Errors
    /// `Invalid` if the tag says neither `created` nor `none`, or `created` of a source without created column.
    pub(crate) fn known_at(&self) -> Result<KnownAt> {
        let invalid = |why: &'static str, value: &str, expected: &'static str| {
            Error::invalid(why)
                .with("source", &self.source.name)
                .with("field", "tags.known_at")
                .with("value", value)
                .with("expected", expected)
        };
        match self.source.tags.get("known_at").map(String::as_str) {
            None | Some("none") => Ok(KnownAt::Event),
            Some("created") if self.created_column.is_some() => Ok(KnownAt::Created),
            Some(value @ "created") => Err(invalid(
                "a source without created times cannot be known by them",
                value,
                "created_timestamp_column",
            )),
            Some(value) => {
                Err(invalid("a tag of the data source is not understood", value, "created or none"))
            }
        }
    }

    /// A join key under the name by which the request knows it.
    pub(crate) fn key(&self, key: &str, name: &str, value_type: ValueType) -> KeyColumn {
        KeyColumn { name: name.to_owned(), column: self.source.physical(key).to_owned(), value_type }
    }

    /// A feature under the name that the request gives it.
    pub(crate) fn feature(&self, field: &Field, name: &str) -> FeatureColumn {
        FeatureColumn {
            name: name.to_owned(),
            column: self.source.physical(&field.name).to_owned(),
            value_type: field.value_type,
        }
    }

    /// Index of the first offline store that reads the source.
    ///
    /// # Errors
    /// `Unsupported` if none does.
    pub(crate) fn store(&self, view: &str, stores: &[Arc<dyn OfflineStore>]) -> Result<usize> {
        stores.iter().position(|store| store.reads(self.source)).ok_or_else(|| {
            Error::unsupported("no offline store of this repository reads that source")
                .with("view", view)
                .with("source", &self.source.name)
                .with("type", self.source.kind.class())
                .with("expected", "a store that reads it in offline_store or offline_stores")
        })
    }
}
