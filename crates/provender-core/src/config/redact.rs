//! Hiding secrets in settings of providers that core does not know.

use serde_json::{Map, Value};

const HIDDEN: &str = "***";

/// Parts of keys whose values are secrets.
const SECRET_KEYS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "private_key",
    "access_key",
    "api_key",
    "credential",
    "connection_string",
];

/// Settings with secrets replaced by stars, and passwords inside URLs too.
pub(super) fn map(settings: &Map<String, Value>) -> Map<String, Value> {
    settings.iter().map(|(key, value)| (key.clone(), entry(key, value))).collect()
}

fn entry(key: &str, value: &Value) -> Value {
    let key = key.to_ascii_lowercase();
    let secret = SECRET_KEYS.iter().any(|part| key.contains(part)) && !key.ends_with("_env_var");
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        _ if secret => HIDDEN.into(),
        other => self::value(other),
    }
}

fn value(value: &Value) -> Value {
    match value {
        Value::String(text) => url(text).into(),
        Value::Array(items) => items.iter().map(self::value).collect(),
        Value::Object(settings) => Value::Object(map(settings)),
        other => other.clone(),
    }
}

/// `scheme://user:password@host` without the password.
fn url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
        Some((user, password)) => {
            let tail = &rest[user.len() + 1 + password.len()..];
            format!("{scheme}://{user}:{HIDDEN}{tail}")
        }
        None => text.to_owned(),
    }
}
