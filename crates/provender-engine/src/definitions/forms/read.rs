//! Reading forms out of YAML trees. All problems are reported, not the first alone: reading goes on after one and answers `None` in the end.

use super::super::yaml::{Entries, Node, Value};
use provender_core::{Error, Kind, nearest};
use std::collections::BTreeMap;
use std::path::Path;

/// Fields of Feast's constructors that Provender does not act on: refused by name, so that nobody believes in them.
const NOT_YET: [&str; 13] = [
    "aggregations",
    "connection_ref",
    "enable_tiling",
    "enable_validation",
    "logging_config",
    "mode",
    "org",
    "precompute_online",
    "sink_source",
    "stream_engine",
    "tiling_hop_size",
    "udf",
    "version",
];

/// A type that can be read from YAML.
pub(crate) trait FromNode: Sized {
    /// What the reference calls it: `text`, `list of Field`.
    fn type_name() -> String;

    /// Reads it; `None` once a problem has been reported.
    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self>;

    /// Whether an explicit null means something else than leaving the field out.
    const NULLABLE: bool = false;

    /// The value as the reference shows a default.
    fn show(&self) -> String {
        String::new()
    }
}

/// Where reading has come to, and what was wrong on the way.
pub(crate) struct At<'p> {
    file: &'p Path,
    object: (&'static str, String),
    path: String,
    problems: &'p mut Vec<Error>,
}

impl<'p> At<'p> {
    /// The start of an object. `object` is what errors call it: `("view", "driver_stats")`.
    pub(crate) fn new(file: &'p Path, object: (&'static str, String), problems: &'p mut Vec<Error>) -> Self {
        Self { file, object, path: String::new(), problems }
    }

    /// Whether it is at the object itself, and not at a part of it.
    pub(crate) fn is_top(&self) -> bool {
        self.path.is_empty()
    }

    /// Reports a problem, with the file and line, the object and the field.
    pub(crate) fn report(&mut self, line: usize, problem: &Error) {
        let mut error = Error::new(problem.kind(), problem.message().to_owned())
            .with("file", format!("{}:{line}", self.file.display()));
        if !self.object.1.is_empty() {
            error = error.with(self.object.0, &self.object.1);
        }
        if !self.path.is_empty() {
            error = error.with("field", &self.path);
        }
        let context = problem.context().iter();
        self.problems.push(context.fold(error, |error, (key, value)| error.with(key, value)));
    }

    /// Reports that something else was expected.
    pub(crate) fn expected<T>(&mut self, node: &Node, what: &str) -> Option<T> {
        let hint = match &node.value {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) if what == "text" => "text (write it in quotes)",
            _ => what,
        };
        let problem =
            Error::invalid("wrong value").with("expected", hint).with("found", node.value.describe());
        self.report(node.line, &problem);
        None
    }

    /// The entries of a map.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Entries> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => self.expected(node, &format!("a map: {what}")),
        }
    }

    /// Reports every key that is not known. `kind` may be there, if it is `title`.
    pub(crate) fn known_only(
        &mut self,
        entries: &Entries,
        title: &str,
        known: &[&'static str],
    ) -> Option<()> {
        let mut sound = Some(());
        for (key, node) in entries.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            if key == "kind" && node.value == Value::Text(title.to_owned()) {
                continue;
            }
            sound = None;
            if key == "kind" {
                self.inside(key, |at| at.expected::<()>(node, title));
                continue;
            }
            let problem = if NOT_YET.contains(&key.as_str()) {
                Error::new(Kind::Unsupported, "that field of Feast has no effect here yet")
            } else {
                let unknown = Error::invalid("unknown field");
                match nearest(key, known.iter().copied()) {
                    Some(near) => unknown.with("did you mean", near),
                    None => unknown.with("expected", known.join(", ")),
                }
            };
            self.inside(key, |at| at.report(node.line, &problem));
        }
        sound
    }

    /// A field that must be there.
    pub(crate) fn required<T: FromNode>(&mut self, node: &Node, entries: &Entries, key: &str) -> Option<T> {
        match self.optional(entries, key)? {
            Some(value) => Some(value),
            None => {
                let problem = Error::invalid("missing field").with("expected", T::type_name());
                self.inside(key, |at| at.report(node.line, &problem));
                None
            }
        }
    }

    /// A field that may be left out; `Some(None)` if it is.
    #[expect(clippy::option_option, reason = "the outer one says whether a problem was reported")]
    pub(crate) fn optional<T: FromNode>(&mut self, entries: &Entries, key: &str) -> Option<Option<T>> {
        match entries.iter().find(|(name, _)| name == key) {
            None => Some(None),
            Some((_, node)) if node.value == Value::Null && !T::NULLABLE => Some(None),
            Some((_, node)) => self.inside(key, |at| T::from_node(node, at)).map(Some),
        }
    }

    /// Goes on below a key.
    fn inside<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.below(&format!("{dot}{key}"), read)
    }

    fn below<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(step);
        let result = read(self);
        self.path.truncate(length);
        result
    }
}

impl FromNode for String {
    fn type_name() -> String {
        "text".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => at.expected(node, "text"),
        }
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl FromNode for bool {
    fn type_name() -> String {
        "true or false".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => at.expected(node, "true or false"),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl FromNode for i32 {
    fn type_name() -> String {
        "number".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        match node.value {
            Value::Int(value) if i32::try_from(value).is_ok() => i32::try_from(value).ok(),
            _ => at.expected(node, "a whole number"),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<T: FromNode> FromNode for Option<T> {
    const NULLABLE: bool = true;

    fn type_name() -> String {
        T::type_name()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        if node.value == Value::Null { Some(None) } else { T::from_node(node, at).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "null".to_owned(), T::show)
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn type_name() -> String {
        format!("list of {}", T::type_name())
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            return at.expected(node, &format!("a {}", Self::type_name()));
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(i, item)| at.below(&format!("[{i}]"), |at| T::from_node(item, at)))
            .collect();
        read.into_iter().collect()
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(T::show).collect::<Vec<_>>().join(", "))
    }
}

impl FromNode for BTreeMap<String, String> {
    fn type_name() -> String {
        "map of text to text".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        let entries = at.entries(node, "text to text")?;
        let read: Vec<Option<(String, String)>> = entries
            .iter()
            .map(|(key, node)| Some((key.clone(), at.inside(key, |at| String::from_node(node, at))?)))
            .collect();
        read.into_iter().collect()
    }

    fn show(&self) -> String {
        if self.is_empty() { "{}".to_owned() } else { format!("{self:?}") }
    }
}
