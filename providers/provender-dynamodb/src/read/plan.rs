//! What to ask DynamoDB for: each table once, each entity and feature of it once, in requests of so many keys.

use crate::layout::{self, ENTITY_ID, EVENT, VALUES, entity_id};
use crate::names::TableNames;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use provender_core::online::{OnlineRead, OnlineTable, ViewRead};
use provender_core::{EntityKeys, Error, Result};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

/// The longest expression that DynamoDB takes.
const EXPRESSION_BYTES: usize = 4096;

/// A read of several views.
pub(super) struct Plan<'a> {
    pub(super) tables: Vec<TableRead<'a>>,
    pub(super) views: Vec<ViewPlan>,
}

/// What is read of one table.
pub(super) struct TableRead<'a> {
    pub(super) table: &'a OnlineTable,
    /// Name of the table in DynamoDB.
    pub(super) name: String,
    /// Features that any view of the request asks for.
    pub(super) features: Vec<&'a str>,
    /// Names of the entities.
    pub(super) ids: Vec<Arc<str>>,
    entities: HashMap<Arc<str>, usize>,
}

/// Where the rows and cells of one view of the request are found.
pub(super) struct ViewPlan {
    pub(super) table: usize,
    /// For each key, its place in [`TableRead::ids`].
    pub(super) entities: Vec<usize>,
    /// For each feature, its place in [`TableRead::features`].
    pub(super) columns: Vec<usize>,
}

/// One request: of each table, some entities.
pub(super) struct Batch(Vec<(usize, Range<usize>)>);

impl Batch {
    /// The tables it reads.
    pub(super) fn tables(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(table, _)| *table)
    }
}

impl<'a> Plan<'a> {
    /// Plans a request.
    ///
    /// # Errors
    /// `Invalid` if DynamoDB would not take the name of a table.
    pub(super) fn of(request: &'a OnlineRead, names: &TableNames) -> Result<Self> {
        let mut plan = Self { tables: Vec::new(), views: Vec::with_capacity(request.views.len()) };
        let mut hashed: Vec<(&Arc<EntityKeys>, Vec<Arc<str>>)> = Vec::new();
        for view in &request.views {
            let known = hashed.iter().position(|(keys, _)| Arc::ptr_eq(keys, &view.keys));
            let known = known.unwrap_or_else(|| {
                hashed.push((&view.keys, view.keys.iter().map(|key| entity_id(key).into()).collect()));
                hashed.len() - 1
            });
            plan.add(view, &hashed[known].1, names)?;
        }
        Ok(plan)
    }

    fn add(&mut self, view: &'a ViewRead, ids: &[Arc<str>], names: &TableNames) -> Result<()> {
        let name = names.of(&view.table)?;
        let place = self.table(&name).unwrap_or_else(|| {
            self.tables.push(TableRead {
                table: &view.table,
                name,
                features: Vec::new(),
                ids: Vec::new(),
                entities: HashMap::new(),
            });
            self.tables.len() - 1
        });
        let table = &mut self.tables[place];
        let entities = ids.iter().map(|id| table.add_entity(id)).collect();
        let feature = |index: &usize| view.table.features.get(*index).map(|(name, _)| name.as_str());
        let unknown = || Error::internal("a read names a feature that its view does not have");
        let columns = view
            .features
            .iter()
            .map(|index| Ok(table.add_feature(feature(index).ok_or_else(unknown)?)))
            .collect::<Result<_>>()?;
        self.views.push(ViewPlan { table: place, entities, columns });
        Ok(())
    }

    /// Views and tables, for people.
    pub(super) fn names(&self) -> (String, String) {
        named(self.tables.iter())
    }

    /// The place of a table, by its name in DynamoDB.
    pub(super) fn table(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name)
    }

    /// Deals the keys of all tables out to requests of at most `size`.
    pub(super) fn batches(&self, size: usize) -> Vec<Batch> {
        let mut batches = Vec::new();
        let (mut batch, mut room) = (Vec::new(), size);
        for (place, table) in self.tables.iter().enumerate() {
            let mut from = 0;
            while from < table.ids.len() {
                let to = table.ids.len().min(from + room);
                batch.push((place, from..to));
                room -= to - from;
                from = to;
                if room == 0 {
                    batches.push(Batch(std::mem::take(&mut batch)));
                    room = size;
                }
            }
        }
        if !batch.is_empty() {
            batches.push(Batch(batch));
        }
        batches
    }

    /// What a batch asks DynamoDB for.
    pub(super) fn request(
        &self,
        batch: &Batch,
        consistent: bool,
    ) -> Result<HashMap<String, KeysAndAttributes>> {
        let part = |(place, range): &(usize, Range<usize>)| {
            let table = &self.tables[*place];
            let (expression, names) = table.projection();
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(table.ids[range.clone()].iter().map(|id| layout::key(id)).collect()))
                .consistent_read(consistent)
                .projection_expression(expression)
                .set_expression_attribute_names(Some(names))
                .build();
            let wanted = wanted.map_err(|e| Error::internal("cannot make a request").because(e))?;
            Ok((table.name.clone(), wanted))
        };
        batch.0.iter().map(part).collect()
    }
}

/// Views and tables, for people.
pub(super) fn named<'a>(tables: impl Iterator<Item = &'a TableRead<'a>>) -> (String, String) {
    let (views, names): (Vec<&str>, Vec<&str>) =
        tables.map(|table| (table.table.view.as_str(), table.name.as_str())).unzip();
    (views.join(", "), names.join(", "))
}

impl<'a> TableRead<'a> {
    /// The place of an entity, by its name.
    pub(super) fn entity(&self, id: &str) -> Option<usize> {
        self.entities.get(id).copied()
    }

    fn add_entity(&mut self, id: &Arc<str>) -> usize {
        match self.entities.entry(Arc::clone(id)) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(free) => {
                self.ids.push(Arc::clone(id));
                *free.insert(self.ids.len() - 1)
            }
        }
    }

    fn add_feature(&mut self, name: &'a str) -> usize {
        self.features.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.features.push(name);
            self.features.len() - 1
        })
    }

    /// The attributes to read, and what the names in that expression stand for: a feature's own name may be a reserved word, or have dots in it.
    /// All features, and more than the expression has room for, are read as a whole.
    fn projection(&self) -> (String, HashMap<String, String>) {
        let name = |short: &str, long: &str| (short.to_owned(), long.to_owned());
        let mut names = HashMap::from([name("#e", ENTITY_ID), name("#t", EVENT)]);
        if self.features.is_empty() {
            return ("#e, #t".to_owned(), names);
        }
        names.extend([name("#v", VALUES)]);
        if self.features.len() < self.table.features.len() {
            let some: String = (0..self.features.len()).map(|i| format!(", #v.#f{i}")).collect();
            if "#e, #t".len() + some.len() <= EXPRESSION_BYTES {
                names.extend(self.features.iter().enumerate().map(|(i, f)| name(&format!("#f{i}"), f)));
                return (format!("#e, #t{some}"), names);
            }
        }
        ("#e, #t, #v".to_owned(), names)
    }
}

#[cfg(test)]
mod tests;
