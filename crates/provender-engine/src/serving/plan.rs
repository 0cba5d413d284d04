//! What a request for online features comes down to, worked out once per registry version: tables, key encoders, columns and their JSON names.

use super::cache::KnownKeys;
use super::proto::put_name;
use super::served::ViewCounters;
use crate::resolve::{JoinKey, Resolved, ViewUse, resolve};
use crate::table::online_table;
use crate::{FeatureStore, Features};
use provender_core::model::Field;
use provender_core::online::OnlineTable;
use provender_core::registry::RegistrySnapshot;
use provender_core::value::write_json_string;
use provender_core::{EntityKeyEncoder, Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A compiled request.
#[derive(Debug)]
pub(super) struct OnlinePlan {
    /// Entity columns that the features are keyed by.
    pub(super) columns: Vec<RequestColumn>,
    /// The distinct ways in which entity columns become keys.
    pub(super) encodings: Vec<Encoding>,
    /// What is read.
    pub(super) views: Vec<PlanView>,
    /// What is answered, in the order asked.
    pub(super) features: Vec<PlanFeature>,
    /// The names of the features as JSON strings with commas between.
    pub(super) names_json: Vec<u8>,
    /// The same as items of protobuf's `FeatureList`.
    pub(super) names_proto: Vec<u8>,
    /// Join keys of the project, answered even when no feature is keyed by them.
    pub(super) known: Arc<KnownKeys>,
    /// How long its answers are as JSON.
    pub(super) size: AnswerSize,
}

/// Guesses the length of an answer from the one before.
#[derive(Debug, Default)]
pub(super) struct AnswerSize {
    bytes_a_row: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct RequestColumn {
    pub(super) name: String,
    /// Which of the encodings is made of this column alone.
    pub(super) encoding: usize,
}

#[derive(Debug)]
pub(super) struct Encoding {
    pub(super) encoder: EntityKeyEncoder,
    /// Which of the request's columns, in the encoder's order; none for entity-less views.
    pub(super) columns: Vec<usize>,
    /// Join keys that it was made from.
    keys: Vec<JoinKey>,
}

#[derive(Debug)]
pub(super) struct PlanView {
    /// The alias, else the view's name.
    pub(super) name: String,
    pub(super) table: Arc<OnlineTable>,
    /// Indexes into the table's features.
    pub(super) features: Arc<[usize]>,
    /// Which of the encodings.
    pub(super) keys: usize,
    /// What is served of it, by all plans.
    pub(super) counters: Arc<ViewCounters>,
}

#[derive(Debug)]
pub(super) struct PlanFeature {
    pub(super) name: String,
    /// Which of the views.
    pub(super) view: usize,
    /// Which of its features that are read.
    pub(super) slot: usize,
}

impl OnlinePlan {
    /// # Errors
    /// As [`resolve`]; `Invalid` for a view that is not served online.
    pub(super) fn compile(
        snapshot: &RegistrySnapshot,
        store: &FeatureStore,
        features: &Features,
        full_feature_names: bool,
        known: Arc<KnownKeys>,
    ) -> Result<Self> {
        let Resolved { uses, columns } = resolve(snapshot, store.project(), features, full_feature_names)?;
        let mut plan = Self {
            columns: Vec::new(),
            encodings: Vec::new(),
            views: Vec::new(),
            features: Vec::new(),
            names_json: Vec::new(),
            names_proto: Vec::new(),
            known,
            size: AnswerSize::default(),
        };
        for view in &uses {
            plan.add_view(store, view)?;
        }
        plan.complete_columns()?;
        for column in columns {
            plan.features.push(PlanFeature { name: column.name, view: column.used, slot: column.feature });
        }
        plan.names_json = json_names(plan.features.iter().map(|f| f.name.as_str()));
        plan.features.iter().for_each(|feature| put_name(&feature.name, &mut plan.names_proto));
        Ok(plan)
    }

    fn add_view(&mut self, store: &FeatureStore, view: &ViewUse) -> Result<()> {
        if !view.view.online {
            return Err(Error::invalid(format!("Feature view {} is not served online", view.view.name))
                .with("view", &view.view.name)
                .with("field", "online"));
        }
        let fields: Vec<Field> = view.keys.iter().map(|k| Field::new(&k.name, k.value_type)).collect();
        let keys = self.encoding(&view.keys).map_err(|e| e.with("view", &view.view.name))?;
        self.views.push(PlanView {
            name: view.name.clone(),
            table: online_table(store.project(), &view.view, &fields),
            features: view.features.clone().into(),
            keys,
            counters: store.served.view(&view.view.name),
        });
        Ok(())
    }

    /// The encoding of these join keys, shared by the views that have the same.
    fn encoding(&mut self, keys: &[JoinKey]) -> Result<usize> {
        if let Some(known) = self.encodings.iter().position(|e| e.keys == keys) {
            return Ok(known);
        }
        let encoder = EntityKeyEncoder::new(keys.iter().map(|k| (k.name.as_str(), k.value_type)))?;
        let columns = keys.iter().map(|key| self.column(&key.column)).collect();
        self.encodings.push(Encoding { encoder, columns, keys: keys.to_vec() });
        Ok(self.encodings.len() - 1)
    }

    fn column(&mut self, name: &str) -> usize {
        match self.columns.iter().position(|c| c.name == name) {
            Some(known) => known,
            None => {
                self.columns.push(RequestColumn { name: name.to_owned(), encoding: usize::MAX });
                self.columns.len() - 1
            }
        }
    }

    /// Gives every column an encoding of its own, which says what the column is in the answer. Mostly a view's encoding is that already.
    fn complete_columns(&mut self) -> Result<()> {
        for index in 0..self.columns.len() {
            let alone = self.encodings.iter().position(|e| e.columns == [index]);
            let encoding = match alone {
                Some(encoding) => encoding,
                None => {
                    let key = self.key_of(index)?;
                    self.encoding(&[key])?
                }
            };
            self.columns[index].encoding = encoding;
        }
        Ok(())
    }

    /// A join key that the column stands for.
    fn key_of(&self, column: usize) -> Result<JoinKey> {
        let of = |e: &Encoding| e.columns.iter().position(|c| *c == column).map(|at| e.keys[at].clone());
        self.encodings
            .iter()
            .find_map(of)
            .ok_or_else(|| Error::internal("an entity column that no join key stands behind"))
    }
}

impl AnswerSize {
    /// Bytes that an answer of so many rows needs, with some room; `head` are those that do not grow with the rows.
    pub(super) fn guess(&self, head: usize, rows: usize) -> usize {
        let row = self.bytes_a_row.load(Ordering::Relaxed);
        head + rows * (row + row / 16)
    }

    pub(super) fn learn(&self, head: usize, rows: usize, length: usize) {
        let row = length.saturating_sub(head) / rows.max(1) + 1;
        if row.abs_diff(self.bytes_a_row.load(Ordering::Relaxed)) > row / 32 {
            self.bytes_a_row.store(row, Ordering::Relaxed);
        }
    }
}

fn json_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names {
        if !out.is_empty() {
            out.push(b',');
        }
        write_json_string(name, &mut out);
    }
    out
}
