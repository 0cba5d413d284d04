//! `registry-dump` and `configuration`.

use super::Outcome;
use crate::app::App;
use crate::output;
use clap::Args;
use provender::Error;
use provender::model::ObjectKind;
use serde_json::{Map, Value};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop registry-dump > registry.json")]
pub(crate) struct RegistryDump {}

impl RegistryDump {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let (_, snapshot) = store.snapshot().await?;
        let mut dump = Map::from_iter([("project".to_owned(), Value::from(store.project()))]);
        for stored in snapshot.objects(store.project()).filter(|o| o.kind != ObjectKind::Project) {
            let list = dump.entry(dump_key(stored.kind)).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(stored.to_json()?);
            }
        }
        output::json(&Value::Object(dump));
        Ok(ExitCode::SUCCESS)
    }
}

/// Feast's key for a kind in its dump: `feature-views` becomes `featureViews`.
fn dump_key(kind: ObjectKind) -> String {
    let mut words = kind.command().split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |key, word| key + &word[..1].to_uppercase() + &word[1..])
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop configuration --output json")]
pub(crate) struct Configuration {}

impl Configuration {
    pub(crate) fn run(&self, app: &App) -> Outcome {
        let config = app.config()?.to_json();
        if app.json() {
            output::json(&config);
        } else {
            output::line(yaml(&config)?.trim_end());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// JSON as YAML, for people.
pub(super) fn yaml(value: &Value) -> Result<String, Error> {
    serde_saphyr::to_string(value).map_err(|e| Error::internal("cannot write YAML").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dump_keys_are_feasts() {
        assert_eq!(dump_key(ObjectKind::FeatureView), "featureViews");
        assert_eq!(dump_key(ObjectKind::OnDemandFeatureView), "onDemandFeatureViews");
        assert_eq!(dump_key(ObjectKind::Entity), "entities");
    }
}
