//! Differences between objects, field by field.

use super::repo::{Repo, shop, show};
use crate::plan::diff::diff;
use expect_test::{Expect, expect};
use provender_core::Timestamp;
use provender_core::model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, FeatureView, Field, MaterializationInterval, Meta, Object,
};
use std::sync::Arc;

const FULL: &str = "
kind: Project
name: shop
---
kind: Entity
name: driver
join_keys: [driver_id]
---
kind: Entity
name: rider
join_keys: [trips]
---
kind: FileSource
name: hourly
path: hourly
timestamp_field: event_timestamp
created_timestamp_column: created
---
kind: PushSource
name: inlet
batch_source: hourly
---
kind: RequestSource
name: asked
schema: [{name: amount, dtype: Int64}]
---
kind: KafkaSource
name: clicks
kafka_bootstrap_servers: a:1
topic: t
---
kind: KinesisSource
name: moves
region: eu
stream_name: s
---
kind: FeatureView
name: stats
entities: [driver]
ttl: 1d
schema: [{name: conv_rate, dtype: Float32}, {name: trips, dtype: Int64}]
source: hourly
---
kind: FeatureView
name: pushed
entities: [driver]
source: inlet
---
kind: FeatureService
name: model
features: [stats, {view: pushed, features: [trips], name_alias: p}]
---
kind: Permission
name: read
actions: [READ_ONLINE]
policy: {roles: [reader]}
";

/// Applies [`FULL`], and shows the plan of the same text with some of it replaced.
async fn check(changes: &[(&str, &str)], expected: &Expect) {
    let repo = Repo::new();
    repo.apply(FULL).await;
    let mut changed = FULL.to_owned();
    for (from, to) in changes {
        assert!(changed.contains(from), "{from}");
        changed = changed.replace(from, to);
    }
    expected.assert_eq(&show(&repo.plan(&changed).await));
    // What is applied is what was planned: nothing is left to do.
    repo.apply(&changed).await;
    assert!(repo.plan(&changed).await.is_empty());
}

