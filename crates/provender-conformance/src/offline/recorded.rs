//! Joins that Feast was asked to do, with the answers of its DuckDB store.

use super::bed::{Bed, Loaded, key, request};
use crate::outcome::{Outcome, Stop, same};
use crate::table::table;
use provender_core::SECOND;
use provender_core::offline::{HistoricalRequest, KnownAt, Spine, ViewJoin};
use serde::Deserialize;
use std::sync::Arc;

const CASES: &str = include_str!("../../testdata/pit.json");

#[derive(Deserialize)]
struct Case {
    name: String,
    entity_rows: Vec<String>,
    views: Vec<View>,
    expected: Vec<String>,
    /// Whether the answer depends on the order of the source's rows.
    #[serde(default)]
    ordered: bool,
}

#[derive(Deserialize)]
struct View {
    name: String,
    table: Vec<String>,
    /// Column of the entity rows, column of the table.
    keys: Vec<(String, String)>,
    features: Vec<String>,
    event: String,
    created: Option<String>,
    ttl_seconds: Option<i64>,
    known_at_created: bool,
}

pub(super) async fn recorded_joins_are_answered_as_feast_did(bed: &Bed) -> Outcome {
    let cases: Vec<Case> = serde_json::from_str(CASES).map_err(Stop::broken)?;
    let known_at = bed.store.store.capabilities().known_at;
    for case in cases {
        let asks_known_at = case.views.iter().any(|view| view.known_at_created);
        if (asks_known_at && !known_at) || (case.ordered && !bed.store.ordered) {
            continue;
        }
        match play(bed, &case).await {
            Ok(()) | Err(Stop::Ignored(_)) => {}
            Err(stop) => return Err(stop.within(&case.name)),
        }
    }
    Ok(())
}

async fn play(bed: &Bed, case: &Case) -> Outcome {
    let mut views = Vec::new();
    for view in &case.views {
        let loaded = bed.table(&lines(&view.table)).await?;
        views.push(join(view, &loaded));
    }
    let asked = request(views, vec![table(&lines(&case.entity_rows))?]);
    let mut spine = Spine::clone(&asked.spine);
    "event_timestamp".clone_into(&mut spine.event_column);
    let answered = bed.join(HistoricalRequest { spine: Arc::new(spine), ..asked }).await?;
    same("values", &answered.lines(), &case.expected)
}

fn lines(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

fn join(view: &View, loaded: &Loaded) -> ViewJoin {
    let base = loaded.view();
    let feature = |name: &String| base.features.iter().find(|f| f.name == *name).cloned();
    ViewJoin {
        name: view.name.clone(),
        keys: view.keys.iter().map(|(name, column)| key(name, column)).collect(),
        features: view.features.iter().filter_map(feature).collect(),
        event_column: view.event.clone(),
        created_column: view.created.clone(),
        ttl: view.ttl_seconds.map(|seconds| seconds * SECOND),
        known_at: if view.known_at_created { KnownAt::Created } else { KnownAt::Event },
        ..base
    }
}
