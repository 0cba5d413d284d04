//! Types of fields as people write them: `Float32`, `Array(String)`, `Set(Int64)`, `Array(Array(Int64))`, `Struct({a: Int64, b: String})`.
//!
//! Feast's wire type of a nested collection or a struct does not say what is inside; that stands in hidden tags of the field, in Feast's spelling:
//! [`NESTED_TYPE_TAG`] holds `Array(Array(INT64))`, [`STRUCT_SCHEMA_TAG`] the JSON text `{"a": "INT64", "b": "STRING"}`.

#[cfg(test)]
mod tests;

use crate::model::{Field, NESTED_TYPE_TAG, STRUCT_SCHEMA_TAG, Tags};
use crate::{Error, Result, ValueType, nearest};
use arrow_schema::DataType;
use serde_json::{Map, Value};
use std::fmt;

/// A type and the hidden tags that complete it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dtype {
    /// Feast's wire type.
    pub value_type: ValueType,
    /// What the wire type does not say; empty for most types.
    pub tags: Tags,
}

/// How deep types may stand in each other.
const MAX_DEPTH: usize = 32;

/// What a type is made of.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Scalar(ValueType),
    Array(Box<Shape>),
    Set(Box<Shape>),
    Struct(Vec<(String, Shape)>),
}

impl Dtype {
    /// Reads a type as people write it. Case does not matter.
    ///
    /// # Errors
    /// `Invalid` with the known types, or what is wrong with the shape.
    pub fn parse(text: &str) -> Result<Self> {
        Shape::parse(text, 0).and_then(|shape| shape.dtype()).map_err(|error| error.with("type", text))
    }

    /// The type that a source column becomes when nothing is declared; `None` if there is none.
    #[must_use]
    pub fn of_arrow(data_type: &DataType) -> Option<Self> {
        let value_type = ValueType::of_arrow(data_type)?;
        let tags = Shape::of_arrow(data_type).and_then(|shape| shape.dtype().ok()).map(|dtype| dtype.tags);
        Some(Self { value_type, tags: tags.unwrap_or_default() })
    }
}

impl Field {
    /// Its type as people write it, with what its hidden tags say: `Array(Array(Int64))`. Without such tags, or with damaged ones, the name of the wire type.
    #[must_use]
    pub fn dtype(&self) -> String {
        match Shape::of_field(self) {
            Some(shape) => shape.to_string(),
            None => self.value_type.to_string(),
        }
    }
}

impl Shape {
    /// Reads people's spelling, and Feast's in tags.
    fn parse(text: &str, depth: usize) -> Result<Self> {
        let text = text.trim();
        if depth > MAX_DEPTH {
            return Err(Error::invalid("the type is nested too deeply"));
        }
        let inside = |name: &str| {
            let (head, tail) = text.split_at_checked(name.len())?;
            head.eq_ignore_ascii_case(name).then_some(tail)?.trim_start().strip_prefix('(')?.strip_suffix(')')
        };
        if let Ok(scalar) = ValueType::parse(text) {
            return Ok(Self::of_type(scalar));
        }
        if let Some(item) = inside("Array") {
            return Ok(Self::Array(Box::new(Self::parse(item, depth + 1)?)));
        }
        if let Some(item) = inside("Set") {
            return Ok(Self::Set(Box::new(Self::parse(item, depth + 1)?)));
        }
        if let Some(fields) = inside("Struct") {
            return Self::parse_struct(fields.trim(), depth);
        }
        if text.starts_with('{') {
            return Self::parse_nested_struct(text, depth);
        }
        Err(unknown(text))
    }

    /// A flat collection as what it is made of, so that `Array(Int64)` has one form.
    fn of_type(value_type: ValueType) -> Self {
        match value_type.item() {
            Some(item) if value_type.name().is_some_and(|name| name.ends_with("_SET")) => {
                Self::Set(Box::new(Self::Scalar(item)))
            }
            Some(item) => Self::Array(Box::new(Self::Scalar(item))),
            None => Self::Scalar(value_type),
        }
    }

    fn parse_struct(text: &str, depth: usize) -> Result<Self> {
        let expected = || Error::invalid("not a struct type").with("expected", "Struct({name: Type, …})");
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(expected)?;
        let field = |part: &str| {
            let (name, dtype) = part.split_once(':').ok_or_else(expected)?;
            Ok((name.trim().to_owned(), Self::parse(dtype, depth + 1)?))
        };
        let fields = split(text).into_iter().map(field).collect::<Result<Vec<_>>>()?;
        if fields.is_empty() { Err(expected()) } else { Ok(Self::Struct(fields)) }
    }

    /// A struct inside a tag: `{"__struct__": {"a": "INT64"}}`.
    fn parse_nested_struct(text: &str, depth: usize) -> Result<Self> {
        let json: Option<Value> = serde_json::from_str(text).ok();
        match json.as_ref().and_then(|json| json.get("__struct__")?.as_object()) {
            Some(fields) => Self::of_schema(fields, depth),
            None => Err(unknown(text)),
        }
    }

