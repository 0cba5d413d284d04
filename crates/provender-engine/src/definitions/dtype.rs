//! Types of fields as people write them: `Float32`, `Array(String)`, `Set(Int64)`, `Array(Array(Int64))`, `Struct({a: Int64, b: String})`.
//!
//! Feast's wire type of a nested collection or a struct does not say what is inside; that goes into hidden tags of the field.

use super::nearest::nearest;
use arrow_schema::DataType;
use provender_core::model::{NESTED_TYPE_TAG, STRUCT_SCHEMA_TAG, Tags};
use provender_core::{Error, Result, ValueType};

/// The types that people write most, for a suggestion.
const NAMES: [&str; 15] = [
    "Int32",
    "Int64",
    "Float32",
    "Float64",
    "String",
    "Bytes",
    "Bool",
    "UnixTimestamp",
    "Uuid",
    "Decimal",
    "Json",
    "Map",
    "Array",
    "Set",
    "Struct",
];

/// A type and the hidden tags that complete it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dtype {
    pub(crate) value_type: ValueType,
    pub(crate) tags: Tags,
}

/// What a type is made of.
enum Shape {
    Scalar(ValueType),
    Array(Box<Shape>),
    Set(Box<Shape>),
    Struct(Vec<(String, Shape)>),
}

impl Dtype {
    /// Reads a type.
    ///
    /// # Errors
    /// `Invalid` with the known types or what is wrong with the shape.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if let Ok(value_type) = ValueType::parse(text) {
            return Ok(Self { value_type, tags: Tags::new() });
        }
        Shape::parse(text.trim()).and_then(Shape::dtype).map_err(|error| error.with("type", text))
    }

    /// The type that a source column becomes when nothing is declared; `None` if there is none.
    pub(crate) fn of_arrow(data_type: &DataType) -> Option<Self> {
        let value_type = ValueType::of_arrow(data_type)?;
        let tags = Shape::of_arrow(data_type).and_then(|s| s.dtype().ok()).map(|d| d.tags);
        Some(Self { value_type, tags: tags.unwrap_or_default() })
    }
}

impl Shape {
    fn parse(text: &str) -> Result<Self> {
        let inside = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix(')').map(str::trim);
        if let Some(item) = inside("Array(") {
            return Ok(Self::Array(Box::new(Self::parse(item)?)));
        }
        if let Some(item) = inside("Set(") {
            return Ok(Self::Set(Box::new(Self::parse(item)?)));
        }
        if let Some(fields) = inside("Struct(") {
            return Self::parse_struct(fields);
        }
        let scalar = ValueType::parse(text).map_err(|error| match nearest(text, NAMES) {
            Some(near) => Error::invalid("unknown type").with("did you mean", near),
            None => Error::invalid("unknown type")
                .with("expected", error.get("expected").unwrap_or("a type such as Int64").to_owned()),
        });
        Ok(Self::Scalar(scalar?))
    }

