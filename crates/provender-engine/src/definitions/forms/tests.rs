use super::*;
use crate::Definitions;
use crate::build::{Entity, FeatureService, FeatureView, Permission, Project, Source, Use};
use crate::definitions::{Problems, forms_for_tests, reference};
use expect_test::{Expect, expect};
use provender_core::ValueType;
use provender_core::model::{Field, FileFormat, SourceKind, VectorIndex};
use std::time::Duration;

fn read(yaml: &str) -> Result<Definitions, Problems> {
    forms_for_tests("defs.yaml", yaml)
}

fn drafts(yaml: &str) -> Vec<Draft> {
    read(yaml).unwrap_or_else(|e| panic!("{e}")).objects.into_iter().map(|d| d.draft).collect()
}

fn check_problems(yaml: &str, expected: &Expect) {
    match read(yaml) {
        Ok(definitions) => panic!("nothing is wrong: {definitions:?}"),
        Err(problems) => expected.assert_eq(&format!("{problems}\n")),
    }
}

const OBJECTS_YAML: &str = r#"
kind: Project
name: shop
description: A shop
tags: {env: test}
owner: root@example.com
---
kind: Entity
name: driver
join_keys: [driver_id]
value_type: INT64
description: who drives
---
kind: Entity
name: city
---
kind: FeatureView
name: driver_stats
entities: [driver]
ttl: 1d
schema:
  - {name: conv_rate, dtype: Float32, description: share, tags: {unit: ratio}}
  - {name: embedding, dtype: Array(Float32), vector_index: true, vector_length: 3, vector_search_metric: COSINE}
source: driver_hourly
online: false
offline: true
enabled: false
owner: team@example.com
---
kind: StreamFeatureView
name: live
ttl:
source: clicks
---
kind: FeatureService
name: model_v1
features: [driver_stats, {view: global_stats, features: [fx], name_alias: g, join_key_map: {driver_id: origin_driver}}]
---
kind: Permission
name: read
types: FeatureView
name_patterns: [driver_.*]
required_tags: {team: drv}
actions: [READ_ONLINE]
policy: {roles: [reader]}
"#;

#[test]
fn objects_read_as_the_builder_makes_them() {
    let view = FeatureView::new("driver_stats")
        .entity("driver")
        .ttl(Duration::from_hours(24))
        .field(Field {
            description: "share".into(),
            tags: [("unit".to_owned(), "ratio".to_owned())].into(),
            ..Field::new("conv_rate", ValueType::FLOAT)
        })
        .field(Field {
            vector: Some(VectorIndex { length: 3, metric: "COSINE".into() }),
            ..Field::new("embedding", ValueType::FLOAT_LIST)
        })
        .source("driver_hourly")
        .online(false)
        .offline(true)
        .enabled(false)
        .owner("team@example.com");
    // An explicit null is Feast's `ttl=None`.
    let mut live = FeatureView::stream("live").source("clicks");
    live.model.ttl = None;
    let built =
        Definitions::new()
            .with(Project::new("shop").description("A shop").tag("env", "test").owner("root@example.com"))
            .with(
                Entity::new("driver")
                    .join_key("driver_id")
                    .value_type(ValueType::INT64)
                    .description("who drives"),
            )
            .with(Entity::new("city"))
            .with(view)
            .with(live)
            .with(FeatureService::new("model_v1").uses("driver_stats").uses(
                Use::of("global_stats").feature("fx").alias("g").join_key("driver_id", "origin_driver"),
            ))
            .with(
                Permission::new("read")
                    .object_type("FeatureView")
                    .name_pattern("driver_.*")
                    .required_tag("team", "drv")
                    .action("READ_ONLINE")
                    .role("reader"),
            );
    let built: Vec<_> = built.objects.into_iter().map(|d| d.draft).collect();
    assert_eq!(drafts(OBJECTS_YAML), built);
}

const SOURCES_YAML: &str = r#"
kind: FileSource
name: hourly
path: data/hourly.csv
file_format: CSV
timestamp_field: ts
created_timestamp_column: created
field_mapping: {raw: cooked}
---
kind: FileSource
path: data/unnamed.parquet
---
kind: BigQuerySource
name: bq
table: p.d.t
---
kind: SnowflakeSource
name: sf
database: D
schema: S
table: T
---
kind: PushSource
name: inlet
batch_source: {kind: FileSource, name: kept, path: kept}
---
kind: RequestSource
name: asked
schema: [{name: amount, dtype: Int64}]
---
kind: KafkaSource
name: clicks
kafka_bootstrap_servers: host:9092
topic: clicks
watermark_delay_threshold: 5m
batch_source: hourly
message_format: {json: "a int"}
---
kind: KinesisSource
name: moves
region: eu-west-1
stream_name: moves
"#;

