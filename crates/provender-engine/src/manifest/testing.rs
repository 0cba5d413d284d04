//! A recorder of rows that no store made.

use super::{Draft, KeyRecord, PlanRecord, Recorder, RequestRecord, ViewPlan};
use crate::Features;
use arrow_schema::Schema;

/// For rows with a key, a column `event_timestamp`, and features after the entity columns.
pub(crate) fn recorder(schema: &Schema, key: &str, entity_columns: usize) -> Recorder {
    let view = ViewPlan {
        name: "fv".into(),
        source: "fv".into(),
        keys: vec![KeyRecord { name: key.into(), column: key.into(), r#type: "Int64".into() }],
        features: Vec::new(),
        event_column: "event_timestamp".into(),
        created_column: None,
        ttl: None,
        known_at: "none".into(),
    };
    let draft = Draft {
        project: "p".into(),
        request: RequestRecord::new(&Features::List(Vec::new()), false, None),
        definitions: Vec::new(),
        sources: Vec::new(),
        plan: PlanRecord { hash: String::new(), views: vec![view] },
        event_column: "event_timestamp".into(),
        entity_columns,
    };
    Recorder::new(draft, schema)
}
