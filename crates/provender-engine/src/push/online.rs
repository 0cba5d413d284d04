//! Pushed rows on their way to the online store.

use crate::FeatureStore;
use crate::encode::{RowColumns, RowEncoder};
use crate::history::History;
use crate::instants::{Integers, instants};
use crate::resolve::join_keys;
use arrow_array::{Array, ArrayRef, RecordBatch};
use provender_core::model::{FeatureView, Field};
use provender_core::online::{OnlineTable, OnlineWrite};
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, RequestContext, Result};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Rows a write.
const BATCH_ROWS: usize = 8_192;

/// Rows of one view, encoded and so known to fit.
#[derive(Debug)]
pub(super) struct Prepared {
    table: Arc<OnlineTable>,
    batches: Vec<RecordBatch>,
    pub(super) null_keys: u64,
}

impl Prepared {
    /// The writes that it takes.
    pub(super) fn writes(self, context: &RequestContext) -> impl Iterator<Item = OnlineWrite> {
        self.batches.into_iter().map(move |rows| OnlineWrite {
            table: Arc::clone(&self.table),
            rows,
            context: context.clone(),
        })
    }
}

impl FeatureStore {
    /// Picks and encodes the columns of each view.
    ///
    /// # Errors
    /// `Invalid` naming the view and all columns that are missing, or the one that does not fit.
    pub(super) async fn prepare_online(
        &self,
        snapshot: &RegistrySnapshot,
        views: &[Arc<FeatureView>],
        rows: &RecordBatch,
    ) -> Result<Vec<Prepared>> {
        self.online_store()?;
        let batch_rows = self.config.online_write_batch_size.unwrap_or(BATCH_ROWS).max(1);
        let mut prepared = Vec::with_capacity(views.len());
        for view in views {
            let keys = join_keys(snapshot, self.project(), view)?;
            let encoder = RowEncoder::new(self.project(), view, &keys)?;
            let columns = PushedColumns::pick(view, &keys, rows)?;
            let encoded = spawn_blocking(move || columns.encode(&encoder, batch_rows)).await;
            prepared.push(encoded.map_err(|e| Error::internal("encoding rows failed").because(e))??);
        }
        Ok(prepared)
    }
}

/// The columns of one view.
#[derive(Debug)]
struct PushedColumns {
    rows: usize,
    keys: Vec<ArrayRef>,
    features: Vec<ArrayRef>,
    event: ArrayRef,
    created: Option<ArrayRef>,
}

impl PushedColumns {
    fn pick(view: &FeatureView, keys: &[Field], rows: &RecordBatch) -> Result<Self> {
        let source = History::of(view)?.source;
        let created = Some(&source.created_timestamp_column).filter(|name| !name.is_empty());
        let mut missing = Vec::new();
        let mut pick = |name: &str| {
            let column = rows.column_by_name(name);
            if column.is_none() {
                missing.push(name.to_owned());
            }
            column
        };
        let keys: Vec<_> = keys.iter().map(|k| pick(&k.name)).collect();
        let features: Vec<_> = view.features.iter().map(|f| pick(&f.name)).collect();
        let event = pick(&source.timestamp_field);
        let created_column = created.map(|name| pick(name));
        let (Some(event), true) = (event, missing.is_empty()) else {
            return Err(missing_columns(view, &missing, rows));
        };
        let time = |column: &ArrayRef, name: &str| {
            instants(column, name, 0, Integers::Nanoseconds).map_err(|e| e.with("view", &view.name))
        };
        let event = time(event, &source.timestamp_field)?;
        if let Some(row) = (0..event.len()).find(|row| event.is_null(*row)) {
            return Err(Error::invalid("a row has no event time")
                .with("view", &view.name)
                .with("column", &source.timestamp_field)
                .with("row", row));
        }
        let created = created_column.flatten().zip(created).map(|(column, name)| time(column, name));
        Ok(Self {
            rows: rows.num_rows(),
            keys: keys.into_iter().flatten().cloned().collect(),
            features: features.into_iter().flatten().cloned().collect(),
            event,
            created: created.transpose()?,
        })
    }

    fn encode(&self, encoder: &RowEncoder, batch_rows: usize) -> Result<Prepared> {
        let mut prepared = Prepared { table: Arc::clone(&encoder.table), batches: Vec::new(), null_keys: 0 };
        for start in (0..self.rows).step_by(batch_rows) {
            let rows = batch_rows.min(self.rows - start);
            let cut = |columns: &[ArrayRef]| -> Vec<ArrayRef> {
                columns.iter().map(|column| column.slice(start, rows)).collect()
            };
            let encoded = encoder.encode(&RowColumns {
                rows,
                keys: &cut(&self.keys),
                features: &cut(&self.features),
                event: self.event.slice(start, rows),
                created: self.created.as_ref().map(|column| column.slice(start, rows)),
            })?;
            prepared.null_keys += encoded.null_keys;
            if encoded.batch.num_rows() > 0 {
                prepared.batches.push(encoded.batch);
            }
        }
        Ok(prepared)
    }
}

fn missing_columns(view: &FeatureView, missing: &[String], rows: &RecordBatch) -> Error {
    let schema = rows.schema();
    let given = schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ");
    Error::invalid(format!("the rows lack columns of the view: {}", missing.join(", ")))
        .with("view", &view.name)
        .with("columns", given)
}