    /// Feast's JSON object of a struct's fields.
    fn of_schema(fields: &Map<String, Value>, depth: usize) -> Result<Self> {
        let field = |(name, dtype): (&String, &Value)| {
            Ok((name.clone(), Self::parse(dtype.as_str().unwrap_or_default(), depth + 1)?))
        };
        fields.iter().map(field).collect::<Result<_>>().map(Self::Struct)
    }

    fn of_field(field: &Field) -> Option<Self> {
        let schema = || {
            let schema: Value = serde_json::from_str(field.tags.get(STRUCT_SCHEMA_TAG)?).ok()?;
            Self::of_schema(schema.as_object()?, 0).ok()
        };
        match field.value_type {
            ValueType::STRUCT => schema(),
            ValueType::STRUCT_LIST => Some(Self::Array(Box::new(schema()?))),
            ValueType::VALUE_LIST | ValueType::VALUE_SET => {
                Self::parse(field.tags.get(NESTED_TYPE_TAG)?, 0).ok()
            }
            _ => None,
        }
    }

    fn of_arrow(data_type: &DataType) -> Option<Self> {
        use DataType as D;
        Some(match data_type {
            D::List(item) | D::LargeList(item) | D::FixedSizeList(item, _) => {
                Self::Array(Box::new(Self::of_arrow(item.data_type())?))
            }
            D::Struct(fields) => {
                let field =
                    |f: &arrow_schema::FieldRef| Some((f.name().clone(), Self::of_arrow(f.data_type())?));
                Self::Struct(fields.iter().map(field).collect::<Option<_>>()?)
            }
            other => Self::Scalar(ValueType::of_arrow(other)?),
        })
    }

    /// Feast's type, and the tags that say what is inside.
    fn dtype(&self) -> Result<Dtype> {
        let refuse = |collection: &str| Error::invalid(format!("there is no {collection} of that type"));
        let mut tags = Tags::new();
        let mut tag = |key: &str, text: String| tags.insert(key.to_owned(), text);
        let value_type = match self {
            Self::Scalar(scalar) => *scalar,
            Self::Struct(fields) => {
                tag(STRUCT_SCHEMA_TAG, schema(fields));
                ValueType::STRUCT
            }
            Self::Array(item) => match &**item {
                Self::Scalar(scalar) => scalar.list().ok_or_else(|| refuse("array"))?,
                Self::Struct(fields) => {
                    tag(STRUCT_SCHEMA_TAG, schema(fields));
                    ValueType::STRUCT_LIST
                }
                _ => {
                    tag(NESTED_TYPE_TAG, self.tag_text());
                    ValueType::VALUE_LIST
                }
            },
            Self::Set(item) => match &**item {
                Self::Scalar(scalar) => scalar.set().ok_or_else(|| refuse("set"))?,
                Self::Struct(_) => return Err(refuse("set")),
                _ => {
                    tag(NESTED_TYPE_TAG, self.tag_text());
                    ValueType::VALUE_SET
                }
            },
        };
        Ok(Dtype { value_type, tags })
    }

    /// As Feast writes it into a tag.
    fn tag_text(&self) -> String {
        match self {
            Self::Scalar(ValueType::DOUBLE) => "FLOAT64".to_owned(),
            Self::Scalar(ValueType::FLOAT) => "FLOAT32".to_owned(),
            Self::Scalar(scalar) => scalar.name().unwrap_or("UNKNOWN").to_owned(),
            Self::Array(item) => format!("Array({})", item.tag_text()),
            Self::Set(item) => format!("Set({})", item.tag_text()),
            Self::Struct(fields) => format!("{{\"__struct__\": {}}}", schema(fields)),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Array(item) => write!(f, "Array({item})"),
            Self::Set(item) => write!(f, "Set({item})"),
            Self::Struct(fields) => {
                f.write_str("Struct({")?;
                for (i, (name, shape)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {shape}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("})")
            }
        }
    }
}

/// A struct's fields as the JSON object that Feast keeps: in their order, with Python's spacing and in ASCII.
fn schema(fields: &[(String, Shape)]) -> String {
    let entry = |(name, shape): &(String, Shape)| format!("{}: {}", quoted(name), quoted(&shape.tag_text()));
    format!("{{{}}}", fields.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// A JSON string in ASCII.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in Value::from(text).to_string().chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// Splits at the commas that are not inside brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i64, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn unknown(text: &str) -> Error {
    let error = Error::invalid("unknown type");
    let names: Vec<String> =
        ValueType::all().map(|t| t.to_string()).filter(|name| !name.contains('(')).collect();
    match nearest(text, names.iter().map(String::as_str).chain(["Array", "Set"])) {
        Some(name) => error.with("did you mean", name),
        None => error.with(
            "expected",
            "Int32, Int64, Float32, Float64, String, Bytes, Bool, UnixTimestamp, Uuid, Decimal, Json, Map, Array(T), Set(T), Struct({name: T, …})",
        ),
    }
}
