//! Reading `feature_store.yaml`.

use super::known::{self, wrong};
use super::{OnlineTtl, RepoConfig, StoreConfig, variables};
use crate::{Error, Result};
use serde_json::{Map, Value};
use serde_saphyr::UserMessageFormatter;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Feast's own names of clouds, which pick defaults there and nothing here.
const PLATFORMS: &[&str] = &["local", "gcp", "aws", "azure"];
/// Feast's, in seconds.
const REGISTRY_TTL: u64 = 600;

impl RepoConfig {
    /// Reads the text of `feature_store.yaml`. `file` is its name for error messages, `repo_dir` the folder where relative paths start, `env` looks up
    /// the variables of `${NAME}`, which may stand in any text. A variable that is not set is an error; Feast would leave its name in place.
    ///
    /// # Errors
    /// `Invalid` naming the file, the key's path and what was expected; `Unsupported` for what only Feast in Python can do.
    pub fn parse(
        text: &str,
        file: &Path,
        repo_dir: PathBuf,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let in_file = |error: Error| error.with("file", file.display());
        let tree = read(&variables::prepare(text, env), file)?;
        config(tree, repo_dir, env).map_err(in_file)
    }
}

fn read(text: &str, file: &Path) -> Result<Value> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let cause = error.render_with_formatter(&UserMessageFormatter);
        let line = error.location().map_or(String::new(), |at| format!(":{}", at.line()));
        let cause = cause.split(" at line ").next().unwrap_or_default();
        Error::invalid(format!("not valid YAML: {cause}")).with("file", format!("{}{line}", file.display()))
    })
}

fn config(mut tree: Value, repo_dir: PathBuf, env: &dyn Fn(&str) -> Option<String>) -> Result<RepoConfig> {
    variables::substitute(&mut tree, "", env)?;
    let Value::Object(file) = tree else {
        return Err(
            Error::invalid("the configuration is not a map").with("expected", "project: NAME, registry: …")
        );
    };
    let mut ignored = known::check(&file)?;
    check_platform(&file)?;
    let online_store = online_store(&file)?;
    let project = project(&file, online_store.as_ref())?;
    let registry = registry(&file)?;
    let seconds = match registry.rest.get("cache_ttl_seconds") {
        Some(ttl) => ttl
            .as_u64()
            .ok_or_else(|| wrong("registry.cache_ttl_seconds", ttl, "a number of seconds, 0 for no limit"))?,
        None => REGISTRY_TTL,
    };
    ignored.extend(ignored_of_registry(&registry));
    let compat_feast = choice(&file, "compat", &["feast"])?.is_some();
    Ok(RepoConfig {
        project,
        project_description: text(&file, "project_description")?.unwrap_or_default().to_owned(),
        repo_dir,
        registry,
        online_store,
        offline_stores: offline_stores(&file)?,
        entity_key_version: entity_key_version(&file)?,
        online_ttl: match choice(&file, "online_ttl", &["enforce", "report", "ignore"])? {
            Some("report") => OnlineTtl::Report,
            Some("ignore") => OnlineTtl::Ignore,
            None if compat_feast => OnlineTtl::Ignore,
            _ => OnlineTtl::Enforce,
        },
        compat_feast,
        registry_ttl: if seconds == 0 { Duration::MAX } else { Duration::from_secs(seconds) },
        online_write_batch_size: online_write_batch_size(&file)?,
        ignored,
    })
}

/// Keys of Feast's registry cache that no registry acts on: ours is refreshed in the background, at once when the file has changed.
fn ignored_of_registry(registry: &StoreConfig) -> impl Iterator<Item = String> {
    ["cache_mode", "purge_feast_metadata", "mcp"]
        .into_iter()
        .filter(|key| registry.rest.get(*key).is_some_and(|value| !value.is_null()))
        .map(|key| format!("registry.{key}"))
}

