//! The answer as a batch of Arrow, for callers that work on columns.

use super::answer::Row;
use super::keys::Echo;
use super::{OnlineAnswer, Status};
use arrow_array::builder::BinaryBuilder;
use arrow_array::{
    ArrayRef, BinaryArray, DictionaryArray, Int8Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{Field, Schema};
use provender_core::value::{decode, read};
use provender_core::{Error, Kind, Result, ValueType, timestamp_type};
use std::sync::Arc;

/// Columns: entity columns and features; with `details`, then a status of each feature and an event time of each view.
pub(super) fn batch(answer: &OnlineAnswer, details: bool) -> Result<RecordBatch> {
    let mut columns = Columns::default();
    for key in &answer.keys.echoed {
        columns.add(key.name.clone(), key_column(key)?);
    }
    let views: Vec<Vec<Row>> = (0..answer.plan.views.len())
        .map(|view| (0..answer.rows()).map(|row| answer.row(view, row)).collect())
        .collect();
    let mut statuses = Vec::new();
    for feature in &answer.plan.features {
        let mut values = BinaryBuilder::with_capacity(answer.rows(), answer.rows() * 8);
        let mut codes = Vec::with_capacity(answer.rows());
        let cells = answer.column(feature.view, feature.slot);
        for row in &views[feature.view] {
            let (value, status) = cells.value(row);
            values.append_value(value);
            codes.push(status);
        }
        let column = column(&values.finish(), feature_type(answer, feature.view, feature.slot))
            .map_err(|e| e.with("feature", &feature.name))?;
        columns.add(feature.name.clone(), column);
        statuses.push(codes);
    }
    if details {
        for (feature, codes) in answer.plan.features.iter().zip(&statuses) {
            columns.add(format!("{}__status", feature.name), status_column(codes)?);
        }
        for (view, rows) in answer.plan.views.iter().zip(&views) {
            columns.add(format!("{}__event_timestamp", view.name), time_column(rows));
        }
    }
    columns.finish(answer.rows())
}

fn feature_type(answer: &OnlineAnswer, view: usize, slot: usize) -> ValueType {
    let plan = &answer.plan.views[view];
    plan.table.features[plan.features[slot]].1
}

/// Join keys have no nulls, and all rows of one were encoded as one type.
fn key_column(key: &Echo) -> Result<ArrayRef> {
    let values: BinaryArray = key.values().map(Some).collect();
    let value_type =
        key.values().next().map_or(Ok(ValueType::STRING), |value| read(value).map(|(t, _)| t))?;
    column(&values, value_type).map_err(|e| e.with("join_key", &key.name))
}

/// What is stored is no fault of the caller.
fn column(values: &BinaryArray, value_type: ValueType) -> Result<ArrayRef> {
    decode(values, value_type).map_err(|error| match error.kind() {
        Kind::Invalid => Error::internal("a value of another type than its feature's is stored")
            .with("expected", value_type)
            .because(error),
        _ => error,
    })
}

fn status_column(statuses: &[Status]) -> Result<ArrayRef> {
    let names: StringArray = Status::ALL.iter().map(|status| Some(status.name())).collect();
    // statuses are numbered from 1
    let codes: Int8Array = statuses.iter().map(|status| Some(*status as i8 - 1)).collect();
    Ok(Arc::new(DictionaryArray::try_new(codes, Arc::new(names))?))
}

/// Null where the row was not found.
fn time_column(rows: &[Row]) -> ArrayRef {
    let time = |row: &Row| (row.status != Status::NotFound).then_some(row.time.0);
    let times: TimestampMicrosecondArray = rows.iter().map(time).collect();
    Arc::new(times.with_data_type(timestamp_type()))
}

/// Columns of the batch, one after the other.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn add(&mut self, name: String, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    fn finish(self, rows: usize) -> Result<RecordBatch> {
        let twice = self
            .fields
            .iter()
            .enumerate()
            .find(|(i, f)| self.fields[..*i].iter().any(|g| g.name() == f.name()));
        if let Some((_, field)) = twice {
            return Err(Error::invalid("two columns of the answer have one name")
                .with("column", field.name())
                .with("hint", "ask with full feature names, or without statuses"));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(self.fields)), self.arrays, &options)?)
    }
}