#[test]
fn sources_read_as_the_builder_makes_them() {
    let mut kafka = Source::kafka("clicks", "host:9092", "clicks")
        .watermark_delay(Duration::from_mins(5))
        .batch("hourly");
    if let SourceKind::Kafka { message_format, .. } = &mut kafka.model.kind {
        *message_format = Some(("json".into(), "a int".into()));
    }
    let kinesis = SourceKind::Kinesis {
        region: "eu-west-1".into(),
        stream: "moves".into(),
        message_format: None,
        batch: None,
    };
    let built: Vec<Draft> = [
        Source::file("hourly", "data/hourly.csv")
            .file_format(FileFormat::Csv)
            .timestamp_field("ts")
            .created_timestamp_column("created")
            .map("raw", "cooked"),
        Source::file("data/unnamed.parquet", "data/unnamed.parquet"),
        Source::bigquery("bq", "p.d.t"),
        Source::snowflake("sf", "D", "S", "T"),
        Source::push("inlet").batch(Source::file("kept", "kept")),
        Source::request("asked", [Field::new("amount", ValueType::INT64)]),
        kafka,
        Source::new("moves", kinesis),
    ]
    .into_iter()
    .map(Draft::from)
    .collect();
    assert_eq!(drafts(SOURCES_YAML), built);
}

#[test]
fn documents_know_their_lines() {
    let definitions =
        read("# comment\n\nkind: Entity\nname: a\n---\n---\n\nkind: Entity\nname: b\n").unwrap();
    let lines: Vec<_> = definitions.objects.iter().map(|d| d.origin.line).collect();
    assert_eq!(lines, [3, 8]);
    assert_eq!(definitions.objects[1].origin.to_string(), "defs.yaml:8");
}

#[test]
fn a_store_configuration_of_another_name_declares_nothing() {
    assert!(drafts("project: shop\nregistry: data/registry.db\nprovider: local\n").is_empty());
    assert!(drafts("# nothing but a comment\n").is_empty());
}