    fn parse_struct(text: &str) -> Result<Self> {
        let expected = || Error::invalid("not a struct type").with("expected", "Struct({name: Type, …})");
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(expected)?;
        let fields: Vec<_> = split(text)
            .into_iter()
            .map(|part| {
                let (name, dtype) = part.split_once(':').ok_or_else(expected)?;
                Ok((name.trim().to_owned(), Self::parse(dtype.trim())?))
            })
            .collect::<Result<_>>()?;
        if fields.is_empty() { Err(expected()) } else { Ok(Self::Struct(fields)) }
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
    fn dtype(self) -> Result<Dtype> {
        let refuse = |of: &str| Error::invalid(format!("there is no {of} of that type"));
        let mut tags = Tags::new();
        let value_type = match &self {
            Self::Scalar(scalar) => *scalar,
            Self::Struct(fields) => {
                tags.insert(STRUCT_SCHEMA_TAG.to_owned(), struct_schema(fields));
                ValueType::STRUCT
            }
            Self::Array(item) | Self::Set(item) => match (&self, &**item) {
                (Self::Array(_), Self::Scalar(scalar)) => scalar.list().ok_or_else(|| refuse("array"))?,
                (_, Self::Scalar(scalar)) => set_of(*scalar).ok_or_else(|| refuse("set"))?,
                (Self::Array(_), Self::Struct(fields)) => {
                    tags.insert(STRUCT_SCHEMA_TAG.to_owned(), struct_schema(fields));
                    ValueType::STRUCT_LIST
                }
                (_, Self::Struct(_)) => return Err(refuse("set")),
                (outer, _) => {
                    tags.insert(NESTED_TYPE_TAG.to_owned(), self.text());
                    if matches!(outer, Self::Array(_)) { ValueType::VALUE_LIST } else { ValueType::VALUE_SET }
                }
            },
        };
        Ok(Dtype { value_type, tags })
    }

    /// As Feast writes it into a tag.
    fn text(&self) -> String {
        match self {
            Self::Scalar(ValueType::DOUBLE) => "FLOAT64".to_owned(),
            Self::Scalar(ValueType::FLOAT) => "FLOAT32".to_owned(),
            Self::Scalar(scalar) => scalar.name().unwrap_or("INVALID").to_owned(),
            Self::Array(item) => format!("Array({})", item.text()),
            Self::Set(item) => format!("Set({})", item.text()),
            Self::Struct(fields) => format!("{{\"__struct__\": {}}}", struct_schema(fields)),
        }
    }
}

/// A struct's fields as the JSON object that Feast keeps, in their order and with Python's spacing.
fn struct_schema(fields: &[(String, Shape)]) -> String {
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    let entries: Vec<_> =
        fields.iter().map(|(name, shape)| format!("{}: {}", quote(name), quote(&shape.text()))).collect();
    format!("{{{}}}", entries.join(", "))
}

fn set_of(item: ValueType) -> Option<ValueType> {
    ValueType::all().find(|t| t.item() == Some(item) && t.name().is_some_and(|n| n.ends_with("_SET")))
}

/// Splits at the commas that are not inside brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0i32, 0);
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, Fields};

    fn tags(text: &str) -> Vec<(String, String)> {
        Dtype::parse(text).unwrap().tags.into_iter().collect()
    }

    #[test]
    fn nested_types_are_spelled_as_feast_spells_them() {
        let schema = |json: &str| vec![(STRUCT_SCHEMA_TAG.to_owned(), json.to_owned())];
        let nested = |text: &str| vec![(NESTED_TYPE_TAG.to_owned(), text.to_owned())];
        assert_eq!(tags("Struct({a: Int64, b: String})"), schema(r#"{"a": "INT64", "b": "STRING"}"#));
        assert_eq!(
            tags("Array(Struct({a: Int64, b: Array(String)}))"),
            schema(r#"{"a": "INT64", "b": "Array(STRING)"}"#)
        );
        assert_eq!(tags("Array(Array(Int64))"), nested("Array(Array(INT64))"));
        assert_eq!(tags("Set(Array(Float32))"), nested("Set(Array(FLOAT32))"));
        assert_eq!(Dtype::parse("Set(Array(String))").unwrap().value_type, ValueType::VALUE_SET);
        assert_eq!(Dtype::parse("Array(Int64)").unwrap().value_type, ValueType::INT64_LIST);
        assert!(tags("float32").is_empty());
    }

    #[test]
    fn wrong_types_say_what_is_wrong() {
        for (text, expected) in [
            ("Flot32", "unknown type (did you mean: Float32, type: Flot32)"),
            ("Array(Flot32)", "unknown type (did you mean: Float32, type: Array(Flot32))"),
            ("Set(Json)", "there is no set of that type (type: Set(Json))"),
            (
                "Struct(a: Int64)",
                "not a struct type (expected: Struct({name: Type, …}), type: Struct(a: Int64))",
            ),
            ("Array(", "unknown type (did you mean: Array, type: Array()"),
        ] {
            assert_eq!(Dtype::parse(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn arrow_shapes_keep_what_is_inside() {
        let list = |item: DataType| DataType::List(Field::new("item", item, true).into());
        let pair = DataType::Struct(Fields::from(vec![Field::new("a", DataType::Int64, true)]));
        let of = |data_type: &DataType| Dtype::of_arrow(data_type).unwrap();
        assert_eq!(of(&list(list(DataType::Float64))), Dtype::parse("Array(Array(Float64))").unwrap());
        assert_eq!(of(&list(pair.clone())), Dtype::parse("Array(Struct({a: Int64}))").unwrap());
        assert_eq!(of(&pair), Dtype::parse("Struct({a: Int64})").unwrap());
        assert_eq!(of(&DataType::Utf8).value_type, ValueType::STRING);
        assert_eq!(Dtype::of_arrow(&DataType::Duration(arrow_schema::TimeUnit::Second)), None);
    }
}
