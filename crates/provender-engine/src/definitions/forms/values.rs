//! Values of fields that have a form of their own: durations, types, one text or several, a view's name or part of a view.

use super::objects::UsePartForm;
use super::read::{At, FromNode};
use crate::definitions::ttl;
use crate::definitions::yaml::{Node, Value};
use provender_core::{Dtype, SECOND, ValueType};
use std::collections::BTreeMap;

/// A lifetime in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ttl(pub(crate) i64);

/// A type without hidden tags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TypeName(pub(super) ValueType);

/// A text, or a list of texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OneOrMore(pub(super) Vec<String>);

/// A view's name, or [`UsePartForm`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UseForm(pub(super) UsePartForm);

impl FromNode for Ttl {
    fn type_name() -> String {
        "duration: 90s, 15m, 3h, 7d, or seconds".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        let micros = match &node.value {
            Value::Int(seconds) => seconds.checked_mul(SECOND),
            Value::Text(text) => ttl::parse(text),
            _ => None,
        };
        micros.map(Self).or_else(|| at.expected(node, ttl::EXPECTED))
    }

    fn show(&self) -> String {
        ttl::show(self.0)
    }
}

impl FromNode for Dtype {
    fn type_name() -> String {
        "type".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        let Value::Text(text) = &node.value else { return at.expected(node, "a type such as Int64") };
        Self::parse(text).map_err(|problem| at.report(node.line, &problem)).ok()
    }
}

impl FromNode for TypeName {
    fn type_name() -> String {
        "type".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        Dtype::from_node(node, at).map(|dtype| Self(dtype.value_type))
    }
}

impl FromNode for OneOrMore {
    fn type_name() -> String {
        "text, or list of text".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(Self(vec![text.clone()])),
            Value::List(_) => Vec::from_node(node, at).map(Self),
            _ => at.expected(node, "text or a list of text"),
        }
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl FromNode for UseForm {
    fn type_name() -> String {
        "view's name, or ViewFeatures".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(view) => Some(Self(UsePartForm {
                view: view.clone(),
                features: Vec::new(),
                name_alias: None,
                join_key_map: BTreeMap::new(),
            })),
            Value::Map(_) => UsePartForm::from_node(node, at).map(Self),
            _ => at.expected(node, "a view's name, or {view, features, name_alias, join_key_map}"),
        }
    }
}
