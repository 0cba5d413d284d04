//! Feast's tables: names, columns, and times as they are stored.
//!
//! One table a view, one row a feature of a key. See "SQLite" in Feast's interoperability notes (`docs/`): times are epoch seconds, `vector_value` stays null.

use provender_core::online::OnlineTable;
use provender_core::{SECOND, Timestamp};
use rusqlite::types::ValueRef;

/// Name of a view's table.
pub(crate) fn table_name(table: &OnlineTable) -> String {
    format!("{}_{}", table.project, table.view)
}

/// An identifier that SQLite reads as it is, whatever is in it.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// A view's table, quoted.
pub(crate) fn quoted_table(table: &OnlineTable) -> String {
    quoted(&table_name(table))
}

/// What makes a view's table and its index, if they are missing.
pub(crate) fn create(table: &OnlineTable) -> String {
    let (name, index) = (quoted_table(table), quoted(&format!("{}_ek", table_name(table))));
    format!(
        "CREATE TABLE IF NOT EXISTS {name} (
            entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, vector_value BLOB,
            event_ts timestamp, created_ts timestamp,
            PRIMARY KEY (entity_key, feature_name)
        );
        CREATE INDEX IF NOT EXISTS {index} ON {name} (entity_key);"
    )
}

/// Reads a stored time: epoch seconds, or the text that older versions of Feast left. `Err` if it is neither.
pub(crate) fn stored_time(value: ValueRef<'_>) -> Result<Option<Timestamp>, ()> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(seconds) => Ok(Some(Timestamp::from_seconds(seconds))),
        ValueRef::Real(seconds) => Ok(Some(Timestamp((seconds * SECOND as f64) as i64))),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| ())?;
            Timestamp::parse(text).map(Some).map_err(|_| ())
        }
        ValueRef::Blob(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_a_name_stay_inside_it() {
        assert_eq!(quoted("a"), "\"a\"");
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
    }

    #[test]
    fn times_of_older_writers_are_read() {
        let noon = Timestamp::from_seconds(1_795_168_800);
        for value in [
            ValueRef::Integer(1_795_168_800),
            ValueRef::Real(1_795_168_800.0),
            ValueRef::Text(b"2026-11-20 10:00:00"),
            ValueRef::Text(b"2026-11-20T10:00:00+00:00"),
        ] {
            assert_eq!(stored_time(value), Ok(Some(noon)));
        }
        assert_eq!(stored_time(ValueRef::Null), Ok(None));
        assert_eq!(stored_time(ValueRef::Text(b"soon")), Err(()));
        assert_eq!(stored_time(ValueRef::Blob(b"x")), Err(()));
    }
}
