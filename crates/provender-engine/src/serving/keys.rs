//! The entity columns of a request, as the keys that stores read and as the values that the answer repeats.

use super::EntityValue;
use super::plan::{Encoding, OnlinePlan};
use foldhash::fast::RandomState;
use provender_core::value::put_key;
use provender_core::{EntityKeyEncoder, EntityKeys, Error, KeyValue, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A column of a request.
pub(super) type EntityColumn<'a> = (Cow<'a, str>, Vec<EntityValue<'a>>);

/// The keys of a request.
#[derive(Debug)]
pub(super) struct RequestKeys {
    pub(super) rows: usize,
    /// Columns that the answer repeats, in the request's order.
    pub(super) echoed: Vec<Echo>,
    /// One for each encoding of the plan.
    pub(super) encoded: Vec<Encoded>,
}

/// A join key column of the answer.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) name: String,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The keys of one encoding, each once.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) distinct: Arc<EntityKeys>,
    pub(super) fan_out: FanOut,
}

/// Which of the distinct keys a row of the request has.
#[derive(Debug)]
pub(super) enum FanOut {
    /// The key of the row's own number.
    Same,
    /// The first, whatever the row: the view has no entity.
    First,
    /// As listed.
    Listed(Vec<u32>),
}

impl FanOut {
    #[inline]
    pub(super) fn of(&self, row: usize) -> usize {
        match self {
            Self::Same => row,
            Self::First => 0,
            Self::Listed(keys) => keys[row] as usize,
        }
    }
}

impl Echo {
    /// Value bytes of a row.
    pub(super) fn value(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }

    /// Value bytes of all rows.
    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|row| self.value(row))
    }

    fn new(name: &str, encoder: &EntityKeyEncoder, keys: &EntityKeys) -> Result<Self> {
        let mut echo = Self {
            name: name.to_owned(),
            bytes: Vec::with_capacity(keys.len() * 11),
            ends: Vec::with_capacity(keys.len()),
        };
        for key in keys.iter() {
            put_key(&key[encoder.prefix().len()..], &mut echo.bytes)?;
            echo.ends.push(echo.bytes.len());
        }
        Ok(echo)
    }
}

impl RequestKeys {
    /// # Errors
    /// `Invalid` for join keys that are missing, columns of unequal length, no rows, and values that are null or do not fit, naming join key and row.
    pub(super) fn encode(plan: &OnlinePlan, entities: &[EntityColumn<'_>]) -> Result<Self> {
        let columns = used_columns(plan, entities)?;
        let rows = count_rows(plan, entities)?;
        let mut keys = Vec::with_capacity(plan.encodings.len());
        for encoding in &plan.encodings {
            let values: Vec<_> = encoding.columns.iter().map(|c| columns[*c]).collect();
            let names: Vec<_> = encoding.columns.iter().map(|c| plan.columns[*c].name.as_str()).collect();
            // Without columns, all rows have the one key of an entity-less view.
            let rows = if values.is_empty() { 1 } else { rows };
            keys.push(encode_rows(&encoding.encoder, &names, &values, rows)?);
        }
        let echoed = echoes(plan, entities, &keys)?;
        let encoded = plan.encodings.iter().zip(keys).map(|(e, keys)| Encoded::new(e, keys)).collect();
        Ok(Self { rows, echoed, encoded })
    }
}

/// The values of each column that the plan needs.
fn used_columns<'e, 'a>(
    plan: &OnlinePlan,
    entities: &'e [EntityColumn<'a>],
) -> Result<Vec<&'e [EntityValue<'a>]>> {
    let find = |name: &str| entities.iter().find(|(n, _)| n == name).map(|(_, values)| values.as_slice());
    let found: Option<Vec<_>> = plan.columns.iter().map(|c| find(&c.name)).collect();
    found.ok_or_else(|| {
        let missing = plan.columns.iter().filter(|c| find(&c.name).is_none()).map(|c| c.name.as_str());
        let given = entities.iter().map(|(name, _)| name.as_ref());
        Error::invalid(format!(
            "Missing join key values for keys: {}. Provided join_key_values: {}",
            quoted(missing),
            quoted(given)
        ))
    })
}