#[test]
fn every_problem_of_a_file_is_told() {
    check_problems(
        "
kind: FeatureView
name: stats
entites: [driver]
ttl: 1 week
schema:
  - {name: a, dtype: Int65}
  - {name: 2, dtipe: Int64}
tags: {version: 2}
online: yes
---
kind: Entity
join_keys: [a, b]
---
kind: FileSource
name: s
file_format: orc
",
        &expect![[r#"
            unknown field (file: defs.yaml:4, view: stats, field: entites, did you mean: entities)
            wrong value (file: defs.yaml:5, view: stats, field: ttl, expected: a duration such as 90s, 15m, 3h or 7d, or a number of seconds, found: the text "1 week")
            unknown type (file: defs.yaml:7, view: stats, field: schema[0].dtype, did you mean: Int64, type: Int65)
            unknown field (file: defs.yaml:8, view: stats, field: schema[1].dtipe, did you mean: dtype)
            wrong value (file: defs.yaml:8, view: stats, field: schema[1].name, expected: text (write it in quotes), found: the number 2)
            missing field (file: defs.yaml:8, view: stats, field: schema[1].dtype, expected: type)
            missing field (file: defs.yaml:2, view: stats, field: source, expected: source's name, or a data source with its `kind`)
            wrong value (file: defs.yaml:10, view: stats, field: online, expected: true or false, found: the text "yes")
            wrong value (file: defs.yaml:9, view: stats, field: tags.version, expected: text (write it in quotes), found: the number 2)
            missing field (file: defs.yaml:12, field: name, expected: text)
            wrong value (file: defs.yaml:17, source: s, field: file_format, expected: parquet, csv or delta, found: the text "orc")
        "#]],
    );
}

#[test]
fn kinds_that_are_wrong_or_not_here_are_explained() {
    check_problems(
        "
name: a
---
kind: FeatureVew
name: b
---
kind: RedshiftSource
name: c
---
kind: OnDemandFeatureView
name: d
mode: pandas
---
kind: BatchFeatureView
name: e
---
kind: LabelView
name: f
---
kind: [Entity]
---
- a list
---
some text
",
        &expect![[r#"
            no `kind` (file: defs.yaml:2, expected: Project, Entity, FeatureView, StreamFeatureView, FeatureService, Permission, FileSource, BigQuerySource, SnowflakeSource, PushSource, RequestSource, KafkaSource, KinesisSource, or: list the file in .feastignore if it defines nothing)
            unknown kind (file: defs.yaml:4, kind: FeatureVew, did you mean: FeatureView, expected: Project, Entity, FeatureView, StreamFeatureView, FeatureService, Permission, FileSource, BigQuerySource, SnowflakeSource, PushSource, RequestSource, KafkaSource, KinesisSource)
            unknown kind (file: defs.yaml:7, kind: RedshiftSource, expected: Project, Entity, FeatureView, StreamFeatureView, FeatureService, Permission, FileSource, BigQuerySource, SnowflakeSource, PushSource, RequestSource, KafkaSource, KinesisSource)
            this kind cannot be declared here (file: defs.yaml:10, kind: OnDemandFeatureView, needs: a runtime for the view's mode (`sql`, `python`, `pandas`), which this release does not have)
            this kind cannot be declared here (file: defs.yaml:14, kind: BatchFeatureView, needs: a build with a runtime for the view's mode; without a transformation it is a FeatureView)
            this kind cannot be declared here (file: defs.yaml:17, kind: LabelView, needs: Feast's Python definitions; what the registry holds is kept)
            wrong value (file: defs.yaml:20, expected: a kind: Project, Entity, FeatureView, StreamFeatureView, FeatureService, Permission, FileSource, BigQuerySource, SnowflakeSource, PushSource, RequestSource, KafkaSource, KinesisSource, found: a list)
            wrong value (file: defs.yaml:22, expected: a map: a definition with `kind` and `name`, found: a list)
            wrong value (file: defs.yaml:24, expected: a map: a definition with `kind` and `name`, found: the text "some text")
        "#]],
    );
}

#[test]
fn fields_of_feast_without_effect_are_refused() {
    check_problems(
        "
kind: FeatureView
name: stats
source: {kind: FileSource, path: p, connection_ref: {name: x}}
mode: python
---
kind: FeatureService
name: s
features: [stats]
logging_config: {sample_rate: 1}
",
        &expect![[r#"
            that field of Feast has no effect here yet (file: defs.yaml:5, view: stats, field: mode)
            that field of Feast has no effect here yet (file: defs.yaml:4, view: stats, field: source.connection_ref)
            that field of Feast has no effect here yet (file: defs.yaml:10, service: s, field: logging_config)
        "#]],
    );
}

#[test]
fn entities_have_one_join_key() {
    check_problems(
        "kind: Entity\nname: e\njoin_keys: [a, b]\n",
        &expect![[r#"
        an entity has exactly one join key (file: defs.yaml:1, entity: e, expected: one column; a composite key is made by several entities of a view)
    "#]],
    );
    check_problems(
        "kind: Entity\nname: e\njoin_keys: [a]\njoin_key: b\n",
        &expect![[r#"
        an entity has exactly one join key (file: defs.yaml:1, entity: e, expected: one column; a composite key is made by several entities of a view)
    "#]],
    );
    let Draft::Entity(entity) = &drafts("kind: Entity\nname: e\njoin_key: k\n")[0] else {
        panic!("no entity")
    };
    assert_eq!(entity.model.join_key, "k");
}

#[test]
fn wrong_parts_are_named_by_their_path() {
    check_problems(
        "
kind: FeatureView
name: v
source: {kind: PushSource, name: p, batch_source: {kind: Entity, path: 3}}
---
kind: FeatureView
name: w
source: {name: p, path: x}
---
kind: FeatureService
name: s
features: [{view: v, feature: [a]}, 3]
---
kind: Permission
name: p
policy: {kind: GroupBasedPolicy, groups: [a]}
---
kind: FeatureService
name: t
",
        &expect![[r#"
            unknown kind (file: defs.yaml:4, view: v, field: source.batch_source, kind: Entity, expected: FileSource, BigQuerySource, SnowflakeSource, PushSource, RequestSource, KafkaSource, KinesisSource)
            no `kind` (file: defs.yaml:8, view: w, field: source, expected: FileSource, BigQuerySource, SnowflakeSource, PushSource, RequestSource, KafkaSource, KinesisSource)
            unknown field (file: defs.yaml:12, service: s, field: features[0].feature, did you mean: features)
            wrong value (file: defs.yaml:12, service: s, field: features[1], expected: a view's name, or {view, features, name_alias, join_key_map}, found: the number 3)
            wrong value (file: defs.yaml:16, permission: p, field: policy.kind, expected: RoleBasedPolicy, found: the text "GroupBasedPolicy")
            unknown field (file: defs.yaml:16, permission: p, field: policy.groups, expected: roles)
            missing field (file: defs.yaml:16, permission: p, field: policy.roles, expected: list of text)
            missing field (file: defs.yaml:18, service: t, field: features, expected: list of view's name, or ViewFeatures)
        "#]],
    );
}

#[test]
fn text_that_is_no_yaml_names_its_line() {
    check_problems(
        "kind: Entity\nname: a\nname: b\n---\nkind: Entity\nname: 3\n",
        &expect![[r#"
        not valid YAML: duplicate mapping key `name` is not allowed here (file: defs.yaml:3)
        wrong value (file: defs.yaml:6, field: name, expected: text (write it in quotes), found: the number 3)
    "#]],
    );
    check_problems(
        "kind: Entity\n\tname: a\n",
        &expect![[r#"
        not valid YAML: while scanning a plain scalar, found a tab (file: defs.yaml:1, expected: spaces, not tabs)
    "#]],
    );
    check_problems(
        "kind: Entity\nname: [a\n",
        &expect![[r#"
        not valid YAML: unclosed bracket '[' (file: defs.yaml:2)
    "#]],
    );
    check_problems(
        "kind: Entity\nname: *missing\n",
        &expect![[r#"
        not valid YAML: reference to unknown value (file: defs.yaml:2)
    "#]],
    );
    check_problems(
        "? {a: b}\n: c\n",
        &expect![[r#"
        not valid YAML: expected string scalar (file: defs.yaml:1)
    "#]],
    );
}

#[test]
fn the_reference_shows_types_and_defaults() {
    let all = reference();
    let view = all.iter().find(|kind| kind.name == "FeatureView").unwrap();
    let table: String = view
        .fields
        .iter()
        .map(|f| format!("{}: {} = {}\n", f.name, f.type_name, f.default.as_deref().unwrap_or("(required)")))
        .collect();
    expect![[r#"
        name: text = (required)
        entities: list of text = []
        ttl: duration: 90s, 15m, 3h, 7d, or seconds = 0s
        schema: list of Field = []
        source: source's name, or a data source with its `kind` = (required)
        online: true or false = true
        offline: true or false = false
        enabled: true or false = true
        description: text = ""
        tags: map of text to text = {}
        owner: text = ""
    "#]]
    .assert_eq(&table);
    let names: Vec<_> = all.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), OBJECTS.len() + SOURCES.len() + 4);
    assert!(all.iter().all(|k| !k.about.is_empty() && k.fields.iter().all(|f| !f.about.is_empty())));
}

/// What the reference calls a default is what leaving the field out means.
#[test]
fn documented_defaults_are_the_defaults() {
    let minimal = [
        ("Project", "name: n"),
        ("Entity", "name: n"),
        ("FeatureView", "name: n\nsource: s"),
        ("StreamFeatureView", "name: n\nsource: s"),
        ("FeatureService", "name: n\nfeatures: [v]"),
        ("Permission", "name: n\npolicy: {roles: [r]}"),
        ("FileSource", "path: p"),
        ("BigQuerySource", "table: t"),
        ("SnowflakeSource", "table: t"),
        ("PushSource", "name: n"),
        ("RequestSource", "name: n\nschema: []"),
        ("KafkaSource", "name: n\nkafka_bootstrap_servers: h\ntopic: t"),
        ("KinesisSource", "name: n\nregion: r\nstream_name: s"),
    ];
    for (class, body) in minimal {
        let short = format!("kind: {class}\n{body}\n");
        let kind = reference().into_iter().find(|kind| kind.name == class).unwrap();
        let mut long = short.clone();
        for field in kind.fields {
            let given = body.lines().any(|line| line.starts_with(&format!("{}:", field.name)));
            match field.default {
                Some(default) if !given => long += &format!("{}: {default}\n", field.name),
                Some(_) => {}
                None => assert!(given, "{class}.{} must be given", field.name),
            }
        }
        assert_eq!(drafts(&short), drafts(&long), "{long}");
    }
}
