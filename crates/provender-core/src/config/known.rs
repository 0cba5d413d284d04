//! The keys of `feature_store.yaml` that Feast and Provender know, stores' own settings apart: those are each provider's.

use crate::{Error, Result};
use serde_json::{Map, Value};

/// What stands under a key.
pub(super) enum Keys {
    /// A value that Provender acts on, or a section that is checked elsewhere.
    Used,
    /// Feast's, without effect in Provender. Set to the default that it names, it does not even count as set.
    Ignored(bool),
    /// Feast's section without effect, whose own keys are open.
    IgnoredSection,
    /// A section with these keys.
    Section(&'static [(&'static str, Keys)]),
    /// Feast's section without effect, with these keys.
    IgnoredWith(&'static [&'static str]),
}

use Keys::{Ignored, IgnoredSection, IgnoredWith, Section, Used};

/// What Feast's documents list, and `online_ttl`, `compat`, `offline_stores`, which are ours.
pub(super) const TOP: &[(&str, Keys)] = &[
    ("project", Used),
    ("project_description", Used),
    ("provider", Used),
    ("registry", Used),
    ("online_store", Used),
    ("offline_store", Used),
    ("offline_stores", Used),
    ("online_ttl", Used),
    ("compat", Used),
    ("entity_key_serialization_version", Used),
    (
        "materialization",
        Section(&[("online_write_batch_size", Used), ("pull_latest_features", Ignored(false))]),
    ),
    ("coerce_tz_aware", Ignored(true)),
    ("batch_engine", IgnoredSection),
    ("engine", IgnoredSection),
    ("feature_server", IgnoredWith(FEATURE_SERVER)),
    ("auth", IgnoredWith(AUTH)),
    ("embedding_model", IgnoredWith(&["provider", "model"])),
    ("data_quality_monitoring", IgnoredWith(&["auto_baseline"])),
    ("openlineage", IgnoredSection),
    ("mlflow", IgnoredSection),
    ("flags", IgnoredSection),
];

const FEATURE_SERVER: &[&str] = &[
    "type",
    "enabled",
    "transformation_service_endpoint",
    "mcp_enabled",
    "mcp_server_name",
    "mcp_server_version",
    "mcp_transport",
    "metrics",
    "feature_logging",
    "offline_push_batching_enabled",
    "offline_push_batching_batch_size",
    "offline_push_batching_batch_interval_seconds",
];

const AUTH: &[&str] = &[
    "type",
    "user_token",
    "auth_discovery_url",
    "client_id",
    "client_secret",
    "username",
    "password",
    "token",
    "token_env_var",
    "token_refresh_margin_seconds",
    "ui_client_id",
    "verify_ssl",
    "ca_cert_path",
    "audience",
    "issuer",
    "jwks_cache_lifespan_seconds",
    "jwks_request_timeout_seconds",
];

/// Refuses unknown keys and answers the paths of those that are set and have no effect.
pub(super) fn check(file: &Map<String, Value>) -> Result<Vec<String>> {
    let mut ignored = Vec::new();
    section(file, TOP, "", &mut ignored)?;
    // Feast's own name for "no authentication" asks for what is done anyway.
    let open = file.get("auth").and_then(|auth| auth.get("type")).is_some_and(|t| t == "no_auth");
    ignored.retain(|path| !(open && path == "auth"));
    Ok(ignored)
}

fn section(
    map: &Map<String, Value>,
    known: &'static [(&'static str, Keys)],
    at: &str,
    ignored: &mut Vec<String>,
) -> Result<()> {
    for (key, value) in map {
        let path = format!("{at}{key}");
        let Some((_, keys)) = known.iter().find(|(name, _)| name == key) else {
            return Err(unknown(&path, key, known.iter().map(|(name, _)| *name)));
        };
        match (keys, value) {
            (_, Value::Null) | (Used, _) => {}
            (Section(inner), Value::Object(map)) => section(map, inner, &format!("{path}."), ignored)?,
            (Section(_), _) => return Err(wrong(&path, value, "a map")),
            (Ignored(default), Value::Bool(value)) if value == default => {}
            (Ignored(_) | IgnoredSection, _) => ignored.push(path),
            (IgnoredWith(names), value) => {
                let map = value.as_object().ok_or_else(|| wrong(&path, value, "a map"))?;
                if let Some(key) = map.keys().find(|key| !names.contains(&key.as_str())) {
                    return Err(unknown(&format!("{path}.{key}"), key, names.iter().copied()));
                }
                ignored.push(path);
            }
        }
    }
    Ok(())
}

fn unknown<'a>(path: &str, key: &str, known: impl Iterator<Item = &'a str>) -> Error {
    Error::invalid("unknown key").with("at", path).suggest(key, known)
}

/// The error for a value of the wrong kind.
pub(super) fn wrong(at: &str, found: &Value, expected: &str) -> Error {
    let found = match found {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    };
    Error::invalid(format!("{at} is {found}")).with("at", at).with("expected", expected)
}
