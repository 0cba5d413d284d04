//! The Arrow types that generated columns have, and the few values that they hold.

use crate::cell::Cell;
use arrow_schema::{DataType, Field, TimeUnit};
use std::sync::Arc;

/// What a key column holds; its values are equal across all types of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Integers of any width.
    Int,
    /// Text of any layout.
    Text,
    /// Bytes of any layout.
    Bytes,
}

impl Group {
    fn types(self) -> Vec<DataType> {
        use DataType as D;
        match self {
            Self::Int => vec![D::Int64, D::Int32, D::Int16, D::Int8, D::UInt8, D::UInt16, D::UInt32],
            Self::Text => {
                vec![D::Utf8, D::LargeUtf8, D::Utf8View, D::Dictionary(Box::new(D::Int32), Box::new(D::Utf8))]
            }
            Self::Bytes => vec![D::Binary, D::LargeBinary],
        }
    }

    /// One of four values.
    #[must_use]
    pub fn cell(self, value: u8) -> Cell {
        let word = ["a", "b", "ab", "a-word-that-is-too-long-to-be-inlined"][usize::from(value % 4)];
        match self {
            Self::Int => Cell::Int([0, 1, 2, 100][usize::from(value % 4)]),
            Self::Text => Cell::Text(word.to_owned()),
            Self::Bytes => Cell::Bytes(word.as_bytes().to_vec()),
        }
    }
}

/// The distance of neighbouring times; columns are at least as fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// A microsecond.
    Micro,
    /// A millisecond.
    Milli,
    /// A second.
    Second,
    /// A day, in which dates take part.
    Day,
}

impl Grain {
    const ALL: [Self; 4] = [Self::Micro, Self::Milli, Self::Second, Self::Day];

    /// In microseconds.
    #[must_use]
    pub fn micros(self) -> i64 {
        match self {
            Self::Micro => 1,
            Self::Milli => 1_000,
            Self::Second => 1_000_000,
            Self::Day => 86_400_000_000,
        }
    }

    fn types(self) -> Vec<DataType> {
        let mut units = vec![TimeUnit::Microsecond, TimeUnit::Nanosecond];
        if self != Self::Micro {
            units.push(TimeUnit::Millisecond);
        }
        if matches!(self, Self::Second | Self::Day) {
            units.push(TimeUnit::Second);
        }
        let zones = [Some("UTC"), None, Some("+05:30"), Some("America/New_York")];
        let stamp = |unit| zones.map(|zone| DataType::Timestamp(unit, zone.map(Into::into)));
        let mut types: Vec<DataType> = units.into_iter().flat_map(stamp).collect();
        if self == Self::Day {
            types.extend([DataType::Date32, DataType::Date32, DataType::Date32]);
        }
        types
    }
}

/// Whether a time column can be a microsecond off.
pub(super) fn is_fine(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _))
}

/// The types that a store can hold.
#[derive(Clone, Debug)]
pub struct Kinds {
    holds: fn(&DataType) -> bool,
    groups: Vec<Group>,
    grains: Vec<Grain>,
    values: Vec<DataType>,
}

impl Kinds {
    /// Of what tables can hold.
    #[must_use]
    pub fn new(holds: fn(&DataType) -> bool) -> Self {
        use DataType as D;
        let any = |types: Vec<DataType>| types.iter().any(holds);
        let list = D::List(Arc::new(Field::new("item", D::Int64, true)));
        let micros = D::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let values = [
            D::Int64,
            D::Float64,
            D::Utf8,
            D::Boolean,
            D::Int32,
            D::Float32,
            D::Binary,
            micros,
            D::Date32,
            list,
        ];
        let groups = [Group::Int, Group::Int, Group::Text, Group::Bytes];
        Self {
            holds,
            groups: groups.into_iter().filter(|group| any(group.types())).collect(),
            grains: Grain::ALL.into_iter().filter(|grain| any(grain.types())).collect(),
            values: values.into_iter().filter(holds).collect(),
        }
    }

    /// What keys can hold.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How fine times can be.
    #[must_use]
    pub fn grains(&self) -> &[Grain] {
        &self.grains
    }

    pub(super) fn stored_key(&self, group: Group, kind: u8) -> DataType {
        self.choose(group.types(), kind)
    }

    pub(super) fn stored_time(&self, grain: Grain, kind: u8) -> DataType {
        self.choose(grain.types(), kind)
    }

    pub(super) fn value(&self, kind: u8) -> DataType {
        self.values.get(usize::from(kind) % self.values.len().max(1)).cloned().unwrap_or(DataType::Int64)
    }

    fn choose(&self, mut types: Vec<DataType>, kind: u8) -> DataType {
        types.retain(self.holds);
        choose(types, kind)
    }
}

/// Types of entity rows are not the store's to limit.
pub(super) fn spine_key(group: Group, kind: u8) -> DataType {
    choose(group.types(), kind)
}

/// Types of entity rows are not the store's to limit.
pub(super) fn spine_time(grain: Grain, kind: u8) -> DataType {
    choose(grain.types(), kind)
}

fn choose(mut types: Vec<DataType>, kind: u8) -> DataType {
    if types.is_empty() {
        return DataType::Null;
    }
    let index = usize::from(kind) % types.len();
    types.swap_remove(index)
}

/// One of a few values of a feature.
pub(super) fn value_cell(data_type: &DataType, value: u8) -> Cell {
    use DataType as D;
    let n = i128::from(value);
    match data_type {
        D::Int64 | D::Int32 => Cell::Int(if value == 0 { i128::from(i32::MIN) } else { n }),
        D::Float64 | D::Float32 => {
            Cell::float([0.5, f64::NAN, -0.0, 0.0, f64::INFINITY, -1.5][usize::from(value % 6)])
        }
        D::Boolean => Cell::Bool(value.is_multiple_of(2)),
        D::Binary => Cell::Bytes(vec![value; usize::from(value)]),
        D::Timestamp(..) => Cell::Time(i64::from(value) - 3),
        D::Date32 => Cell::Time((i64::from(value) - 3) * 86_400_000_000),
        D::List(_) => Cell::List((0..n).map(|i| if i == 1 { Cell::Null } else { Cell::Int(i) }).collect()),
        _ => Cell::Text(format!("v{value}")),
    }
}
