//! Feast's items: `entity_id`, `event_ts` and the map `values`, and one attribute of our own.
//!
//! Feast keeps no created time. With `write_mode: newest` it is kept in [`CREATED`], which Feast does not look at: the text of the event time that it belongs to, a
//! slash, its own text. If Feast changes the event time in between, the two no longer agree and the created time counts as not there.

use crate::murmur3::hash128;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Datelike as _};
use provender_core::online::{Age, OnlineTable};
use provender_core::{Error, Result, Timestamp};
use std::collections::HashMap;

/// Key of a table: [`entity_id`].
pub(crate) const ENTITY_ID: &str = "entity_id";
/// Text of the event time: [`time_text`].
pub(crate) const EVENT: &str = "event_ts";
/// Map from feature to value bytes.
pub(crate) const VALUES: &str = "values";
/// Our own: the created time and the event time it belongs to.
pub(crate) const CREATED: &str = "provender_created_ts";

/// An item as the SDK gives and takes it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Name of an entity: the hash of its key, in hexadecimal.
pub(crate) fn entity_id(key: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    hash128(key).into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A time as Python's `str` writes it: `2026-11-20 09:00:00+00:00`, with six digits of fraction if there is one. Of two such texts the smaller is the earlier.
///
/// # Errors
/// `Invalid` outside the years 1 to 9999, which are all that Python has.
pub(crate) fn time_text(time: Timestamp) -> Result<String> {
    let utc = DateTime::from_timestamp_micros(time.0).filter(|t| (1..=9999).contains(&t.year()));
    let utc = utc.ok_or_else(|| {
        Error::invalid("a time that the DynamoDB online store cannot hold")
            .with("value", time)
            .with("expected", "a time of the years 1 to 9999")
    })?;
    let form =
        if time.subsec_micros() == 0 { "%Y-%m-%d %H:%M:%S+00:00" } else { "%Y-%m-%d %H:%M:%S%.6f+00:00" };
    Ok(utc.format(form).to_string())
}

/// The text of [`CREATED`]; without a created time it is smaller than any with one.
pub(crate) fn created_text(event: &str, created: Option<Timestamp>) -> Result<String> {
    let created = created.map_or(Ok(String::new()), time_text)?;
    Ok(format!("{event}/{created}"))
}

/// The attribute of a text.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// The key that finds an item.
pub(crate) fn key(entity_id: &str) -> Item {
    HashMap::from([(ENTITY_ID.to_owned(), text(entity_id))])
}

/// An item as Feast writes it.
pub(crate) fn item<'a>(key: &[u8], event: &str, values: impl Iterator<Item = (&'a str, &'a [u8])>) -> Item {
    let values = values.map(|(name, value)| (name.to_owned(), AttributeValue::B(Blob::new(value)))).collect();
    HashMap::from([
        (ENTITY_ID.to_owned(), text(entity_id(key))),
        (EVENT.to_owned(), text(event)),
        (VALUES.to_owned(), AttributeValue::M(values)),
    ])
}

/// Text of a stored attribute.
pub(crate) fn stored_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.as_s().ok().map(String::as_str)
}

/// The event time of a stored item.
///
/// # Errors
/// `Internal` if it has none.
pub(crate) fn stored_event(item: &Item, table: &OnlineTable) -> Result<Timestamp> {
    let time = stored_text(item, EVENT).and_then(|text| Timestamp::parse(text).ok());
    time.ok_or_else(|| damaged("event_ts is not a time", item, table))
}

/// The event and created time of a stored item.
///
/// # Errors
/// `Internal` if it has no event time.
pub(crate) fn stored_age(item: &Item, table: &OnlineTable) -> Result<Age> {
    let event = stored_event(item, table)?;
    let created = stored_text(item, EVENT)
        .zip(stored_text(item, CREATED))
        .and_then(|(event, created)| created.strip_prefix(event)?.strip_prefix('/'))
        .and_then(|created| Timestamp::parse(created).ok());
    Ok((event, created))
}

/// An item that no writer of this layout leaves behind.
pub(crate) fn damaged(what: &'static str, item: &Item, table: &OnlineTable) -> Error {
    Error::internal(format!("damaged online store: {what}"))
        .with("view", &table.view)
        .with("entity_id", stored_text(item, ENTITY_ID).unwrap_or("?"))
}

#[cfg(test)]
mod tests;
