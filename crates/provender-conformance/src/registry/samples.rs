//! Objects with every field set.

use provender_core::model::{
    DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, MaterializationInterval, Meta,
    NESTED_TYPE_TAG, Object, OnDemandFeatureView, OnDemandSource, Permission, Project, Projection,
    SourceKind, Tags, VectorIndex, ViewKind,
};
use provender_core::{Timestamp, ValueType};
use std::collections::BTreeMap;
use std::sync::Arc;

fn tags(value: &str) -> Tags {
    [("team", value), ("empty", ""), ("grün", "\"quoted\"\nlines")]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

fn field(name: &str, value_type: ValueType) -> Field {
    Field::new(name, value_type)
}

fn full_field() -> Field {
    Field {
        name: "embedding".to_owned(),
        value_type: ValueType::FLOAT_LIST,
        description: "a vector".to_owned(),
        tags: tags("field"),
        vector: Some(VectorIndex { length: 384, metric: "COSINE".to_owned() }),
    }
}

fn file(name: &str) -> DataSource {
    let kind = SourceKind::File {
        path: format!("s3://bucket/{name}/*.parquet"),
        format: FileFormat::Parquet,
        s3_endpoint_override: "http://localhost:9000".to_owned(),
    };
    DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        created_timestamp_column: "created".to_owned(),
        date_partition_column: "day".to_owned(),
        field_mapping: BTreeMap::from([("raw".to_owned(), "cooked".to_owned())]),
        description: "hourly statistics".to_owned(),
        tags: tags("source"),
        owner: "data@example.com".to_owned(),
        ..DataSource::new(name, kind)
    }
}

/// A source of each kind.
pub(super) fn sources() -> Vec<DataSource> {
    let batch = || Some(Box::new(file("driver_hourly")));
    let format = || Some(("json".to_owned(), "driver_id integer, at timestamp".to_owned()));
    let text = str::to_owned;
    let path = |path: &str, format| SourceKind::File {
        path: text(path),
        format,
        s3_endpoint_override: String::new(),
    };
    let snowflake = |table: &str, query: &str| SourceKind::Snowflake {
        table: text(table),
        query: text(query),
        schema: text("PUBLIC"),
        database: text("FEATURES"),
    };
    let kinds = vec![
        ("file_unset", path("data/x.parquet", FileFormat::Unset)),
        ("file_csv", path("data/x.csv", FileFormat::Csv)),
        ("file_delta", path("data/x", FileFormat::Delta)),
        ("bigquery_table", SourceKind::BigQuery { table: text("a.b.c"), query: String::new() }),
        ("bigquery_query", SourceKind::BigQuery { table: String::new(), query: text("SELECT 1 AS x") }),
        ("snowflake_table", snowflake("DRIVERS", "")),
        ("snowflake_query", snowflake("", "SELECT * FROM t")),
        ("push", SourceKind::Push { batch: batch() }),
        ("push_alone", SourceKind::Push { batch: None }),
        (
            "request",
            SourceKind::Request {
                schema: vec![field("amount", ValueType::DOUBLE), field("items", ValueType::INT64_LIST)],
            },
        ),
        (
            "kafka",
            SourceKind::Kafka {
                bootstrap_servers: text("one:9092,two:9092"),
                topic: text("drivers"),
                message_format: format(),
                watermark_delay: Some(300_000_000),
                batch: batch(),
            },
        ),
        (
            "kinesis",
            SourceKind::Kinesis {
                region: text("eu-west-1"),
                stream: text("drivers"),
                message_format: format(),
                batch: batch(),
            },
        ),
    ];
    let mut sources: Vec<DataSource> =
        kinds.into_iter().map(|(name, kind)| DataSource::new(name, kind)).collect();
    sources.push(file("driver_hourly"));
    sources
}

/// A batch view with every field set.
pub(super) fn view() -> FeatureView {
    FeatureView {
        name: "driver_stats".to_owned(),
        kind: ViewKind::Batch,
        entities: vec!["driver".to_owned(), "city".to_owned()],
        entity_columns: vec![field("driver_id", ValueType::INT64), field("city_id", ValueType::STRING)],
        features: vec![
            Field { description: "share".to_owned(), tags: tags("f"), ..field("rate", ValueType::FLOAT) },
            full_field(),
            field("trips", ValueType::INT64),
        ],
        ttl: Some(86_400_000_001),
        batch_source: Some(file("driver_hourly")),
        stream_source: Some(DataSource::new(
            "push",
            SourceKind::Push { batch: Some(Box::new(file("driver_hourly"))) },
        )),
        online: true,
        offline: true,
        enabled: true,
        description: "Statistics.\nOf drivers.".to_owned(),
        tags: tags("view"),
        owner: "ml@example.com".to_owned(),
        materialization_intervals: vec![
            MaterializationInterval { start: Timestamp(-1), end: Timestamp(1_767_225_600_123_456) },
            MaterializationInterval { start: Timestamp(0), end: Timestamp(1) },
        ],
        state: 4,
        version_number: 0,
        meta: Meta::default(),
    }
}

