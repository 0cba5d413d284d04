//! Listings: the columns that Feast's `list` commands show, for every kind of object.

use provender::Result;
use provender::model::{FeatureService, FeatureView, Meta, Object, ObjectKind, OnDemandSource, Tags};
use provender::registry::RegistrySnapshot;
use serde_json::{Map, Value, json};

/// Rows of named columns. The first column is the name.
pub(crate) struct Listing {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Listing {
    /// An array of objects keyed by column.
    pub(crate) fn to_json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            self.columns.iter().map(|c| (*c).to_owned()).zip(row.iter().cloned()).collect::<Map<_, _>>()
        };
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }

    /// Cells as text.
    pub(crate) fn texts(&self) -> Vec<Vec<String>> {
        self.rows.iter().map(|row| row.iter().map(text).collect()).collect()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(on) => if *on { "yes" } else { "no" }.to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(k, v)| format!("{k}: {}", text(v))).collect::<Vec<_>>().join(", ")
        }
        Value::Number(n) => n.to_string(),
    }
}

/// Objects of a kind that carry all of the tags. `feature-views` lists every kind of view, as Feast does.
pub(crate) fn objects(
    snapshot: &RegistrySnapshot,
    project: &str,
    kind: ObjectKind,
    tags: &[(String, String)],
) -> Result<Listing> {
    let mut listing = Listing { columns: columns(kind).to_vec(), rows: Vec::new() };
    let projects: Vec<&str> =
        if kind == ObjectKind::Project { snapshot.project_names().collect() } else { vec![project] };
    for stored in projects.iter().flat_map(|project| snapshot.objects(project)) {
        let wanted = stored.kind == kind || (kind == ObjectKind::FeatureView && stored.kind.is_view());
        if !wanted || &*stored.name == provender::model::DUMMY_ENTITY {
            continue;
        }
        let object = stored.object()?;
        if tags.iter().all(|(key, value)| object.tags().get(key) == Some(value)) {
            let mut row = vec![Value::from(object.name())];
            row.extend(cells(object, kind));
            listing.rows.push(row);
        }
    }
    Ok(listing)
}

/// All features of the project's views, or those of one name (`feature` or `view:feature`).
pub(crate) fn features(
    snapshot: &RegistrySnapshot,
    project: &str,
    name: Option<&str>,
    tags: &[(String, String)],
) -> Result<Listing> {
    let mut rows = Vec::new();
    for stored in snapshot.objects(project).filter(|o| o.kind.is_view()) {
        let fields = match stored.object()? {
            Object::FeatureView(view) => &view.features,
            Object::OnDemandFeatureView(view) => &view.features,
            _ => continue,
        };
        for field in fields {
            let asked = name
                .is_none_or(|n| n == field.name || n.split_once(':') == Some((&stored.name, &field.name)));
            if asked && tags.iter().all(|(key, value)| field.tags.get(key) == Some(value)) {
                rows.push(vec![
                    json!(field.name),
                    json!(&*stored.name),
                    json!(field.value_type.to_string()),
                    json!(field.description),
                    tag_cell(&field.tags),
                ]);
            }
        }
    }
    Ok(Listing { columns: vec!["name", "feature_view", "dtype", "description", "tags"], rows })
}

fn columns(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::Entity => &["name", "description", "type", "join_key", "tags", "owner"],
        ObjectKind::DataSource => &["name", "class", "description", "tags", "owner"],
        ObjectKind::FeatureView | ObjectKind::StreamFeatureView => &[
            "name",
            "entities",
            "type",
            "features",
            "enabled",
            "online",
            "ttl",
            "materialized_until",
            "tags",
        ],
        ObjectKind::FeatureService => &["name", "features", "description", "tags", "owner"],
        ObjectKind::OnDemandFeatureView => &["name", "mode", "sources", "features", "tags"],
        ObjectKind::Permission => &["name", "types", "name_patterns", "actions", "roles", "required_tags"],
        _ => &["name", "description", "tags", "owner", "created"],
    }
}

fn cells(object: &Object, kind: ObjectKind) -> Vec<Value> {
    match object {
        Object::Entity(o) => vec![
            json!(o.description),
            json!(o.value_type.name().unwrap_or("UNKNOWN")),
            json!(o.join_key),
            tag_cell(&o.tags),
            json!(o.owner),
        ],
        Object::DataSource(o) => {
            vec![json!(o.kind.class()), json!(o.description), tag_cell(&o.tags), json!(o.owner)]
        }
        Object::FeatureView(view) => view_cells(view, object.kind()),
        Object::OnDemandFeatureView(o) if kind == ObjectKind::OnDemandFeatureView => {
            let source = |(name, source): &(String, OnDemandSource)| match source {
                OnDemandSource::View(p) => p.name_to_use().to_owned(),
                OnDemandSource::Request(_) => name.clone(),
            };
            let features: Vec<_> = o.features.iter().map(|f| &f.name).collect();
            vec![json!(o.mode), o.sources.iter().map(source).collect(), json!(features), tag_cell(&o.tags)]
        }
        Object::OnDemandFeatureView(o) => {
            let features: Vec<_> = o.features.iter().map(|f| &f.name).collect();
            vec![
                Value::Null,
                json!(object.kind().class()),
                json!(features),
                json!(true),
                json!(false),
                Value::Null,
                Value::Null,
                tag_cell(&o.tags),
            ]
        }
        Object::FeatureService(o) => {
            vec![json!(references(o)), json!(o.description), tag_cell(&o.tags), json!(o.owner)]
        }
        Object::Permission(o) => vec![
            json!(o.types),
            json!(o.name_patterns),
            json!(o.actions),
            json!(o.roles),
            tag_cell(&o.required_tags),
        ],
        Object::Project(o) => plain(&o.description, &o.tags, &o.owner, o.meta),
        // A label view among the feature views has those columns.
        Object::Other(o) if kind == ObjectKind::FeatureView => {
            vec![
                Value::Null,
                json!(o.kind.class()),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
                tag_cell(&o.tags),
            ]
        }
        Object::Other(o) => plain(&o.description, &o.tags, &o.owner, o.meta),
    }
}

fn view_cells(view: &FeatureView, kind: ObjectKind) -> Vec<Value> {
    let features: Vec<_> = view.features.iter().map(|f| &f.name).collect();
    let entities: Vec<_> = view.entities.iter().filter(|e| *e != provender::model::DUMMY_ENTITY).collect();
    let until = view.materialization_intervals.iter().map(|i| i.end).max().map(|end| end.to_string());
    let ttl = view.limited_ttl().map(|ttl| format!("{}s", ttl / provender::SECOND));
    vec![
        json!(entities),
        json!(kind.class()),
        json!(features),
        json!(view.enabled),
        json!(view.online),
        json!(ttl),
        json!(until),
        tag_cell(&view.tags),
    ]
}

fn references(service: &FeatureService) -> Vec<String> {
    service
        .projections
        .iter()
        .flat_map(|p| p.features.iter().map(move |f| format!("{}:{}", p.name_to_use(), f.name)))
        .collect()
}

fn plain(description: &str, tags: &Tags, owner: &str, meta: Meta) -> Vec<Value> {
    vec![json!(description), tag_cell(tags), json!(owner), json!(meta.created.map(|t| t.to_string()))]
}

/// Tags without the hidden ones.
fn tag_cell(tags: &Tags) -> Value {
    Value::Object(
        tags.iter().filter(|(k, _)| !k.starts_with("feast:")).map(|(k, v)| (k.clone(), json!(v))).collect(),
    )
}
