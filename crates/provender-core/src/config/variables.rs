//! `${NAME}` in the configuration.
//!
//! Values are put in after the YAML is read, so that nothing in them is taken for YAML. One thing must be done before: an unquoted `${NAME}` that is all of a
//! scalar may stand for a number or truth value, and inside `{}` or `[]` its braces would be taken for YAML's.

use crate::{Error, Result};
use serde_json::Value;

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Prepares YAML text: an unquoted `${NAME}` that is all of a scalar becomes the number or truth value that the variable holds, else it is put in quotes.
pub(super) fn prepare(text: &str, env: Env<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    // Indentation of the key whose block scalar the lines belong to.
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if block.is_some_and(|key| indent > key || line.trim().is_empty()) {
            out.push_str(line);
            continue;
        }
        block = opens_block(line).then_some(indent);
        prepare_line(line, env, &mut out);
    }
    out
}

/// Whether a line ends in `|` or `>`: what follows, further indented, is text as it is.
fn opens_block(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let line = line.strip_suffix(['+', '-']).unwrap_or(line);
    line.strip_suffix(['|', '>']).is_some_and(|before| before.ends_with([' ', '\t']))
}

fn prepare_line(line: &str, env: Env<'_>, out: &mut String) {
    let mut quote = None;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let before = &line[..line.len() - rest.len()];
        match (quote, c) {
            (Some('"'), '\\') => {
                let len = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..len]);
                rest = &rest[len..];
                continue;
            }
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') if starts_scalar(before) => quote = Some(c),
            (None, '#') if before.is_empty() || before.ends_with([' ', '\t']) => {
                out.push_str(rest);
                return;
            }
            (None, '$') if starts_scalar(before) => {
                if let Some((name, tail)) = whole_variable(rest) {
                    match env(name).filter(|value| is_plain(value)) {
                        Some(value) => out.push_str(&value),
                        None => out.extend(["\"${", name, "}\""]),
                    }
                    rest = tail;
                    continue;
                }
            }
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
}

/// Whether a scalar may begin behind this text of a line.
fn starts_scalar(before: &str) -> bool {
    let trimmed = before.trim_end_matches([' ', '\t']);
    match trimmed.chars().next_back() {
        Some('[' | '{') => true,
        Some(':' | ',' | '-') => trimmed.len() < before.len(),
        _ => false,
    }
}

/// `${NAME}` at the start of the text, if the scalar ends behind it.
fn whole_variable(text: &str) -> Option<(&str, &str)> {
    let (name, tail) = text.strip_prefix("${")?.split_once('}')?;
    let ends = tail.is_empty() || tail.starts_with([',', ']', '}', '\r', '\n', ' ', '\t']);
    let next = tail.trim_start_matches([' ', '\t']);
    let alone = next.is_empty() || next.starts_with([',', ']', '}', '\r', '\n', '#']);
    (is_name(name) && ends && alone).then_some((name, tail))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A number or truth value in its usual form.
fn is_plain(value: &str) -> bool {
    let integer = value.parse::<i64>().is_ok_and(|v| v.to_string() == value);
    let float = value.parse::<f64>().is_ok_and(f64::is_finite)
        && value.contains('.')
        && value.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    integer || float || matches!(value, "true" | "false")
}

/// Puts the variables' values into every text of a tree.
pub(super) fn substitute(value: &mut Value, at: &str, env: Env<'_>) -> Result<()> {
    match value {
        Value::String(text) => *text = replaced(text, at, env)?,
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                substitute(item, &format!("{at}[{i}]"), env)?;
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                substitute(value, &at, env)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn replaced(text: &str, at: &str, env: Env<'_>) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, after)) = tail.split_once('}') else {
            out.push_str("${");
            rest = tail;
            break;
        };
        let value = env(name).ok_or_else(|| {
            Error::invalid("environment variable is not set").with("variable", name).with("at", at)
        })?;
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
