//! `get-online-features`.

use super::Outcome;
use crate::app::App;
use crate::output;
use clap::Args;
use provender::engine::{EntityValue, Features, OnlineAnswer, OnlineQuery};
use provender::value::{self, ValueRef};
use provender::{Error, Result, SECOND, Timestamp};
use std::borrow::Cow;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provender -c shop get-online-features -e driver_id=1001 -f driver_stats:conv_rate\n  provender -c shop get-online-features -e driver_id=1001 -e driver_id=1002 --feature-service model_v1 --output json"
)]
pub(crate) struct Online {
    /// A join key and its value; one a row, so repeat a key for more rows
    #[arg(short = 'e', long = "entities", value_name = "KEY=VALUE", required = true)]
    entities: Vec<String>,
    /// A feature; repeat for more
    #[arg(short = 'f', long, value_name = "VIEW:FEATURE", required_unless_present = "feature_service")]
    features: Vec<String>,
    /// The features of a feature service
    #[arg(long, value_name = "NAME", conflicts_with = "features")]
    feature_service: Option<String>,
    /// Name features view__feature
    #[arg(long)]
    full_feature_names: bool,
}

impl Online {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let features = match &self.feature_service {
            Some(name) => Features::Service(name.clone()),
            None => Features::List(self.features.clone()),
        };
        let query = OnlineQuery {
            features: features.into(),
            entities: columns(&self.entities)?,
            full_feature_names: self.full_feature_names,
            context: app.context(),
        };
        let answer = store.online(query).await?;
        if app.json() {
            let mut body = Vec::new();
            answer.write_json(&mut body)?;
            body.push(b'\n');
            output::raw(&body);
        } else {
            output::table(&["row", "name", "value", "status", "event timestamp"], &rows(&answer)?, &[0]);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `key=value` words as columns, in the order of first mention.
fn columns(words: &[String]) -> Result<Vec<(Cow<'_, str>, Vec<EntityValue<'_>>)>> {
    let mut columns: Vec<(Cow<'_, str>, Vec<EntityValue<'_>>)> = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| {
            Error::invalid("not an entity")
                .with("field", "--entities")
                .with("value", word)
                .with("expected", "join_key=value, such as driver_id=1001")
        })?;
        let value = EntityValue::Text(value.into());
        match columns.iter_mut().find(|(name, _)| name == key) {
            Some((_, values)) => values.push(value),
            None => columns.push((key.into(), vec![value])),
        }
    }
    if columns.windows(2).any(|pair| pair[0].1.len() != pair[1].1.len()) {
        let counts = columns.iter().map(|(key, values)| format!("{} {key}", values.len()));
        return Err(Error::invalid("the join keys have different numbers of values")
            .with("field", "--entities")
            .with("found", counts.collect::<Vec<_>>().join(", "))
            .with("expected", "one value of each key for each row"));
    }
    Ok(columns)
}

fn rows(answer: &OnlineAnswer) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for row in 0..answer.rows() {
        for (column, name) in answer.names().enumerate() {
            let cell = answer.cell(column, row);
            rows.push(vec![
                row.to_string(),
                name.to_owned(),
                text(cell.value)?,
                cell.status.name().to_owned(),
                if cell.time.0 == 0 { String::new() } else { cell.time.to_string() },
            ]);
        }
    }
    Ok(rows)
}

/// A stored value for people: text and times without quotes, floats in as many digits as they hold, null empty.
fn text(stored: &[u8]) -> Result<String> {
    Ok(match value::read(stored)?.1 {
        ValueRef::Null => String::new(),
        ValueRef::Text(text) => text.to_owned(),
        ValueRef::Float(number) => number.to_string(),
        ValueRef::Double(number) => number.to_string(),
        ValueRef::Timestamp(seconds) => Timestamp(seconds.saturating_mul(SECOND)).to_string(),
        _ => {
            let mut json = Vec::new();
            value::write_json(stored, value::NonFinite::Null, &mut json)?;
            String::from_utf8_lossy(&json).trim_matches('"').to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_plainly() {
        let plain = |stored: &[u8]| text(stored).unwrap();
        assert_eq!(plain(b""), "");
        assert_eq!(plain(b"\x12\x03a\"b"), "a\"b");
        assert_eq!(plain(&[&[0x35], &0.1_f32.to_le_bytes()[..]].concat()), "0.1");
        assert_eq!(plain(&[&[0x29], &f64::NAN.to_le_bytes()[..]].concat()), "NaN");
        assert_eq!(plain(&[0x20, 7]), "7");
        assert_eq!(plain(&[0x40, 0]), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn join_keys_have_as_many_values_each() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(columns(&words(&["a=1", "b=x=y", "a=2", "b="])).unwrap().len(), 2);
        assert!(columns(&words(&["a=1", "b=1", "a=2"])).unwrap_err().to_string().contains("2 a, 1 b"));
    }
}
