//! Data sources.

mod options;

use super::time::{decode_meta, encode, stamp};
use crate::feast::core::DataSource as Wire;
use crate::feast::core::data_source::SourceType;
use crate::scope::Scope;
use provender_core::Result;
use provender_core::model::{DataSource, FileFormat, Meta, SourceKind};

/// Tag that says what Feast's message has no word for: files of comma separated values.
const FORMAT_TAG: &str = "provender:file_format";
const CSV: &str = "csv";

/// Where a source message stands; Feast fills it differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// In the registry's own list: with project, class and times of its own.
    Listed,
    /// A copy in a view: with class.
    View,
    /// A copy behind a push source, in a projection or as request data: without class, unless the class is all that tells what it is.
    Inner,
}

pub(crate) fn decode(mut message: Wire) -> DataSource {
    let batch = message.batch_source.take().map(|batch| Box::new(decode(*batch)));
    let kind = options::decode(&message, batch);
    let meta = message.meta.unwrap_or_default();
    if says_csv(&message) {
        message.tags.remove(FORMAT_TAG);
    }
    let mut source = DataSource {
        name: message.name,
        kind,
        timestamp_field: message.timestamp_field,
        created_timestamp_column: message.created_timestamp_column,
        date_partition_column: message.date_partition_column,
        field_mapping: message.field_mapping,
        description: message.description,
        tags: message.tags,
        owner: message.owner,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    };
    forget_repeated(&mut source);
    source
}

fn says_csv(message: &Wire) -> bool {
    message.tags.get(FORMAT_TAG).is_some_and(|format| format == CSV)
}

/// A push source repeats its batch source's columns on the wire only.
fn forget_repeated(source: &mut DataSource) {
    let SourceKind::Push { batch: Some(batch) } = &source.kind else { return };
    if source.timestamp_field == batch.timestamp_field
        && source.created_timestamp_column == batch.created_timestamp_column
        && source.date_partition_column == batch.date_partition_column
        && source.field_mapping == batch.field_mapping
    {
        source.timestamp_field.clear();
        source.created_timestamp_column.clear();
        source.date_partition_column.clear();
        source.field_mapping.clear();
    }
}

/// Whether two sources are the same but for their times.
pub(crate) fn equal(one: &DataSource, other: &DataSource) -> bool {
    fn timeless(source: &DataSource) -> DataSource {
        let mut source = DataSource { meta: Meta::default(), ..source.clone() };
        forget_repeated(&mut source);
        if let SourceKind::Push { batch }
        | SourceKind::Kafka { batch, .. }
        | SourceKind::Kinesis { batch, .. } = &mut source.kind
        {
            *batch = batch.as_deref().map(|batch| Box::new(timeless(batch)));
        }
        source
    }
    timeless(one) == timeless(other)
}

/// # Errors
/// `Invalid` for options that no message of Feast holds.
pub(crate) fn edit(message: &mut Wire, source: &DataSource, place: Place, scope: &Scope<'_>) -> Result<()> {
    let source_type = options::source_type(&source.kind);
    if message.r#type != source_type {
        message.options = None;
        message.batch_source = None;
        message.data_source_class_type.clear();
        message.r#type = source_type;
    }
    message.name.clone_from(&source.name);
    message.description.clone_from(&source.description);
    message.owner.clone_from(&source.owner);
    edit_tags(message, source);
    edit_columns(message, source);
    options::edit(message, &source.kind)?;
    edit_batch(message, &source.kind, scope)?;
    edit_class(message, &source.kind, place);
    message.project = if place == Place::Listed { scope.project.to_owned() } else { String::new() };
    edit_times(message, source.meta, place, scope);
    Ok(())
}

fn edit_tags(message: &mut Wire, source: &DataSource) {
    message.tags.clone_from(&source.tags);
    if matches!(source.kind, SourceKind::File { format: FileFormat::Csv, .. }) {
        message.tags.insert(FORMAT_TAG.into(), CSV.into());
    }
}

fn edit_columns(message: &mut Wire, source: &DataSource) {
    let mut columns = source;
    if let SourceKind::Push { batch: Some(batch) } = &source.kind
        && source.timestamp_field.is_empty()
        && source.created_timestamp_column.is_empty()
        && source.field_mapping.is_empty()
    {
        columns = batch;
    }
    message.timestamp_field.clone_from(&columns.timestamp_field);
    message.created_timestamp_column.clone_from(&columns.created_timestamp_column);
    message.date_partition_column.clone_from(&columns.date_partition_column);
    message.field_mapping.clone_from(&columns.field_mapping);
}

fn edit_batch(message: &mut Wire, kind: &SourceKind, scope: &Scope<'_>) -> Result<()> {
    let (SourceKind::Push { batch } | SourceKind::Kafka { batch, .. } | SourceKind::Kinesis { batch, .. }) =
        kind
    else {
        return Ok(());
    };
    match batch {
        None => message.batch_source = None,
        Some(batch) => edit(message.batch_source.get_or_insert_default(), batch, Place::Inner, scope)?,
    }
    Ok(())
}

fn edit_class(message: &mut Wire, kind: &SourceKind, place: Place) {
    if place == Place::Inner && !tells_by_class(message.r#type) {
        message.data_source_class_type.clear();
    } else if message.data_source_class_type.is_empty() {
        message.data_source_class_type = match kind {
            SourceKind::Other { class, .. } if !class.is_empty() => class.clone(),
            _ => options::class(message.r#type).to_owned(),
        };
    }
}

/// Whether Feast writes the class of such a source even where it leaves out others'.
pub(crate) fn tells_by_class(source_type: i32) -> bool {
    [SourceType::CustomSource, SourceType::BatchSpark, SourceType::BatchIceberg]
        .map(i32::from)
        .contains(&source_type)
}

/// A listed source was changed now; a copy has the times of the listed one.
fn edit_times(message: &mut Wire, own: Meta, place: Place, scope: &Scope<'_>) {
    let listed = if place == Place::Listed { None } else { scope.source_times(&message.name) };
    let meta = message.meta.get_or_insert_default();
    match listed {
        Some(times) => {
            meta.created_timestamp = times.created.map(encode);
            meta.last_updated_timestamp = times.updated.map(encode);
        }
        None => stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, own, scope.now),
    }
}
