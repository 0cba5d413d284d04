//! JSON rows with the order of their names, which serde_json's own objects do not keep.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;

/// The values that follow each other, or the items of one array at the start; and the names of all objects as they first appear.
///
/// What is neither object nor array is null: no row either way.
pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<(Vec<Value>, Vec<String>)> {
    let (mut names, mut rows) = (Names::default(), Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    while deserializer.end().is_err() {
        match Item(&mut names).deserialize(&mut deserializer)? {
            Value::Array(items) if rows.is_empty() => rows = items,
            item => rows.push(item),
        }
    }
    Ok((rows, names.in_order))
}

#[derive(Default)]
struct Names {
    in_order: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    fn note(&mut self, name: &str) {
        if !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.in_order.push(name.to_owned());
        }
    }
}

struct Item<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut row = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.0.note(&name);
            row.insert(name, map.next_value()?);
        }
        Ok(Value::Object(row))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = items.next_element_seed(Item(self.0))? {
            rows.push(row);
        }
        Ok(Value::Array(rows))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