/// A list in Python's notation, which Feast's clients know.
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
}

/// The length of the columns that are answered. Views without entities are answered once a row of whatever else is given, and once if nothing is (where Feast fails).
fn count_rows(plan: &OnlinePlan, entities: &[EntityColumn<'_>]) -> Result<usize> {
    let mut answered = entities.iter().filter(|(name, _)| is_answered(plan, name));
    let Some((_, first)) = answered.next().or(entities.first()) else { return Ok(1) };
    if answered.any(|(_, values)| values.len() != first.len()) {
        return Err(Error::invalid("All entity rows must have the same columns."));
    }
    if first.is_empty() {
        return Err(Error::invalid("the request has no entity rows"));
    }
    Ok(first.len())
}

fn is_answered(plan: &OnlinePlan, name: &str) -> bool {
    plan.columns.iter().any(|c| c.name == name) || plan.known.contains_key(name)
}

/// Encodes one key a row.
fn encode_rows(
    encoder: &EntityKeyEncoder,
    names: &[&str],
    columns: &[&[EntityValue<'_>]],
    rows: usize,
) -> Result<EntityKeys> {
    let mut keys = EntityKeys::with_capacity(rows, encoder.prefix().len() + 16 * columns.len().max(1));
    for row in 0..rows {
        let added = encoder.push(&mut keys, |column| key_value(&columns[column][row]));
        if !added.map_err(|e| e.with("row", row))? {
            let null = columns.iter().position(|values| values[row] == EntityValue::Null);
            let name = null.map_or("", |column| names[column]);
            return Err(Error::invalid(format!("the value of join key {name} is null")).with("row", row));
        }
    }
    Ok(keys)
}

fn key_value<'v>(value: &'v EntityValue<'_>) -> KeyValue<'v> {
    match value {
        EntityValue::Null => KeyValue::Null,
        EntityValue::Bool(value) => KeyValue::Bool(*value),
        EntityValue::Int(value) => KeyValue::Int(*value),
        EntityValue::Float(value) => KeyValue::Float(*value),
        EntityValue::Text(value) => KeyValue::Text(value),
        EntityValue::Bytes(value) => KeyValue::Bytes(value),
    }
}

/// The columns that the answer repeats: those that keys are made of, and other join keys of the project.
fn echoes(plan: &OnlinePlan, entities: &[EntityColumn<'_>], keys: &[EntityKeys]) -> Result<Vec<Echo>> {
    let mut echoes = Vec::with_capacity(entities.len());
    for (name, values) in entities {
        if let Some(column) = plan.columns.iter().find(|c| c.name == *name) {
            let encoder = &plan.encodings[column.encoding].encoder;
            echoes.push(Echo::new(name, encoder, &keys[column.encoding])?);
        } else if let Some(encoder) = plan.known.get(name.as_ref()) {
            let keys = encode_rows(encoder, &[name], &[values], values.len())?;
            echoes.push(Echo::new(name, encoder, &keys)?);
        }
    }
    Ok(echoes)
}

impl Encoded {
    /// Keeps each key once, so that the store reads it once.
    fn new(encoding: &Encoding, keys: EntityKeys) -> Self {
        if encoding.columns.is_empty() {
            return Self { distinct: Arc::new(keys), fan_out: FanOut::First };
        }
        if keys.len() == 1 {
            return Self { distinct: Arc::new(keys), fan_out: FanOut::Same };
        }
        let mut seen: HashMap<&[u8], u32, RandomState> =
            HashMap::with_capacity_and_hasher(keys.len(), RandomState::default());
        let mut first_rows = Vec::with_capacity(keys.len());
        let mut of_row = Vec::with_capacity(keys.len());
        for (row, key) in keys.iter().enumerate() {
            of_row.push(*seen.entry(key).or_insert_with(|| {
                first_rows.push(row);
                (first_rows.len() - 1) as u32
            }));
        }
        if first_rows.len() == keys.len() {
            return Self { distinct: Arc::new(keys), fan_out: FanOut::Same };
        }
        let distinct = first_rows.iter().map(|row| keys.key(*row)).collect();
        Self { distinct: Arc::new(distinct), fan_out: FanOut::Listed(of_row) }
    }
}
