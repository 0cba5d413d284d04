//! Request bodies: read without a document tree, refused in FastAPI's form (pydantic's lax rules), all problems at once.
//!
//! A body is cut into its fields, each still the client's text; every field is then read as what it is declared to be.

mod problem;
mod raw;

pub(crate) use problem::Problem;

use crate::failure::Failure;
use problem::{BOOL_PARSING, BOOL_TYPE, DICT, INVALID, LIST, MISSING, MODEL, Rule, STRING, Step};
use raw::{Fields, Shape, Text};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A body while its fields are taken out of it. What is wrong is collected; [`Form::finish`] tells.
#[derive(Debug)]
pub(crate) struct Form<'a> {
    body: &'a RawValue,
    fields: Fields<'a>,
    problems: Vec<Problem>,
}

impl<'a> Form<'a> {
    /// Cuts a body into its fields; `problems` are those of the query before it.
    pub(crate) fn parse(body: &'a [u8], problems: Vec<Problem>) -> Result<Self, Failure> {
        let refuse = |problem| Failure::Form(problems.iter().cloned().chain([problem]).collect());
        if body.is_empty() {
            return Err(refuse(Problem::new(MISSING, [Step::from("body")], None)));
        }
        let raw: &RawValue =
            serde_json::from_slice(body).map_err(|error| refuse(Problem::syntax(&error, body)))?;
        match Shape::of(raw) {
            Shape::Object => {}
            Shape::Null => return Err(refuse(Problem::new(MISSING, [Step::from("body")], None))),
            _ => return Err(refuse(Problem::new(MODEL, [Step::from("body")], Some(raw)))),
        }
        let fields =
            serde_json::from_str(raw.get()).map_err(|error| refuse(Problem::syntax(&error, body)))?;
        Ok(Self { body: raw, fields, problems })
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &'static str) -> Cow<'a, str> {
        self.required(name).and_then(|raw| self.read_text(raw, &[name.into()])).unwrap_or_default()
    }

    /// A text that may be left out, for which `default` stands then.
    pub(crate) fn text_or(&mut self, name: &'static str, default: &'static str) -> Cow<'a, str> {
        let sent = self.fields.last(name);
        sent.and_then(|raw| self.read_text(raw, &[name.into()])).unwrap_or(Cow::Borrowed(default))
    }

    /// A text that may be left out or null.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        self.fields.last(name).filter(not_null).and_then(|raw| self.read_text(raw, &[name.into()]))
    }

    /// A truth value that may be left out.
    pub(crate) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let Some(raw) = self.fields.last(name) else { return default };
        match Shape::of(raw) {
            Shape::Bool => raw.get().starts_with('t'),
            Shape::Number | Shape::Text => match truth(raw) {
                Some(truth) => truth,
                None => self.refuse(BOOL_PARSING, &[name.into()], raw).unwrap_or(default),
            },
            _ => self.refuse(BOOL_TYPE, &[name.into()], raw).unwrap_or(default),
        }
    }

    /// A list of texts that may be left out.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<Cow<'a, str>> {
        self.fields.last(name).and_then(|raw| self.read_texts(raw, name)).unwrap_or_default()
    }

    /// A list of texts that may be left out or null.
    pub(crate) fn optional_texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let texts = self.fields.last(name).filter(not_null).and_then(|raw| self.read_texts(raw, name));
        texts.map(|texts| texts.into_iter().map(Cow::into_owned).collect())
    }

    /// An object that must be there, its fields as they are; of two with one name the last stays.
    pub(crate) fn object(&mut self, name: &'static str) -> Vec<(Cow<'a, str>, &'a RawValue)> {
        let Some(raw) = self.required(name) else { return Vec::new() };
        if Shape::of(raw) != Shape::Object {
            return self.refuse(DICT, &[name.into()], raw).unwrap_or_default();
        }
        match serde_json::from_str::<Fields<'a>>(raw.get()) {
            Ok(fields) => fields.distinct(),
            Err(_) => self.refuse(INVALID, &[name.into()], raw).unwrap_or_default(),
        }
    }

    /// An object of lists that must be there.
    pub(crate) fn lists(&mut self, name: &'static str) -> Vec<(Cow<'a, str>, &'a RawValue)> {
        let columns = self.object(name);
        for (column, raw) in &columns {
            if Shape::of(raw) != Shape::List {
                self.refuse::<()>(LIST, &[name.into(), Step::Name(column.to_string())], raw);
            }
        }
        columns
    }

    /// Fails if anything was wrong.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::Form(self.problems)) }
    }

    fn required(&mut self, name: &'static str) -> Option<&'a RawValue> {
        let found = self.fields.last(name);
        if found.is_none() {
            self.refuse::<()>(MISSING, &[name.into()], self.body);
        }
        found
    }

    fn read_text(&mut self, raw: &'a RawValue, at: &[Step]) -> Option<Cow<'a, str>> {
        match Shape::of(raw) {
            Shape::Text => match serde_json::from_str::<Text<'a>>(raw.get()) {
                Ok(text) => Some(text.0),
                Err(_) => self.refuse(INVALID, at, raw),
            },
            _ => self.refuse(STRING, at, raw),
        }
    }

    fn read_texts(&mut self, raw: &'a RawValue, name: &'static str) -> Option<Vec<Cow<'a, str>>> {
        if Shape::of(raw) != Shape::List {
            return self.refuse(LIST, &[name.into()], raw);
        }
        let Ok(items) = serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) else {
            return self.refuse(INVALID, &[name.into()], raw);
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            texts.extend(self.read_text(item, &[name.into(), Step::Index(index)]));
        }
        Some(texts)
    }

    fn refuse<T>(&mut self, rule: Rule, at: &[Step], input: &RawValue) -> Option<T> {
        let at = std::iter::once(Step::from("body")).chain(at.iter().cloned());
        self.problems.push(Problem::new(rule, at, Some(input)));
        None
    }
}

/// A truth value of a query: `?async=true`.
pub(crate) fn query_flag(
    name: &'static str,
    pairs: &[(String, String)],
    problems: &mut Vec<Problem>,
) -> bool {
    let Some((_, value)) = pairs.iter().rfind(|(key, _)| key == name) else { return false };
    truth_of(value).unwrap_or_else(|| {
        let input = serde_json::value::to_raw_value(value).ok();
        problems.push(Problem::new(BOOL_PARSING, ["query".into(), name.into()], input.as_deref()));
        false
    })
}

fn truth(raw: &RawValue) -> Option<bool> {
    match Shape::of(raw) {
        Shape::Text => truth_of(&serde_json::from_str::<Text<'_>>(raw.get()).ok()?.0),
        _ => match raw.get().parse::<f64>() {
            Ok(0.0) => Some(false),
            Ok(1.0) => Some(true),
            _ => None,
        },
    }
}

fn truth_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

fn not_null(raw: &&RawValue) -> bool {
    Shape::of(raw) != Shape::Null
}

#[cfg(test)]
mod tests;
