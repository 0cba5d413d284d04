//! One thing that is wrong with a request, in the form of FastAPI's 422 answers.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A rule of pydantic: the type of its error and its message.
pub(crate) type Rule = (&'static str, &'static str);

pub(super) const MISSING: Rule = ("missing", "Field required");
pub(super) const STRING: Rule = ("string_type", "Input should be a valid string");
pub(super) const LIST: Rule = ("list_type", "Input should be a valid list");
pub(super) const DICT: Rule = ("dict_type", "Input should be a valid dictionary");
pub(super) const BOOL_TYPE: Rule = ("bool_type", "Input should be a valid boolean");
pub(super) const BOOL_PARSING: Rule =
    ("bool_parsing", "Input should be a valid boolean, unable to interpret input");
pub(super) const MODEL: Rule =
    ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from");
pub(super) const INVALID: Rule = ("json_invalid", "JSON decode error");

/// Input that is longer is not sent back, nor is any that is nested too deep to be read or has half a character.
const LONGEST_INPUT: usize = 16 << 10;

/// Where a problem is: `body`, then names of fields and places in lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

impl From<&'static str> for Step {
    fn from(name: &'static str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    rule: &'static str,
    loc: Vec<Step>,
    msg: &'static str,
    input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Cause>,
}

#[derive(Clone, Debug, Serialize)]
struct Cause {
    error: String,
}

impl Problem {
    /// A broken rule, where, and what was sent instead.
    pub(crate) fn new(rule: Rule, at: impl IntoIterator<Item = Step>, input: Option<&RawValue>) -> Self {
        let echo = |raw: &RawValue| match raw.get() {
            long if long.len() > LONGEST_INPUT => None,
            text => serde_json::from_str(text).ok(),
        };
        let input = input.and_then(echo).unwrap_or_default();
        Self { rule: rule.0, loc: at.into_iter().collect(), msg: rule.1, input, ctx: None }
    }

    /// Text that is not JSON; the place is the offset of the byte at which reading stopped.
    pub(super) fn syntax(error: &serde_json::Error, body: &[u8]) -> Self {
        let lines = body.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1));
        let offset = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
        Self::new(INVALID, ["body".into(), Step::Index(offset)], None).because(error.to_string())
    }

    /// A write whose content is not declared as JSON. A web page of anywhere can make a browser send such a request, so it is not taken for one.
    pub(crate) fn undeclared() -> Self {
        Self::new(MODEL, ["body".into()], None)
            .because("the header content-type must be application/json".to_owned())
    }

    fn because(mut self, error: String) -> Self {
        self.ctx = Some(Cause { error });
        self
    }

    /// `{"detail": […]}`.
    pub(crate) fn to_json(problems: &[Self]) -> String {
        #[derive(Serialize)]
        struct Detail<'a> {
            detail: &'a [Problem],
        }
        // texts, numbers and JSON: there is nothing that could not be written
        serde_json::to_string(&Detail { detail: problems }).unwrap_or_default()
    }
}