/// A view of only what it must have.
pub(super) fn bare_view(name: &str) -> FeatureView {
    FeatureView {
        name: name.to_owned(),
        entities: vec!["driver".to_owned()],
        entity_columns: vec![field("driver_id", ValueType::INT64)],
        features: vec![field("trips", ValueType::INT64)],
        batch_source: Some(file("driver_hourly")),
        enabled: true,
        ..FeatureView::default()
    }
}

fn projections() -> Vec<Projection> {
    let join_key_map = BTreeMap::from([("driver_id".to_owned(), "origin_driver".to_owned())]);
    vec![
        Projection {
            view: "driver_stats".to_owned(),
            features: vec![field("trips", ValueType::INT64), full_field()],
            ..Projection::default()
        },
        Projection {
            view: "driver_stats".to_owned(),
            alias: Some("origin".to_owned()),
            join_key_map,
            features: vec![field("rate", ValueType::FLOAT)],
        },
    ]
}

fn on_demand() -> OnDemandFeatureView {
    let request =
        DataSource::new("request", SourceKind::Request { schema: vec![field("amount", ValueType::DOUBLE)] });
    OnDemandFeatureView {
        name: "on_demand".to_owned(),
        mode: "python".to_owned(),
        features: vec![field("ratio", ValueType::DOUBLE)],
        sources: vec![
            ("driver_stats".to_owned(), OnDemandSource::View(projections().remove(0))),
            ("request".to_owned(), OnDemandSource::Request(Box::new(request))),
        ],
        description: "computed".to_owned(),
        tags: tags("on demand"),
        owner: "ml@example.com".to_owned(),
        meta: Meta::default(),
    }
}

fn permission() -> Permission {
    let strings = |all: &[&str]| all.iter().map(ToString::to_string).collect();
    Permission {
        name: "readers".to_owned(),
        types: strings(&["FeatureView", "FeatureService"]),
        name_patterns: strings(&["driver.*", "^x$"]),
        required_tags: tags("required"),
        actions: strings(&["READ_ONLINE", "DESCRIBE"]),
        roles: strings(&["reader", "admin"]),
        tags: tags("permission"),
        meta: Meta::default(),
    }
}

/// One object of each kind that a registry writes, with every field set.
pub(super) fn objects(project: &str) -> Vec<Object> {
    let text = str::to_owned;
    let stream = FeatureView { name: text("stream_stats"), kind: ViewKind::Stream, offline: false, ..view() };
    vec![
        Object::Project(Arc::new(Project {
            name: text(project),
            description: text("all of it"),
            tags: tags("project"),
            owner: text("owner@example.com"),
            meta: Meta::default(),
        })),
        Object::DataSource(Arc::new(file("driver_hourly"))),
        Object::Entity(Arc::new(Entity {
            name: text("driver"),
            join_key: text("driver_id"),
            value_type: ValueType::INT64,
            description: text("who drives"),
            tags: tags("entity"),
            owner: text("owner@example.com"),
            meta: Meta::default(),
        })),
        Object::FeatureView(Arc::new(view())),
        Object::FeatureView(Arc::new(stream)),
        Object::OnDemandFeatureView(Arc::new(on_demand())),
        Object::FeatureService(Arc::new(FeatureService {
            name: text("model_v1"),
            projections: projections(),
            description: text("what the model reads"),
            tags: tags("service"),
            owner: text("ml@example.com"),
            meta: Meta::default(),
        })),
        Object::Permission(Arc::new(permission())),
    ]
}

/// A view with a feature of every type, and one of a number that this build does not know.
pub(super) fn typed_view() -> FeatureView {
    let mut features: Vec<Field> = ValueType::all()
        .filter(|t| *t != ValueType::UNKNOWN)
        .map(|t| field(&format!("feature_{}", t.0), t))
        .collect();
    features.push(field("from_the_future", ValueType(999)));
    let nested = Tags::from([(NESTED_TYPE_TAG.to_owned(), "Array(Array(INT64))".to_owned())]);
    features.push(Field { tags: nested, ..field("nested", ValueType::VALUE_LIST) });
    FeatureView { features, ..bare_view("typed") }
}