fn project<'a>(file: &'a Map<String, Value>, online_store: Option<&StoreConfig>) -> Result<String> {
    let form = "letters, digits, _ and -, beginning with a letter or digit";
    let name: &'a str = text(file, "project")?.ok_or_else(|| {
        Error::invalid("the project has no name").with("at", "project").with("expected", form)
    })?;
    let good = !name.is_empty()
        && !name.starts_with(['_', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !good {
        return Err(Error::invalid("not a project name")
            .with("at", "project")
            .with("value", name)
            .with("expected", form));
    }
    if name.contains('-') && online_store.is_some_and(|store| store.kind == "sqlite") {
        return Err(Error::invalid(
            "a project name with - does not fit the SQLite online store, whose tables begin with it",
        )
        .with("at", "project")
        .with("value", name)
        .with("expected", name.replace('-', "_")));
    }
    Ok(name.to_owned())
}

fn check_platform(file: &Map<String, Value>) -> Result<()> {
    match text(file, "provider")? {
        Some(name) if !PLATFORMS.contains(&name) => {
            Err(Error::unsupported("a provider of Feast in Python cannot be run")
                .with("at", "provider")
                .with("value", name)
                .with("expected", PLATFORMS.join(", ")))
        }
        _ => Ok(()),
    }
}

fn registry(file: &Map<String, Value>) -> Result<StoreConfig> {
    match file.get("registry") {
        Some(Value::String(path)) => Ok(StoreConfig::new("file").with("path", path.as_str())),
        Some(Value::Object(map)) => {
            let mut map = map.clone();
            if let Some(kind) = map.remove("registry_type") {
                match map.get("type") {
                    Some(other) if *other != kind => {
                        return Err(Error::invalid("registry_type and type differ").with("at", "registry"));
                    }
                    _ => map.insert("type".to_owned(), kind),
                };
            }
            store(Value::Object(map), "registry", "file")
        }
        None | Some(Value::Null) => Err(Error::invalid("there is no registry")
            .with("at", "registry")
            .with("expected", "a path such as data/registry.db, or a map with type and path")),
        Some(other) => Err(wrong("registry", other, "a path, or a map with type and path")),
    }
}

fn online_store(file: &Map<String, Value>) -> Result<Option<StoreConfig>> {
    match file.get("online_store") {
        None => Ok(Some(StoreConfig::new("sqlite"))),
        Some(Value::Null) => Ok(None),
        Some(section) => store(section.clone(), "online_store", "sqlite").map(Some),
    }
}

fn offline_stores(file: &Map<String, Value>) -> Result<Vec<StoreConfig>> {
    let mut stores = Vec::new();
    if let Some(section) = file.get("offline_store").filter(|section| !section.is_null()) {
        stores.push(store(section.clone(), "offline_store", "file")?);
    }
    match file.get("offline_stores") {
        None | Some(Value::Null) => {}
        Some(Value::Array(sections)) => {
            for (i, section) in sections.iter().enumerate() {
                stores.push(store(section.clone(), &format!("offline_stores[{i}]"), "file")?);
            }
        }
        Some(other) => return Err(wrong("offline_stores", other, "a list of sections")),
    }
    if stores.is_empty() {
        stores.push(StoreConfig::new("file"));
    }
    Ok(stores)
}

/// A section: a bare type, or a map with `type` and settings.
fn store(section: Value, at: &str, default: &str) -> Result<StoreConfig> {
    match section {
        Value::String(kind) => Ok(StoreConfig::new(kind)),
        Value::Object(mut rest) => match rest.remove("type") {
            None | Some(Value::Null) => Ok(StoreConfig { kind: default.to_owned(), rest }),
            Some(Value::String(kind)) => Ok(StoreConfig { kind, rest }),
            Some(other) => Err(wrong(&format!("{at}.type"), &other, "the name of a type")),
        },
        other => Err(wrong(at, &other, "a type, or a map with type and settings")),
    }
}

fn entity_key_version(file: &Map<String, Value>) -> Result<u32> {
    match file.get("entity_key_serialization_version") {
        None | Some(Value::Null) => Ok(3),
        Some(version) if version.as_u64() == Some(3) => Ok(3),
        Some(version) => Err(Error::invalid(
            "only version 3 of entity keys is supported: older keys cannot be read back; materialize again with version 3",
        )
        .with("at", "entity_key_serialization_version")
        .with("value", version)
        .with("expected", 3)),
    }
}

fn online_write_batch_size(file: &Map<String, Value>) -> Result<Option<usize>> {
    match file.get("materialization").and_then(|section| section.get("online_write_batch_size")) {
        None | Some(Value::Null) => Ok(None),
        Some(rows) => {
            match rows.as_u64().and_then(|rows| usize::try_from(rows).ok()).filter(|rows| *rows > 0) {
                Some(rows) => Ok(Some(rows)),
                None => Err(Error::invalid("not a number of rows")
                    .with("at", "materialization.online_write_batch_size")
                    .with("value", rows)
                    .with("expected", "a whole number above 0")),
            }
        }
    }
}

fn text<'a>(file: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>> {
    match file.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(key, other, "text")),
    }
}

fn choice<'a>(file: &'a Map<String, Value>, key: &str, known: &[&str]) -> Result<Option<&'a str>> {
    let Some(word) = text(file, key)? else { return Ok(None) };
    if known.contains(&word) {
        return Ok(Some(word));
    }
    Err(Error::invalid(format!("unknown value of {key}"))
        .with("at", key)
        .with("value", word)
        .with("expected", known.join(", "))
        .suggest(word, known.iter().copied()))
}
