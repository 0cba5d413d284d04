//! What an object's message repeats of other objects.

use crate::RegistryFile;
use crate::convert::time::decode_meta;
use crate::feast::core::{DataSource, FeatureView, StreamFeatureView};
use prost::Message;
use provender_core::Timestamp;
use provender_core::model::{Meta, ObjectKind};

/// The registry around an object that is being written.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    /// The object's project.
    pub(crate) project: &'a str,
    /// When it is written.
    pub(crate) now: Timestamp,
    /// Where the other objects are.
    pub(crate) file: &'a RegistryFile,
}

impl Scope<'_> {
    /// The times of a listed data source.
    pub(crate) fn source_times(&self, name: &str) -> Option<Meta> {
        let meta = DataSource::decode(self.object(ObjectKind::DataSource, name)?).ok()?.meta?;
        Some(decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()))
    }

    /// The batch source of a batch or stream feature view.
    pub(crate) fn batch_source(&self, view: &str) -> Option<DataSource> {
        if let Some(bytes) = self.object(ObjectKind::FeatureView, view) {
            return FeatureView::decode(bytes).ok()?.spec?.batch_source;
        }
        let bytes = self.object(ObjectKind::StreamFeatureView, view)?;
        StreamFeatureView::decode(bytes).ok()?.spec?.batch_source
    }

    fn object(&self, kind: ObjectKind, name: &str) -> Option<&[u8]> {
        self.file.find(kind, self.project, name)
    }
}
