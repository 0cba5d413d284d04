//! A request for online features read field by field, by the rules of all forms: for bodies that are wrong or out of the ordinary.

use super::{Asked, Columns};
use crate::failure::Failure;
use crate::fields::Form;
use provender_core::Error;
use provender_engine::{EntityValue, FeaturesRef};
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Reads a body of at most `limit` entity rows.
///
/// # Errors
/// 422 with all that is wrong with the form, 413 for too many rows, and a mistake that names the field for an entity that cannot be one.
pub(super) fn read(body: &[u8], limit: usize) -> Result<Asked<'_>, Failure> {
    let mut form = Form::parse(body, Vec::new())?;
    let entities = form.lists("entities");
    let service = form.optional_text("feature_service").filter(|name| !name.is_empty());
    let listed = form.texts("features");
    let full_feature_names = form.flag("full_feature_names", false);
    // versions of views change nothing in an answer of Feast's, but must be a truth value
    form.flag("include_feature_view_version_metadata", false);
    form.finish()?;
    let features = service.map_or(FeaturesRef::List(listed), FeaturesRef::Service);
    Ok(Asked { features, entities: columns(entities, limit)?, full_feature_names })
}

fn columns<'a>(fields: Vec<(Cow<'a, str>, &'a RawValue)>, limit: usize) -> Result<Columns<'a>, Failure> {
    fields
        .into_iter()
        .map(|(name, raw)| {
            let values = values(&name, raw, limit)?;
            Ok((name, values))
        })
        .collect()
}

fn values<'a>(name: &str, raw: &'a RawValue, limit: usize) -> Result<Vec<EntityValue<'a>>, Failure> {
    let mut values = Vec::new();
    let reader = Values { values: &mut values, limit };
    if reader.deserialize(&mut serde_json::Deserializer::from_str(raw.get())).is_ok() {
        return Ok(values);
    }
    if values.len() == limit {
        return Err(Failure::too_large(format!("more than {limit} entity rows; ask in several requests")));
    }
    let error = Error::invalid("not a value of a join key")
        .with("field", format!("entities.{name}[{}]", values.len()))
        .with("expected", "a number, a text, true, false or null");
    Err(error.into())
}

/// Reads a list into `values`; where it fails, they tell how far it came.
struct Values<'v, 'a> {
    values: &'v mut Vec<EntityValue<'a>>,
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for Values<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        while let Some(value) = items.next_element_seed(Value)? {
            if self.values.len() == self.limit {
                return Err(S::Error::custom("too many"));
            }
            self.values.push(value);
        }
        Ok(())
    }
}

struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = EntityValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<EntityValue<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = EntityValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a join key")
    }

    fn visit_unit<E>(self) -> Result<EntityValue<'de>, E> {
        Ok(EntityValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<EntityValue<'de>, E> {
        Ok(EntityValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<EntityValue<'de>, E> {
        Ok(EntityValue::Int(value))
    }

    /// Above i64 the digits are kept as text: a float would stand for another number.
    fn visit_u64<E>(self, value: u64) -> Result<EntityValue<'de>, E> {
        Ok(i64::try_from(value)
            .map_or_else(|_| EntityValue::Text(value.to_string().into()), EntityValue::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<EntityValue<'de>, E> {
        Ok(EntityValue::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<EntityValue<'de>, E> {
        Ok(EntityValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<EntityValue<'de>, E> {
        Ok(EntityValue::Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests;
