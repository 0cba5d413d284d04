//! Small tables written as text, so that a rule shows its data at a glance.
//!
//! ```text
//! id:i64  at:us@UTC        created:us  value:str
//! 1       09:00            -           ten
//! 2       09:00:00.000001  09:30       -
//! ```
//!
//! `-` is null. Times are hours and minutes of 2026-01-01, or a date, or a date and time joined by `T`; UTC. A list is `[1,2]`, empty text `''`.

use crate::cell::{Cell, array};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use provender_core::{Error, Result, Timestamp};
use std::sync::Arc;

/// The table of a header line and rows.
///
/// # Errors
/// `Invalid` naming the word that cannot be read.
pub fn table(lines: &[&str]) -> Result<RecordBatch> {
    let (header, rows) = lines.split_first().ok_or_else(|| Error::invalid("a table needs a header"))?;
    let fields = header.split_whitespace().map(field).collect::<Result<Vec<_>>>()?;
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.split_whitespace().collect()).collect();
    if let Some(row) = rows.iter().find(|row| row.len() != fields.len()) {
        return Err(Error::invalid("a row of another width than the header").with("row", row.join(" ")));
    }
    let mut columns = Vec::with_capacity(fields.len());
    for (i, field) in fields.iter().enumerate() {
        let values = rows.iter().map(|row| cell(field.data_type(), row[i])).collect::<Result<Vec<_>>>()?;
        columns.push(array(field.data_type(), &values)?);
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

/// A column from `name:type`: `i8`…`u64`, `f32`, `f64`, `bool`, `str`, `large` and `view` (other layouts of text), `dict` (dictionary of text), `bytes`,
/// `date`, `list` (of i64), or a timestamp's unit `s`, `ms`, `us`, `ns`, alone (naive) or with `@` and a zone.
///
/// # Errors
/// `Invalid` if the type is none of these.
pub fn field(text: &str) -> Result<Field> {
    let bad = || Error::invalid("not a column of a table").with("column", text).with("expected", "name:type");
    let (name, data_type) = text.split_once(':').ok_or_else(bad)?;
    Ok(Field::new(name, data_type_of(data_type).ok_or_else(bad)?, true))
}

fn data_type_of(text: &str) -> Option<DataType> {
    use DataType as D;
    let (word, zone) = match text.split_once('@') {
        Some((word, zone)) => (word, Some(zone.into())),
        None => (text, None),
    };
    Some(match word {
        "i8" => D::Int8,
        "i16" => D::Int16,
        "i32" => D::Int32,
        "i64" => D::Int64,
        "u8" => D::UInt8,
        "u16" => D::UInt16,
        "u32" => D::UInt32,
        "u64" => D::UInt64,
        "f32" => D::Float32,
        "f64" => D::Float64,
        "bool" => D::Boolean,
        "str" => D::Utf8,
        "large" => D::LargeUtf8,
        "view" => D::Utf8View,
        "dict" => D::Dictionary(Box::new(D::Int32), Box::new(D::Utf8)),
        "bytes" => D::Binary,
        "date" => D::Date32,
        "list" => D::List(Arc::new(Field::new("item", D::Int64, true))),
        "s" => D::Timestamp(TimeUnit::Second, zone),
        "ms" => D::Timestamp(TimeUnit::Millisecond, zone),
        "us" => D::Timestamp(TimeUnit::Microsecond, zone),
        "ns" => D::Timestamp(TimeUnit::Nanosecond, zone),
        _ => return None,
    })
}

fn cell(data_type: &DataType, text: &str) -> Result<Cell> {
    use DataType as D;
    let bad = || Error::invalid("not a value of a column").with("value", text).with("type", data_type);
    if text == "-" {
        return Ok(Cell::Null);
    }
    Ok(match data_type {
        t if t.is_integer() => Cell::Int(text.parse().map_err(|_| bad())?),
        t if t.is_floating() => Cell::float(text.parse().map_err(|_| bad())?),
        D::Boolean => Cell::Bool(text.parse().map_err(|_| bad())?),
        D::Binary => Cell::Bytes(text.as_bytes().to_vec()),
        D::Timestamp(..) | D::Date32 => Cell::Time(time(text)?.0),
        D::List(item) => {
            let items = text.trim_matches(['[', ']']).split(',').filter(|item| !item.is_empty());
            Cell::List(items.map(|t| cell(item.data_type(), t)).collect::<Result<_>>()?)
        }
        _ => Cell::Text(if text == "''" { String::new() } else { text.to_owned() }),
    })
}

/// An instant as tables write it.
///
/// # Errors
/// `Invalid` with the expected form.
pub fn time(text: &str) -> Result<Timestamp> {
    if text.contains('-') { Timestamp::parse(text) } else { Timestamp::parse(&format!("2026-01-01T{text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::cells;

    #[test]
    fn text_becomes_typed_columns() {
        let batch = table(&[
            "id:i32 at:ns@UTC name:str flag:bool items:list",
            "1      09:00    ten      true      [1,2]",
            "-      -        ''       -         []",
        ])
        .unwrap();
        let shown: Vec<String> = batch
            .columns()
            .iter()
            .map(|c| cells(c).unwrap().iter().map(Cell::to_string).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(shown, ["1 -", "2026-01-01T09:00:00Z -", "ten ", "true -", "[1,2] []"]);
        assert_eq!(table(&["id:i32"]).unwrap().num_rows(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (lines, word) in [
            (&["id"][..], "id"),
            (&["id:i65"], "i65"),
            (&["id:i64", "one"], "one"),
            (&["id:i64", "1 2"], "1 2"),
            (&["at:us", "noon"], "noon"),
        ] {
            assert!(table(lines).unwrap_err().to_string().contains(word), "{word}");
        }
    }
}
