//! `OBJECTS list` and `OBJECTS describe NAME`, one code for every kind.

use super::{Outcome, dump};
use crate::app::App;
use crate::{listing, output};
use clap::{Args, Subcommand};
use provender::Error;
use provender::model::ObjectKind;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provender -c shop feature-views list --tags team:drivers\n  provender -c shop feature-views describe driver_stats --output json"
)]
pub(crate) struct Objects {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// One line an object
    List {
        /// Only objects with this tag; all of them, if given more than once
        #[arg(long, value_name = "KEY:VALUE")]
        tags: Vec<String>,
    },
    /// Everything about one object
    Describe {
        /// Its name
        name: String,
    },
}

impl Objects {
    pub(crate) async fn run(&self, app: &App, kind: ObjectKind) -> Outcome {
        let store = app.store().await?;
        let (_, snapshot) = store.snapshot().await?;
        match &self.action {
            Action::List { tags } => {
                let listing = listing::objects(&snapshot, store.project(), kind, &parse_tags(tags)?)?;
                show_listing(app, &listing);
            }
            Action::Describe { name } => {
                let project = if kind == ObjectKind::Project { name } else { store.project() };
                let stored = snapshot.find(project, kind, name).ok_or_else(|| {
                    Error::not_found(format!("{kind} {name} does not exist in project {}", store.project()))
                })?;
                show_object(app, &stored.to_json()?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// `features list` and `features describe`: features belong to views, so they are looked up there.
    pub(crate) async fn features(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let (_, snapshot) = store.snapshot().await?;
        match &self.action {
            Action::List { tags } => {
                show_listing(app, &listing::features(&snapshot, store.project(), None, &parse_tags(tags)?)?)
            }
            Action::Describe { name } => {
                let listing = listing::features(&snapshot, store.project(), Some(name), &[])?;
                if listing.rows.is_empty() {
                    return Err(Error::not_found(format!(
                        "feature {name} does not exist in project {}",
                        store.project()
                    ))
                    .into());
                }
                show_listing(app, &listing);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn parse_tags(tags: &[String]) -> Result<Vec<(String, String)>, Error> {
    let parse = |tag: &String| match tag.split_once(':') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Error::invalid("not a tag")
            .with("field", "--tags")
            .with("value", tag)
            .with("expected", "key:value")),
    };
    tags.iter().map(parse).collect()
}

fn show_listing(app: &App, listing: &listing::Listing) {
    if app.json() {
        output::json(&listing.to_json());
    } else {
        output::table(&listing.columns, &listing.texts(), &[]);
    }
}

fn show_object(app: &App, object: &Value) -> Result<(), Error> {
    if app.json() {
        output::json(object);
    } else {
        output::line(dump::yaml(object)?.trim_end());
    }
    Ok(())
}
