//! What is wrong with definitions, and how it is told.

use super::repo::{Repo, SOURCES, parse, shop, timestamp};
use crate::ApplyOptions;
use arrow_schema::DataType;
use expect_test::{Expect, expect};
use provender_core::model::{Field, Object, ObjectKind, OnDemandFeatureView, OtherObject};
use provender_core::registry::Change;
use provender_core::{Kind, ValueType};
use std::sync::Arc;

async fn check(yaml: &str, expected: &Expect) {
    expected.assert_eq(&Repo::new().problems(yaml).await);
}

/// Documents after [`SOURCES`].
async fn check_more(yaml: &str, expected: &Expect) {
    check(&format!("{SOURCES}---\n{}", yaml.trim_start()), expected).await;
}

#[tokio::test]
async fn unknown_names_suggest_the_nearest() {
    check_more(
        "
kind: FeatureView
name: stats
entities: [drivr, rider]
source: hurly
---
kind: FeatureView
name: other
entities: [driver]
source: hourly
---
kind: FeatureService
name: model
features: [othr, 'other:trips', {view: other, features: [trip, trips, trips], join_key_map: {driver: x, driver_id: ''}}]
",
        &expect![[r#"
            unknown entity drivr (file: defs.yaml:12, view: stats, did you mean: driver, field: entities[0])
            unknown entity rider (file: defs.yaml:12, view: stats, field: entities[1])
            unknown data source hurly (file: defs.yaml:12, view: stats, did you mean: hourly, field: source)
            unknown view othr (file: defs.yaml:22, service: model, did you mean: other, field: features[0])
            unknown view other:trips (file: defs.yaml:22, service: model, expected: a view's name; for one feature write {view: other, features: [trips]}, field: features[1])
            unknown feature trip (file: defs.yaml:22, service: model, view: other, did you mean: trips, field: features[2])
            the feature is named twice (file: defs.yaml:22, service: model, feature: trips, view: other, field: features[2])
            driver is not a join key of the view (file: defs.yaml:22, service: model, view: other, expected: one of driver_id, field: features[2])
            a join key is mapped to nothing (file: defs.yaml:22, service: model, view: other, join key: driver_id, field: features[2])
        "#]],
    )
    .await;
}

#[tokio::test]
async fn names_are_unique_and_well_formed() {
    check(
        "
kind: Entity
name: driver
---
kind: Entity
name: driver
---
kind: Entity
name: __dummy
---
kind: FileSource
name: daily
path: daily
---
kind: FileSource
name: Daily
path: daily
---
kind: FeatureView
name: stats
source: daily
---
kind: FeatureView
name: Stats
source: {kind: FileSource, name: daily, path: elsewhere}
---
kind: FeatureView
name: a:b
source: daily
---
kind: FeatureView
name: a@b
source: daily
---
kind: FeatureService
name: ''
features: [stats]
---
kind: FeatureService
name: ' padded'
features: [stats]
---
kind: Project
name: market
---
kind: Project
name: shop
",
        &expect![[r#"
            the name differs from that of another source in case alone (file: defs.yaml:15, source: Daily, first: daily at defs.yaml:11)
            the source is declared twice (file: defs.yaml:23, source: daily, first: daily at defs.yaml:11)
            the entity is declared twice (file: defs.yaml:5, entity: driver, first: driver at defs.yaml:2)
            the name differs from that of another view in case alone (file: defs.yaml:23, view: Stats, first: stats at defs.yaml:19)
            the name is empty (file: defs.yaml:35, service: )
            the name begins or ends with a space, or contains a control character (file: defs.yaml:39, service:  padded)
            a repository has one project (file: defs.yaml:46, project: shop, first: market at defs.yaml:43)
            a view's name must not contain `:` or `@` (file: defs.yaml:27, view: a:b, expected: a name without the characters that references are written with)
            a view's name must not contain `:` or `@` (file: defs.yaml:31, view: a@b, expected: a name without the characters that references are written with)
            the name is reserved for views without entities (file: defs.yaml:8, entity: __dummy)
            the project has another name in feature_store.yaml (file: defs.yaml:43, project: market, expected: shop)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn views_that_only_the_registry_has_keep_their_names() {
    let repo = Repo::new();
    let on_demand = OnDemandFeatureView { name: "Computed".into(), ..OnDemandFeatureView::default() };
    let label = OtherObject {
        kind: ObjectKind::LabelView,
        name: "labels".into(),
        description: String::new(),
        tags: Default::default(),
        owner: String::new(),
        meta: Default::default(),
    };
    let put = |object| Change::Put { project: "shop".into(), object };
    repo.commit(&[
        put(Object::OnDemandFeatureView(Arc::new(on_demand))),
        put(Object::Other(Arc::new(label))),
    ])
    .await;
    let view =
        |name: &str| format!("---\nkind: FeatureView\nname: {name}\nentities: [driver]\nsource: hourly\n");
    let yaml = format!("{SOURCES}{}{}", view("computed"), view("labels"));
    expect![[r#"
        the registry has another view of that name (file: defs.yaml:12, view: computed, found: on demand feature view Computed, expected: another name, or the registered view deleted first)
        the registry has another view of that name (file: defs.yaml:17, view: labels, found: label view labels, expected: another name, or the registered view deleted first)
    "#]].assert_eq(&repo.problems(&yaml).await);
}

#[tokio::test]
async fn join_keys_and_features_must_be_columns_of_the_right_type() {
    check_more(
        "
kind: Entity
name: city
---
kind: Entity
name: typed
join_keys: [trips]
value_type: STRING
---
kind: Entity
name: rate
join_keys: [conv_rate]
---
kind: Entity
name: money
join_keys: [driver_id]
value_type: DOUBLE
---
kind: FeatureView
name: a
entities: [city]
schema: [{name: conv_rat, dtype: Float32}, {name: trips, dtype: Array(Int64)}, {name: conv_rate, dtype: Bool}]
source: hourly
---
kind: FeatureView
name: b
entities: [typed, rate]
source: hourly
---
kind: FeatureView
name: c
entities: [driver, money]
source: hourly
---
kind: FeatureView
name: d
entities: [typed]
schema: [{name: trips, dtype: Int64}, {name: conv_rate, dtype: Float32}]
source: hourly
",
        &expect![[r#"
            a join key cannot have that type (file: defs.yaml:24, entity: money, field: value_type, found: Float64, expected: String, Int32, Int64, Bytes or UnixTimestamp)
            the join key city is not a column of the source (file: defs.yaml:29, view: a, expected: one of driver_id, event_timestamp, created, conv_rate, trips)
            the feature conv_rat is not a column of the source (file: defs.yaml:29, view: a, did you mean: conv_rate)
            the feature has another type in the source (file: defs.yaml:29, view: a, field: schema.trips.dtype, declared: Array(Int64), found: Int64)
            the feature has another type in the source (file: defs.yaml:29, view: a, field: schema.conv_rate.dtype, declared: Bool, found: Float32)
            the join key has another type in the source (file: defs.yaml:35, view: b, field: entities.typed, join key: trips, declared: String, found: Int64)
            a join key cannot have that type (file: defs.yaml:35, view: b, field: entities.rate, join key: conv_rate, found: Float32, expected: String, Int32, Int64, Bytes or UnixTimestamp)
            two entities of the view share a join key (file: defs.yaml:40, view: c, field: entities[1], entities: driver, money, join key: driver_id)
            the schema and the entity declare different types (file: defs.yaml:45, view: d, field: schema.trips.dtype, found: Int64, expected: String, as entity typed)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn fields_of_a_view_must_make_sense() {
    check_more(
        "
kind: FeatureView
name: a
entities: [driver]
ttl: -1
schema:
  - {name: trips, dtype: Int64}
  - {name: trips, dtype: Int64}
  - {name: '', dtype: Int64}
  - {name: 'a:b', dtype: Int64}
  - {name: event_timestamp, dtype: UnixTimestamp}
  - {name: created, dtype: UnixTimestamp}
source: hourly
---
kind: FeatureView
name: b
entities: [driver]
schema:
  - {name: trips, dtype: Int64, vector_index: true}
  - {name: conv_rate, dtype: Float32, vector_index: true}
source: hourly
",
        &expect![[r#"
            the ttl is negative (file: defs.yaml:12, view: a, field: ttl, found: -1s, expected: a duration; 0 for ever)
            the field is declared twice (file: defs.yaml:12, view: a, field: schema.trips)
            a field has no name (file: defs.yaml:12, view: a, field: schema)
            a feature's name must not contain `:` (file: defs.yaml:12, view: a, field: schema.a:b)
            the feature a:b is not a column of the source (file: defs.yaml:12, view: a, expected: one of driver_id, event_timestamp, created, conv_rate, trips)
            the column is the source's timestamp_field and cannot be a feature (file: defs.yaml:12, view: a, field: schema.event_timestamp)
            the column is the source's created_timestamp_column and cannot be a feature (file: defs.yaml:12, view: a, field: schema.created)
            only one feature of a view can have a vector index (file: defs.yaml:25, view: b, field: schema)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn columns_that_no_feature_can_be_must_be_left_out() {
    let repo = Repo::new();
    let took = DataType::Duration(arrow_schema::TimeUnit::Second);
    repo.table(
        "odd",
        &[("driver_id", DataType::Int64), ("ts", timestamp()), ("took", took), ("n", DataType::Int64)],
    );
    let source = "---\nkind: FileSource\nname: odd\npath: odd\n";
    let view = "---\nkind: FeatureView\nname: odd\nentities: [driver]\nsource: odd\n";
    expect![[r#"
        a column of the source has a type that no feature can have (file: defs.yaml:16, view: odd, column: took, found: Duration(s), expected: a `schema` that leaves it out)
    "#]].assert_eq(&repo.problems(&format!("{SOURCES}{source}{view}")).await);
    repo.plan(&format!("{SOURCES}{source}{view}schema: [{{name: n, dtype: Int64}}]\n")).await;
    repo.table("bare", &[("driver_id", DataType::Int64), ("ts", timestamp())]);
    let yaml = format!("{SOURCES}{source}{view}").replace("path: odd", "path: bare");
    expect![[r#"
        the source has no columns besides join keys and times (file: defs.yaml:16, view: odd, field: schema, source: odd)
    "#]].assert_eq(&repo.problems(&yaml).await);
}

#[tokio::test]
async fn sources_are_checked_against_their_columns() {
    let repo = Repo::new();
    repo.table("two", &[("ts", timestamp()), ("other", timestamp()), ("n", DataType::Int64)]);
    repo.table("none", &[("n", DataType::Int64)]);
    let yaml = "
kind: FileSource
name: a
path: two
---
kind: FileSource
name: b
path: none
---
kind: FileSource
name: c
path: two
timestamp_field: tz
created_timestamp_column: n
---
kind: FileSource
name: d
path: two
timestamp_field: ts
field_mapping: {nn: m, n: other, ts: time}
---
kind: FileSource
name: e
path: missing
---
kind: FileSource
name: f
path: ''
---
kind: BigQuerySource
name: g
---
kind: SnowflakeSource
name: h
table: T
query: SELECT 1
---
kind: FileSource
name: i
path: lake
file_format: delta
";
    expect![[r#"
        there is no such table (source: e, file: defs.yaml:22)
        there is no such table (source: i, file: defs.yaml:38)
        the timestamp column cannot be inferred (file: defs.yaml:2, source: a, field: timestamp_field, found: ts, other, expected: the name of a column)
        the timestamp column cannot be inferred (file: defs.yaml:6, source: b, field: timestamp_field, found: no timestamp column, expected: the name of a column)
        the source has no column tz (file: defs.yaml:10, source: c, field: timestamp_field, did you mean: ts)
        the column n holds no times (file: defs.yaml:10, source: c, field: created_timestamp_column, found: Int64, expected: a timestamp, a date, or ISO 8601 text)
        two columns go by the name other (file: defs.yaml:16, source: d, field: field_mapping.n, columns: n, other)
        the source has no such column (file: defs.yaml:16, source: d, field: field_mapping.nn, did you mean: n)
        the column goes by another name after field mapping (file: defs.yaml:16, source: d, field: timestamp_field, found: ts, expected: time)
        the source does not say where it is (file: defs.yaml:26, source: f, expected: path or query, one of the two)
        the source does not say where it is (file: defs.yaml:30, source: g, expected: table or query, one of the two)
        the source does not say where it is (file: defs.yaml:33, source: h, expected: table or query, one of the two)
    "#]].assert_eq(&repo.problems(yaml).await);
}

#[tokio::test]
async fn sources_of_stores_that_are_not_configured_say_what_reads_them() {
    let repo = Repo::new();
    let definitions = parse(
        "kind: BigQuerySource\nname: bq\ntable: p.d.t\n---\nkind: SnowflakeSource\nname: sf\ntable: T\n",
    );
    let problems = repo.store.plan(&definitions, &ApplyOptions::default()).await.unwrap_err();
    assert!(problems.0.iter().all(|e| e.kind() == Kind::Unsupported));
    expect![[r#"
        no offline store of this repository reads that source (type: BigQuerySource, needs: type: bigquery in offline_store or offline_stores, and a build with the feature bigquery, file: defs.yaml:1, source: bq)
        no offline store of this repository reads that source (type: SnowflakeSource, needs: type: snowflake in offline_store or offline_stores, and a build with the feature snowflake, file: defs.yaml:5, source: sf)
    "#]].assert_eq(&format!("{problems}\n"));
}

#[tokio::test]
async fn views_need_a_source_with_history() {
    check_more(
        "
kind: PushSource
name: bare
---
kind: PushSource
name: nested
batch_source: {kind: PushSource, name: inner, batch_source: hourly}
---
kind: RequestSource
name: asked
schema: [{name: n, dtype: Int64}, {name: n, dtype: Int64}]
---
kind: FeatureView
name: a
source: bare
---
kind: FeatureView
name: b
source: asked
---
kind: StreamFeatureView
name: c
source: hourly
",
        &expect![[r#"
            the batch source holds no history itself (file: defs.yaml:15, source: nested, found: PushSource inner, expected: a source of files or of a warehouse, field: batch_source)
            a value of the request has no name, or that of another (file: defs.yaml:19, source: asked, field: schema[1].name, value: n)
            the source has no batch source, so that the view has no history (file: defs.yaml:23, view: a, field: source, found: PushSource bare, expected: a source with `batch_source`)
            values of a request cannot be a view's source (file: defs.yaml:27, view: b, field: source, found: RequestSource asked, expected: a source with history)
            the source of a stream feature view is no stream (file: defs.yaml:31, view: c, field: source, found: FileSource hourly, expected: a PushSource, KafkaSource or KinesisSource, or kind: FeatureView)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn services_and_permissions_are_checked() {
    check_more(
        "
kind: FeatureService
name: none
features: []
---
kind: FeatureView
name: v
entities: [driver]
source: hourly
---
kind: FeatureService
name: s
features: [{view: v, name_alias: ''}]
---
kind: Permission
name: p
types: [FeatureVew]
actions: [READ_ONLINE, FLY]
policy: {roles: [r]}
---
kind: Permission
name: q
actions: []
policy: {roles: []}
",
        &expect![[r#"
            the service reads no features (file: defs.yaml:12, service: none, field: features)
            the alias is empty (file: defs.yaml:21, service: s, view: v, field: features[0])
            unknown type (file: defs.yaml:25, permission: p, field: types, type: FeatureVew, expected: Project, FeatureView, OnDemandFeatureView, BatchFeatureView, StreamFeatureView, LabelView, Entity, FeatureService, DataSource, ValidationReference, SavedDataset, Permission)
            unknown action (file: defs.yaml:25, permission: p, field: actions, action: FLY, expected: CREATE, DESCRIBE, UPDATE, DELETE, READ_ONLINE, READ_OFFLINE, WRITE_ONLINE, WRITE_OFFLINE, ALL_ACTIONS, READ, WRITE, CRUD)
            the permission allows nothing (file: defs.yaml:31, permission: q, field: actions, expected: an action)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn sources_that_disagree_on_a_key_are_told() {
    let repo = Repo::new();
    repo.table("texts", &[("driver_id", DataType::Utf8), ("ts", timestamp()), ("n", DataType::Int64)]);
    let yaml = format!(
        "{}---\nkind: FeatureView\nname: texts\nentities: [driver]\nsource: {{kind: FileSource, path: texts}}\n",
        shop()
    );
    expect![[r#"
        the sources of its views disagree on the type of its join key (file: defs.yaml:2, entity: driver, found: Int64 in view stats, String in view texts, expected: one type)
    "#]].assert_eq(&repo.problems(&yaml).await);
}

#[tokio::test]
async fn what_this_apply_would_delete_cannot_be_referred_to() {
    let repo = Repo::new();
    repo.apply(&shop()).await;
    let view = "kind: FeatureView\nname: stats\nentities: [driver]\nsource: hourly\n";
    let service = "---\nkind: FeatureService\nname: s\nfeatures: [other]\n";
    expect![[r#"
        unknown entity driver (file: defs.yaml:1, view: stats, expected: its definition: the registry has it, but the repository does not declare it, so this apply would delete it, field: entities[0])
        unknown data source hourly (file: defs.yaml:1, view: stats, expected: its definition: the registry has it, but the repository does not declare it, so this apply would delete it, field: source)
        unknown view other (file: defs.yaml:6, service: s, field: features[0])
    "#]].assert_eq(&repo.problems(&format!("{view}{service}")).await);
    let keep = ApplyOptions { delete: false, ..ApplyOptions::default() };
    let plan = repo.store.plan(&parse(view), &keep).await.unwrap();
    assert!(plan.objects.iter().all(|change| change.name == "stats"));
}

#[tokio::test]
async fn without_a_look_at_sources_everything_must_be_declared_once() {
    let repo = Repo::new();
    let skip = ApplyOptions { skip_source_validation: true, ..ApplyOptions::default() };
    let yaml = shop().replace("path: hourly\ntimestamp_field: event_timestamp", "path: missing");
    let problems = repo.store.plan(&parse(&yaml), &skip).await.unwrap_err();
    expect![[r#"
        the timestamp column cannot be inferred when sources are not read (file: defs.yaml:6, source: hourly, field: timestamp_field, expected: the name of a column)
        features cannot be inferred when sources are not read (file: defs.yaml:11, view: stats, field: schema, expected: names and types of the features)
    "#]].assert_eq(&format!("{problems}\n"));
    // What was inferred by an earlier apply is still known.
    repo.apply(&shop()).await;
    let plan = repo.store.plan(&parse(&shop()), &skip).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    let snapshot = repo.snapshot().await;
    let view = snapshot.feature_view("shop", "stats").unwrap();
    assert_eq!(
        view.features,
        [Field::new("conv_rate", ValueType::FLOAT), Field::new("trips", ValueType::INT64)]
    );
}
