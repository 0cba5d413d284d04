use super::{JoinCodec, JoinSpec, PointInTimeJoin, PointInTimeJoinExec, session_with_join, training_set};
use crate::SourceTable;
use crate::session::config;
use crate::testing::{source, store, view};
use arrow_array::RecordBatch;
use arrow_cast::pretty::pretty_format_batches;
use arrow_schema::{DataType, Field, Schema};
use datafusion::logical_expr::{Extension, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, collect, displayable};
use datafusion::prelude::SessionContext;
use datafusion_proto::bytes::{
    logical_plan_from_bytes_with_extension_codec, logical_plan_to_bytes_with_extension_codec,
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use expect_test::expect;
use futures::TryStreamExt;
use provender_core::config::RepoConfig;
use provender_core::memory::MemoryRegistry;
use provender_core::model::{DataSource, SourceKind};
use provender_core::offline::{KnownAt, Spine};
use provender_core::{Kind, RequestContext, ValueType};
use provender_engine::build::{Entity, FeatureView, Source};
use provender_engine::{ApplyOptions, Definitions, FeatureStore, Features, HistoricalQuery, Spines};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn session() -> SessionContext {
    let session = session_with_join(config(), vec![store()]);
    let table = SourceTable::open(source(), store(), &RequestContext::local()).await.unwrap();
    session.register_table("driver_hourly", Arc::new(table)).unwrap();
    session
}

fn spec() -> JoinSpec {
    let features = Schema::new(vec![Field::new("trips_so_far", DataType::Int64, true)]);
    JoinSpec::new("event_timestamp", &[view()], &features).unwrap()
}

const ENTITIES: &str =
    "SELECT driver_id AS driver, event_timestamp + INTERVAL '30 minutes' AS event_timestamp
    FROM driver_hourly WHERE event_timestamp < TIMESTAMP '1970-01-01T04:00:00' ORDER BY event_timestamp DESC";

/// Entity rows half an hour after feature rows, joined; then what is asked of them.
async fn plan(session: &SessionContext) -> LogicalPlan {
    let entities = session.state().create_logical_plan(ENTITIES).await.unwrap();
    let node = Arc::new(PointInTimeJoin::new(entities, spec()).unwrap());
    let builder = LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node }));
    let is_first = datafusion::logical_expr::col("driver").lt_eq(datafusion::logical_expr::lit(2));
    builder.filter(is_first).unwrap().build().unwrap()
}

async fn physical(session: &SessionContext) -> Arc<dyn ExecutionPlan> {
    session.state().create_physical_plan(&plan(session).await).await.unwrap()
}

async fn shown(session: &SessionContext, plan: Arc<dyn ExecutionPlan>) -> String {
    let rows: Vec<RecordBatch> = collect(plan, session.task_ctx()).await.unwrap();
    pretty_format_batches(&rows).unwrap().to_string()
}