#[tokio::test]
async fn fields_of_a_view() {
    check(
        &[
            (
                "ttl: 1d",
                "ttl: 90m\ndescription: hourly figures\nowner: me\ntags: {team: a, pii: 'no'}\noffline: true",
            ),
            (
                "{name: conv_rate, dtype: Float32}",
                "{name: conv_rate, dtype: Float64, description: share, tags: {unit: ratio}}",
            ),
        ],
        &expect![[r#"
            Update FeatureView stats
              ttl: 1d -> 90m
              schema.conv_rate.dtype: Float32 -> Float64
              schema.conv_rate.description: - -> share
              schema.conv_rate.tags.unit: - -> ratio
              offline: false -> true
              description: - -> hourly figures
              tags.pii: - -> no
              tags.team: - -> a
              owner: - -> me
            Update FeatureService model
              features.stats.features.conv_rate.dtype: Float32 -> Float64
              features.stats.features.conv_rate.description: - -> share
              features.stats.features.conv_rate.tags.unit: - -> ratio
            Alter memory of shop stats (destructive)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn lifetime_keys_and_serving_of_a_view() {
    check(
        &[("ttl: 1d", "ttl: 0")],
        &expect![[r#"
        Update FeatureView stats
          ttl: 1d -> 0s
    "#]],
    )
    .await;
    check(
        &[("ttl: 1d", "ttl: null")],
        &expect![[r#"
        Update FeatureView stats
          ttl: 1d -> -
    "#]],
    )
    .await;
    check(
        &[
            ("name: stats\nentities: [driver]", "name: stats\nentities: [driver, rider]"),
            (", {name: trips, dtype: Int64}]", "]"),
        ],
        &expect![[r#"
        Update Entity rider
          value_type: - -> Int64
        Update FeatureView stats
          entities: driver -> driver, rider
          join_keys.trips.dtype: - -> Int64
          schema.trips.dtype: Int64 -> -
        Update FeatureService model
          features.stats.features.trips.dtype: Int64 -> -
        Alter memory of shop stats (destructive)
    "#]],
    )
    .await;
    check(
        &[("ttl: 1d", "online: false")],
        &expect![[r#"
        Update FeatureView stats
          ttl: 1d -> 0s
          online: true -> false
        Drop memory of shop stats (destructive)
    "#]],
    )
    .await;
    check(
        &[("ttl: 1d", "enabled: false")],
        &expect![[r#"
        Update FeatureView stats
          ttl: 1d -> 0s
          enabled: true -> false
        Drop memory of shop stats (destructive)
    "#]],
    )
    .await;
}

#[tokio::test]
async fn the_order_and_the_source_of_a_view() {
    check(
        &[(
            "ttl: 1d\nschema: [{name: conv_rate, dtype: Float32}, {name: trips, dtype: Int64}]",
            "schema: [{name: trips, dtype: Int64}, {name: conv_rate, dtype: Float32}]",
        )],
        &expect![[r#"
        Update FeatureView stats
          ttl: 1d -> 0s
          schema.order: conv_rate, trips -> trips, conv_rate
        Update FeatureService model
          features.stats.features.order: conv_rate, trips -> trips, conv_rate
    "#]],
    )
    .await;
    check(&[("{name: trips, dtype: Int64}]\nsource: hourly", "{name: trips, dtype: Int64, vector_index: true, vector_length: 3, vector_search_metric: L2}]\nsource: inlet")], &expect![[r#"
        Update FeatureView stats
          schema.trips.vector_index: - -> 3 L2
          source.name: hourly -> inlet
          source.kind: FileSource -> PushSource
          source.batch_source.name: - -> hourly
          source.batch_source.kind: - -> FileSource
          source.batch_source.path: - -> hourly
          source.batch_source.timestamp_field: - -> event_timestamp
          source.batch_source.created_timestamp_column: - -> created
          source.path: hourly -> -
          source.timestamp_field: event_timestamp -> -
          source.created_timestamp_column: created -> -
        Update FeatureService model
          features.stats.features.trips.vector_index: - -> 3 L2
    "#]]).await;
}

#[tokio::test]
async fn a_source_changes_with_the_views_over_it() {
    check(
        &[
            (
                "path: hourly\n",
                "path: hourly\nfile_format: parquet\ndescription: d\nfield_mapping: {trips: rides}\n",
            ),
            ("name: trips, dtype", "name: rides, dtype"),
            ("features: [trips]", "features: [rides]"),
            ("join_keys: [trips]", "join_keys: [rides]"),
        ],
        &expect![[r#"
            Update DataSource hourly
              file_format: - -> parquet
              field_mapping.trips: - -> rides
              description: - -> d
            Update DataSource inlet
              batch_source.file_format: - -> parquet
              batch_source.field_mapping.trips: - -> rides
              batch_source.description: - -> d
            Update Entity rider
              join_keys: trips -> rides
            Update FeatureView pushed
              schema.rides.dtype: - -> Int64
              source.batch_source.file_format: - -> parquet
              source.batch_source.field_mapping.trips: - -> rides
              source.batch_source.description: - -> d
              schema.trips.dtype: Int64 -> -
            Update FeatureView stats
              schema.rides.dtype: - -> Int64
              source.file_format: - -> parquet
              source.field_mapping.trips: - -> rides
              source.description: - -> d
              schema.trips.dtype: Int64 -> -
            Update FeatureService model
              features.stats.features.rides.dtype: - -> Int64
              features.p.features.rides.dtype: - -> Int64
              features.stats.features.trips.dtype: Int64 -> -
              features.p.features.trips.dtype: Int64 -> -
            Alter memory of shop pushed (destructive)
            Alter memory of shop stats (destructive)
        "#]],
    )
    .await;
}

#[tokio::test]
async fn fields_of_other_objects() {
    check(
        &[
            ("kind: Project\nname: shop", "kind: Project\nname: shop\ndescription: ours\nowner: me\ntags: {a: b}"),
            ("join_keys: [trips]", "join_keys: [trips]\nvalue_type: INT64\ndescription: d\ntags: {pii: 'yes'}\nowner: o"),
            ("dtype: Int64}]\n---\nkind: KafkaSource", "dtype: Int32}, {name: more, dtype: String}]\n---\nkind: KafkaSource"),
            ("topic: t", "topic: u\ntimestamp_field: ts\nmessage_format: {avro: s}\nwatermark_delay_threshold: 1m\nbatch_source: hourly"),
            ("stream_name: s", "stream_name: r\nrecord_format: {proto: c}"),
            ("features: [stats, {view: pushed, features: [trips], name_alias: p}]", "features: [{view: pushed, features: [conv_rate], name_alias: p, join_key_map: {driver_id: d}}, stats]\nowner: x"),
            ("actions: [READ_ONLINE]", "actions: [READ]\ntypes: [Entity]\nname_patterns: [a.*]\nrequired_tags: {t: u}\ntags: {v: w}"),
            ("roles: [reader]", "roles: [reader, writer]"),
        ],
        &expect![[r#"
            Update Project shop
              description: - -> ours
              tags.a: - -> b
              owner: - -> me
            Update DataSource asked
              schema.amount.dtype: Int64 -> Int32
              schema.more.dtype: - -> String
            Update DataSource clicks
              topic: t -> u
              message_format.avro: - -> "s"
              watermark_delay_threshold: - -> 1m
              batch_source.name: - -> hourly
              batch_source.kind: - -> FileSource
              batch_source.path: - -> hourly
              batch_source.timestamp_field: - -> event_timestamp
              batch_source.created_timestamp_column: - -> created
              timestamp_field: - -> ts
            Update DataSource moves
              stream_name: s -> r
              record_format.proto: - -> "c"
            Update Entity rider
              value_type: - -> Int64
              description: - -> d
              tags.pii: - -> yes
              owner: - -> o
            Update FeatureService model
              features.p.join_key_map.driver_id: - -> d
              features.p.features.conv_rate.dtype: - -> Float32
              owner: - -> x
              features.p.features.trips.dtype: Int64 -> -
            Update Permission read
              types: - -> Entity
              name_patterns: - -> a.*
              required_tags.t: - -> u
              actions: READ_ONLINE -> READ_OFFLINE, READ_ONLINE
              roles: reader -> reader, writer
              tags.v: - -> w
        "#]],
    )
    .await;
}

#[test]
fn what_the_registry_fills_in_is_no_difference() {
    let view = FeatureView { name: "v".into(), ..FeatureView::default() };
    let recorded = FeatureView {
        entities: vec![DUMMY_ENTITY.into()],
        entity_columns: vec![Field::new(DUMMY_JOIN_KEY, provender_core::ValueType::STRING)],
        materialization_intervals: vec![MaterializationInterval { start: Timestamp(0), end: Timestamp(1) }],
        state: 4,
        version_number: 2,
        meta: Meta { created: Some(Timestamp(1)), updated: None },
        ..view.clone()
    };
    let object = |view| Object::FeatureView(Arc::new(view));
    assert_eq!(diff(&object(recorded), &object(view)), []);
}

#[tokio::test]
async fn an_applied_repository_reads_back_without_a_difference() {
    let repo = Repo::new();
    repo.apply(&shop()).await;
    assert!(repo.again().plan(&shop()).await.is_empty());
    repo.apply(FULL).await;
    assert!(repo.again().plan(FULL).await.is_empty());
}
