//! YAML text as trees that know their lines.

use provender_core::Error;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Spanned, UserMessageFormatter};
use std::fmt;
use std::io::Cursor;
use std::path::Path;

/// A YAML value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A map's entries, in their order; keys are unique.
pub(crate) type Entries = Vec<(String, Node)>;

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Entries),
}

/// The documents of a file. One that is no YAML is an error in its place; after an error of syntax there are no more.
pub(crate) fn documents(file: &Path, text: &str) -> Vec<Result<Node, Error>> {
    // How much somebody declares is not limited; what aliases can blow up is, by the limits that stay at their defaults.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_documents: usize::MAX, max_nodes: 10_000_000, max_events: 40_000_000 },
    };
    let mut reader = Cursor::new(text.as_bytes());
    serde_saphyr::read_with_options::<_, Node>(&mut reader, options)
        .map(|document| document.map_err(|error| syntax_error(file, &error)))
        .collect()
}

fn syntax_error(file: &Path, error: &serde_saphyr::Error) -> Error {
    let cause = error.render_with_formatter(&UserMessageFormatter);
    let (cause, at) = match error.location() {
        Some(at) => (cause.split(" at line ").next().unwrap_or(&cause), format!(":{}", at.line())),
        None => (cause.as_str(), String::new()),
    };
    let error =
        Error::invalid(format!("not valid YAML: {cause}")).with("file", format!("{}{at}", file.display()));
    if cause.contains("found a tab") { error.with("expected", "spaces, not tabs") } else { error }
}

impl Value {
    /// What it is, for "found …".
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("the truth value {value}"),
            Self::Int(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Text(text) => format!("the text {text:?}"),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { line: usize::try_from(spanned.referenced.line()).unwrap_or(0), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