#[tokio::test]
async fn rows_come_in_the_inputs_order_with_what_was_known() {
    let session = session().await;
    expect![[r#"
        +--------+----------------------+--------------+
        | driver | event_timestamp      | trips_so_far |
        +--------+----------------------+--------------+
        | 2      | 1970-01-01T03:30:00Z | 21           |
        | 1      | 1970-01-01T02:30:00Z |              |
        | 2      | 1970-01-01T01:30:00Z | 20           |
        | 1      | 1970-01-01T00:30:00Z | 10           |
        +--------+----------------------+--------------+"#]]
    .assert_eq(&shown(&session, physical(&session).await).await);
}

#[tokio::test]
async fn explain_is_readable_and_conditions_on_entities_go_below_the_join() {
    let session = session().await;
    let optimized = session.state().optimize(&plan(&session).await).unwrap();
    expect![[r#"
        PointInTimeJoin: at=event_timestamp, driver_stats on [driver] from driver_hourly within 7200s: trips_so_far
          Sort: event_timestamp DESC NULLS FIRST
            Projection: driver_hourly.driver_id AS driver, driver_hourly.event_timestamp + IntervalMonthDayNano("IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 1800000000000 }") AS event_timestamp
              Filter: driver_hourly.event_timestamp < TimestampMicrosecond(14400000000, Some("UTC")) AND driver_hourly.driver_id <= Int64(2)
                TableScan: driver_hourly projection=[driver_id, event_timestamp], partial_filters=[driver_hourly.event_timestamp < TimestampMicrosecond(14400000000, Some("UTC"))]"#]].assert_eq(&optimized.display_indent().to_string());
    let plan = physical(&session).await;
    expect![[r#"
        PointInTimeJoinExec: at=event_timestamp, driver_stats on [driver] from driver_hourly within 7200s: trips_so_far
          SortExec: expr=[event_timestamp@1 DESC], preserve_partitioning=[false]
            ProjectionExec: expr=[driver_id@0 as driver, event_timestamp@1 + IntervalMonthDayNano { months: 0, days: 0, nanoseconds: 1800000000000 } as event_timestamp]
              FilterExec: event_timestamp@1 < 14400000000 AND driver_id@0 <= 2
                CooperativeExec
                  SourceScan: source=driver_hourly, columns=[driver_id, event_timestamp], to=1970-01-01T04:00:00Z
    "#]].assert_eq(&displayable(plan.as_ref()).indent(false).to_string());
}

#[tokio::test]
async fn the_order_of_the_input_is_known_of_the_output() {
    let session = session().await;
    let plan = physical(&session).await;
    let order = plan.output_ordering().map(ToString::to_string);
    assert_eq!(order.as_deref(), Some("event_timestamp@1 DESC"));
    assert_eq!(plan.output_partitioning().partition_count(), 1);
}

#[tokio::test]
async fn plans_survive_being_sent() {
    let session = session().await;
    let codec = JoinCodec::new(vec![store()]);
    let plan = plan(&session).await;
    let bytes = logical_plan_to_bytes_with_extension_codec(&plan, &codec).unwrap();
    let received = logical_plan_from_bytes_with_extension_codec(&bytes, &session.task_ctx(), &codec).unwrap();
    assert_eq!(received.display_indent_schema().to_string(), plan.display_indent_schema().to_string());
    let again = session.state().create_physical_plan(&received).await.unwrap();
    let expected = shown(&session, physical(&session).await).await;
    assert_eq!(shown(&session, again).await, expected);

    let plan = physical(&session).await;
    let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(&plan), &codec).unwrap();
    let received =
        physical_plan_from_bytes_with_extension_codec(&bytes, &session.task_ctx(), &codec).unwrap();
    let indent = |plan: &Arc<dyn ExecutionPlan>| displayable(plan.as_ref()).indent(true).to_string();
    assert_eq!(indent(&received), indent(&plan));
    assert_eq!(shown(&session, received).await, expected);
}

#[test]
fn every_part_of_a_view_survives_being_sent() {
    let kinds = [
        source().kind,
        SourceKind::BigQuery { table: "p.d.t".into(), query: String::new() },
        SourceKind::Snowflake {
            table: "t".into(),
            query: "q".into(),
            schema: "s".into(),
            database: "d".into(),
        },
        SourceKind::Other { source_type: 11, class: "a.B".into(), options: Some((27, vec![1, 2])) },
        SourceKind::Other { source_type: 6, class: "a.C".into(), options: None },
    ];
    for kind in kinds {
        let mut sent = view();
        sent.source.kind = kind;
        sent.source.field_mapping.insert("raw".into(), "name".into());
        sent.created_column = Some("created".into());
        sent.known_at = KnownAt::Created;
        let spec = JoinSpec::new("at", std::slice::from_ref(&sent), &Schema::empty()).unwrap();
        let received = spec.views().unwrap().remove(0);
        assert_eq!(format!("{received:?}"), format!("{sent:?}"));
    }
    let push = DataSource::new("push", SourceKind::Push { batch: None });
    let views = [provender_core::offline::ViewJoin { source: push, ..view() }];
    let error = JoinSpec::new("at", &views, &Schema::empty()).unwrap_err();
    assert_eq!((error.kind(), error.get("source")), (Kind::Unsupported, Some("push")));
}

#[tokio::test]
async fn what_cannot_be_joined_is_refused_by_name() {
    let session = session().await;
    let entities =
        session.state().create_logical_plan("SELECT driver_id AS drivr, now() AS event_timestamp").await;
    assert!(entities.is_err());
    let entities =
        session.state().create_logical_plan("SELECT 1 AS drivr, now() AS event_timestamp").await.unwrap();
    let error = crate::errors::of_datafusion(&PointInTimeJoin::new(entities, spec()).unwrap_err());
    assert_eq!(
        error.to_string(),
        "the entity rows lack a column (column: driver, did you mean: drivr, columns: drivr, event_timestamp)"
    );
    let codec = JoinCodec::new(Vec::new());
    let bytes = physical_plan_to_bytes_with_extension_codec(physical(&session).await, &codec).unwrap();
    let error =
        physical_plan_from_bytes_with_extension_codec(&bytes, &session.task_ctx(), &codec).unwrap_err();
    let error = crate::errors::of_datafusion(&error);
    assert_eq!((error.kind(), error.get("source")), (Kind::Unsupported, Some("driver_hourly")));
}

#[tokio::test]
async fn damaged_bytes_are_no_plan() {
    let session = session().await;
    let input = physical(&session).await;
    let codec = JoinCodec::new(vec![store()]);
    let converter = datafusion_proto::physical_plan::DefaultPhysicalProtoConverter {};
    for bytes in [&b""[..], b"\xff\xff\xff", b"\x0a\x05abc"] {
        let received = datafusion_proto::physical_plan::PhysicalExtensionCodec::try_decode(
            &codec,
            bytes,
            &[Arc::clone(&input)],
            &session.task_ctx(),
            &converter,
        );
        assert!(received.is_err());
    }
}

#[tokio::test]
async fn a_process_without_a_store_for_the_sources_refuses_the_join() {
    let session = session().await;
    let join = PointInTimeJoinExec::new(physical(&session).await, spec(), &[]).unwrap_err();
    assert_eq!(join.kind(), Kind::Unsupported);
}

/// Two views of one source in a feature store.
async fn feature_store() -> FeatureStore {
    let text = "project: shop\nprovider: local\nregistry: data/registry.db\n";
    let config = RepoConfig::parse(text, Path::new("feature_store.yaml"), ".".into(), &|_| None).unwrap();
    let store = FeatureStore::new(config, Arc::new(MemoryRegistry::new()), vec![store()], None);
    let view = |name: &str| {
        FeatureView::new(name).entity("driver").ttl(Duration::from_secs(7_200)).source("driver_hourly")
    };
    let definitions = Definitions::new()
        .with(Entity::new("driver").join_key("driver_id").value_type(ValueType::INT64))
        .with(Source::file("driver_hourly", "driver_hourly").timestamp_field("event_timestamp"))
        .with(view("places").feature("city", ValueType::STRING))
        .with(view("work").feature("trips", ValueType::INT64));
    store.apply(&definitions, &ApplyOptions::default()).await.unwrap();
    store
}

#[tokio::test]
async fn a_training_set_that_is_planned_here_is_that_of_the_engine() {
    let store = feature_store().await;
    let features = Features::List(vec!["work:trips".to_owned(), "places:city".to_owned()]);
    let session = session().await;
    let entities =
        "SELECT driver_id, event_timestamp + INTERVAL '30 minutes' AS event_timestamp, trips AS label
        FROM driver_hourly ORDER BY trips";
    let entities = session.state().create_logical_plan(entities).await.unwrap();
    let rows = session.execute_logical_plan(entities.clone()).await.unwrap().collect().await.unwrap();
    let spine = Spine::new(rows[0].schema(), rows, "event_timestamp");
    let plan = training_set(&store, entities, "event_timestamp", &features, None).await.unwrap();
    let found = session.execute_logical_plan(plan).await.unwrap().collect().await.unwrap();
    let query = HistoricalQuery {
        spine: Spines::Frame(Arc::new(spine)),
        features,
        full_feature_names: false,
        known_at: None,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    };
    let set = store.historical(query).await.unwrap().run().await.unwrap();
    let expected: Vec<RecordBatch> = set.batches.try_collect().await.unwrap();
    let show = |rows: &[RecordBatch]| pretty_format_batches(rows).unwrap().to_string();
    assert_eq!(show(&found), show(&expected));
    assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
}
