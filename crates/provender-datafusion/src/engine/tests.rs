use crate::testing::{ask, query, tables};
use crate::{Datafusion, testing};
use arrow_array::RecordBatch;
use arrow_cast::pretty::pretty_format_batches;
use datafusion::physical_plan::displayable;
use expect_test::{Expect, expect};
use futures::{StreamExt, TryStreamExt};
use provender_core::model::DataSource;
use provender_core::sql::{QUERY_TAG, SqlEngine, SqlQuery, SqlTable};
use provender_core::{Kind, RequestContext};
use std::sync::Arc;

async fn shows(sql: &str, expected: Expect) {
    let rows: Vec<RecordBatch> = ask(sql).await.unwrap().batches.try_collect().await.unwrap();
    expected.assert_eq(&pretty_format_batches(&rows).unwrap().to_string());
}

#[tokio::test]
async fn a_query_reads_sources_by_name() {
    let sql = "SELECT driver_id, event_timestamp, trips + 1 AS label, upper(city) AS city
               FROM Driver_Hourly WHERE trips IS NOT NULL AND event_timestamp >= '1970-01-01T01:00:00Z'";
    shows(
        sql,
        expect![[r#"
            +-----------+----------------------+-------+------+
            | driver_id | event_timestamp      | label | city |
            +-----------+----------------------+-------+------+
            | 2         | 1970-01-01T01:00:00Z | 21    |      |
            | 2         | 1970-01-01T03:00:00Z | 22    | WIEN |
            | 1         | 1970-01-01T04:00:00Z | 13    | LINZ |
            +-----------+----------------------+-------+------+"#]],
    )
    .await;
    let sql = "WITH d AS (SELECT driver_id, count(*) AS n FROM driver_hourly GROUP BY driver_id)
               SELECT d.n, h.city FROM driver_hourly h JOIN d USING (driver_id) ORDER BY h.event_timestamp";
    shows(
        sql,
        expect![[r#"
            +---+------+
            | n | city |
            +---+------+
            | 3 | Graz |
            | 2 |      |
            | 3 | Graz |
            | 2 | Wien |
            | 3 | Linz |
            +---+------+"#]],
    )
    .await;
}

#[tokio::test]
async fn entity_rows_may_come_from_values_and_series() {
    shows(
        "SELECT value AS driver_id, TIMESTAMP '2026-01-01' AS event_timestamp FROM generate_series(1, 2)",
        expect![[r#"
            +-----------+---------------------+
            | driver_id | event_timestamp     |
            +-----------+---------------------+
            | 1         | 2026-01-01T00:00:00 |
            | 2         | 2026-01-01T00:00:00 |
            +-----------+---------------------+"#]],
    )
    .await;
}

#[tokio::test]
async fn texts_come_out_plain() {
    let rows = ask("SELECT arrow_cast(city, 'Utf8View') AS a, arrow_cast(city, 'Dictionary(Int32, Utf8)') AS b, CAST(trips AS VARCHAR) AS c FROM driver_hourly")
        .await
        .unwrap();
    let types: Vec<String> = rows.schema.fields().iter().map(|f| f.data_type().to_string()).collect();
    assert_eq!(types, ["Utf8", "Utf8", "Utf8"]);
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
}

#[tokio::test]
async fn bounds_on_the_event_time_go_down_to_the_store() {
    let plan = |sql: &'static str| async move {
        let planned = super::plan(&query(sql, &RequestContext::local())).await.unwrap();
        let physical = planned.state.create_physical_plan(&planned.plan).await.unwrap();
        displayable(physical.as_ref()).indent(false).to_string()
    };
    expect![[r#"
        FilterExec: event_timestamp@1 >= 1767225600000000 AND event_timestamp@1 <= 1767323045000000 AND trips@2 > 3, projection=[driver_id@0]
          CooperativeExec
            SourceScan: source=driver_hourly, columns=[driver_id, event_timestamp, trips], from=2026-01-01T00:00:00Z, to=2026-01-02T03:04:05Z
    "#]].assert_eq(
        &plan("SELECT driver_id FROM driver_hourly WHERE event_timestamp BETWEEN TIMESTAMP '2026-01-01' AND TIMESTAMP '2026-01-02T03:04:05' AND trips > 3").await,
    );
    expect![[r#"
        ProjectionExec: expr=[count(Int64(1))@0 as count(*)]
          AggregateExec: mode=Single, gby=[], aggr=[count(Int64(1))]
            FilterExec: event_timestamp@0 > 1767222000000000, projection=[]
              CooperativeExec
                SourceScan: source=driver_hourly, columns=[event_timestamp], from=2025-12-31T23:00:00Z
    "#]].assert_eq(
        &plan("SELECT count(*) FROM (SELECT * FROM driver_hourly) AS d WHERE d.event_timestamp > '2026-01-01T00:00:00+01:00'").await,
    );
}

/// What a query is refused with.
async fn refusal(sql: &str) -> (Kind, String) {
    let error = match ask(sql).await {
        Err(error) => error,
        Ok(rows) => rows.batches.try_collect::<Vec<_>>().await.unwrap_err(),
    };
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn mistakes_are_told_with_their_place_and_what_was_expected() {
    let queries = [
        "",
        "SELECT",
        "SELEC 1",
        "SELECT driver_id FROM driver_hourly WHERE",
        "SELECT 1; SELECT 2",
        "SELECT 'open",
        "DROP TABLE driver_hourly",
        "COPY driver_hourly TO '/tmp/x.parquet'",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'",
        "SELECT * FROM driver_hurly",
        "SELECT * FROM weather",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM other.driver_hourly",
        "SELECT trip FROM driver_hourly",
        "SELECT driver_id\nFROM driver_hourly\nWHERE tripz > 1",
        "SELECT a.driver_id FROM driver_hourly a JOIN driver_hourly b ON a.trips = b.trips WHERE city = 'x'",
        "SELECT uper(city) FROM driver_hourly",
        "SELECT city + 1 FROM driver_hourly",
        "SELECT 1 / (trips - 10) FROM driver_hourly",
        "SELECT trips, trips FROM driver_hourly",
    ];
    let mut told = String::new();
    for sql in queries {
        let (kind, text) = refusal(sql).await;
        assert!(matches!(kind, Kind::Invalid | Kind::Unsupported), "{sql}: {kind:?} {text}");
        told.push_str(&format!("{}\n    {kind:?}: {text}\n", sql.replace('\n', " ")));
    }
    expect![[r#"

            Invalid: the query is empty (expected: one SELECT, WITH or VALUES statement)
        SELECT
            Invalid: the query is not SQL (found: EOF, expected: an expression, at: the end of the query)
        SELEC 1
            Invalid: the query is not SQL (found: SELEC, expected: an SQL statement, at: line 1, column 1)
        SELECT driver_id FROM driver_hourly WHERE
            Invalid: the query is not SQL (found: EOF, expected: an expression, at: the end of the query)
        SELECT 1; SELECT 2
            Invalid: several statements (expected: one SELECT, WITH or VALUES statement)
        SELECT 'open
            Invalid: the query is not SQL (why: Unterminated string literal, at: line 1, column 8)
        DROP TABLE driver_hourly
            Invalid: a query only reads (found: DROP, expected: one SELECT, WITH or VALUES statement)
        COPY driver_hourly TO '/tmp/x.parquet'
            Invalid: a query only reads (found: COPY, expected: one SELECT, WITH or VALUES statement)
        CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'
            Invalid: a query only reads (found: CREATE, expected: one SELECT, WITH or VALUES statement)
        SELECT * FROM driver_hurly
            Invalid: there is no such table (table: driver_hurly, did you mean: driver_hourly, at: line 1, column 15)
        SELECT * FROM weather
            Invalid: there is no such table (table: weather, expected: driver_hourly, at: line 1, column 15)
        SELECT * FROM '/etc/passwd'
            Invalid: there is no such table (table: /etc/passwd, expected: driver_hourly)
        SELECT * FROM other.driver_hourly
            Invalid: there is no such table (table: other.driver_hourly, did you mean: driver_hourly, at: line 1, column 21)
        SELECT trip FROM driver_hourly
            Invalid: there is no such column (column: trip, did you mean: trips, expected: driver_hourly.driver_id, driver_hourly.event_timestamp, driver_hourly.trips, driver_hourly.city, at: line 1, column 8)
        SELECT driver_id FROM driver_hourly WHERE tripz > 1
            Invalid: there is no such column (column: tripz, did you mean: trips, expected: driver_hourly.driver_id, driver_hourly.event_timestamp, driver_hourly.trips, driver_hourly.city, at: line 3, column 7)
        SELECT a.driver_id FROM driver_hourly a JOIN driver_hourly b ON a.trips = b.trips WHERE city = 'x'
            Invalid: several tables have that column (column: city, at: line 1, column 89)
        SELECT uper(city) FROM driver_hourly
            Invalid: the query does not fit its tables (why: Invalid function 'uper'. Did you mean 'upper'?, at: line 1, column 8)
        SELECT city + 1 FROM driver_hourly
            Invalid: the query does not fit its tables (why: Cannot coerce arithmetic expression Utf8 + Int64 to valid types, at: line 1, column 8)
        SELECT 1 / (trips - 10) FROM driver_hourly
            Invalid: the query cannot convert or compute a value (why: Divide by zero error)
        SELECT trips, trips FROM driver_hourly
            Invalid: the query does not fit its tables (why: Projections require unique expression names but the expression "driver_hourly.trips" at position 0 and "driver_hourly.trips" at position 1 have the same name. Consider aliasing ("AS") one of them)
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_source_that_no_store_reads_and_a_query_over_a_query_are_refused() {
    let mut nested = DataSource::new("busy", testing::source().kind);
    nested.tags.insert(QUERY_TAG.to_owned(), "SELECT 1".to_owned());
    let unread = DataSource::new("far", testing::source().kind);
    let tables: Vec<SqlTable> =
        [nested, unread].map(|source| SqlTable { source, store: None }).into_iter().chain(tables()).collect();
    for (sql, expected) in [
        (
            "SELECT * FROM busy",
            "the query of a data source cannot read another query (table: busy, type: FileSource)",
        ),
        (
            "SELECT * FROM far",
            "no offline store of this repository reads that source (expected: a store that reads it in offline_store or offline_stores, table: far, type: FileSource)",
        ),
    ] {
        let mut query = query(sql, &RequestContext::local());
        query.tables = Arc::new(tables.clone());
        let error = Datafusion.query(query).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Unsupported, expected));
    }
}

#[tokio::test]
async fn what_a_store_says_comes_out_as_it_said_it() {
    let mut source = testing::source();
    source.name = "gone".to_owned();
    source.kind = DataSource::new("gone", file("nowhere")).kind;
    let tables = vec![SqlTable { source, store: Some(testing::store()) }];
    let mut query = query("SELECT * FROM gone", &RequestContext::local());
    query.tables = Arc::new(tables);
    let error = Datafusion.query(query).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::NotFound, "there is no such table"));
}

fn file(path: &str) -> provender_core::model::SourceKind {
    provender_core::model::SourceKind::File {
        path: path.to_owned(),
        format: provender_core::model::FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    }
}

/// Counts for days unless it is stopped.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 10000000000000) WHERE value % 7 = 3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_query_stops() {
    let context = RequestContext::local();
    let mut rows = Datafusion.query(query(ENDLESS, &context)).await.unwrap();
    let running = tokio::spawn(async move { rows.batches.next().await });
    context.cancel.cancel();
    let error = running.await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Unavailable, "interrupted"));
}

#[tokio::test]
async fn a_query_whose_rows_are_taken_on_another_thread_stops_too() {
    let context = RequestContext::local();
    let rows = Datafusion.query(query(ENDLESS, &context)).await.unwrap();
    let taken = tokio::task::spawn_blocking(|| futures::executor::block_on_stream(rows.batches).next());
    context.cancel.cancel();
    let error = taken.await.unwrap().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Unavailable, "interrupted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_stops_at_its_deadline() {
    let context =
        RequestContext::local().until(std::time::Instant::now() + std::time::Duration::from_millis(200));
    let mut rows = Datafusion.query(query(ENDLESS, &context)).await.unwrap();
    let error = rows.batches.next().await.unwrap().unwrap_err();
    assert_eq!(error.message(), "the deadline has passed");
    assert!(rows.batches.next().await.is_none());
}

#[tokio::test]
async fn a_query_beyond_its_memory_is_refused() {
    let sql = "SELECT a.value AS x, array_agg(b.value) AS many FROM generate_series(1, 2000) a, generate_series(1, 2000) b GROUP BY a.value";
    let query = SqlQuery { max_memory: Some(1 << 20), ..query(sql, &RequestContext::local()) };
    let rows = Datafusion.query(query).await.unwrap();
    let error = rows.batches.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Invalid, "the query needs more memory than it may use")
    );
}

#[tokio::test]
async fn a_deep_query_is_answered_or_refused() {
    let chain = |terms: usize| vec!["trips = 1"; terms].join(" OR ");
    let unions = |terms: usize| vec!["SELECT driver_id FROM driver_hourly"; terms].join(" UNION ALL ");
    let filtered = |terms: usize| format!("SELECT driver_id FROM driver_hourly WHERE {}", chain(terms));
    for sql in [filtered(190), unions(190)] {
        let rows = ask(&sql).await.unwrap();
        rows.batches.try_collect::<Vec<_>>().await.unwrap();
    }
    let long = format!("SELECT {}", vec!["1"; 120_000].join("+"));
    let parentheses = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    for sql in [filtered(2_000), unions(2_000), long, parentheses, " ".repeat(300_000) + "SELECT 1"] {
        assert_eq!(refusal(&sql).await.0, Kind::Invalid);
    }
}
