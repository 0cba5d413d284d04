//! Answers in Arrow, read back with Arrow.

use crate::world::{World, push_of};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_schema::DataType;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use provender_core::Timestamp;
use tower::ServiceExt;

const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";
const BODY: &str = r#"{"features":["stats:lat","stats:rating"],"entities":{"driver_id":[1001,7,1001]}}"#;

/// Status, content type and body of an answer.
async fn ask(router: &Router, query: &str, body: &str) -> (u16, String, Vec<u8>) {
    let request = Request::post(format!("/get-online-features{query}")).header("accept", MEDIA_TYPE);
    let response = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (status, kind) =
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap().to_owned());
    (status, kind, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

async fn batch(router: &Router, query: &str) -> RecordBatch {
    let (status, kind, stream) = ask(router, query, BODY).await;
    assert_eq!((status, kind.as_str()), (200, MEDIA_TYPE));
    let batches: Vec<RecordBatch> =
        StreamReader::try_new(&*stream, None).unwrap().map(Result::unwrap).collect();
    let [batch] = batches.try_into().unwrap();
    batch
}

async fn router() -> Router {
    let router = World::new().await.router();
    crate::client::post(&router, "/push", push_of(1001, "2026-01-05", 7.5)).await;
    router
}

fn names(batch: &RecordBatch) -> Vec<&str> {
    batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
}

#[tokio::test]
async fn batch_has_the_declared_types_and_nulls() {
    let batch = batch(&router().await, "").await;
    assert_eq!(names(&batch), ["driver_id", "lat", "rating"]);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1001, 7, 1001]);
    let lat: Vec<Option<f64>> = batch.column(1).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(lat, [Some(7.5), None, Some(7.5)]);
    let rating: Vec<Option<i32>> = batch.column(2).as_primitive::<Int32Type>().iter().collect();
    assert_eq!(rating, [Some(3), None, Some(3)]);
}

#[tokio::test]
async fn statuses_and_times_come_when_they_are_asked_for() {
    let batch = batch(&router().await, "?status=true").await;
    assert_eq!(
        names(&batch),
        ["driver_id", "lat", "rating", "lat__status", "rating__status", "stats__event_timestamp"]
    );
    let statuses = batch.column(3).as_dictionary::<Int8Type>();
    let statuses = statuses.downcast_dict::<arrow_array::StringArray>().unwrap();
    let statuses: Vec<_> = statuses.into_iter().flatten().collect();
    assert_eq!(statuses, ["PRESENT", "NOT_FOUND", "PRESENT"]);
    let times = batch.column(5).as_primitive::<TimestampMicrosecondType>();
    let time = Timestamp::parse("2026-01-05").unwrap().0;
    assert_eq!(times.iter().collect::<Vec<_>>(), [Some(time), None, Some(time)]);
    assert!(matches!(times.data_type(), DataType::Timestamp(_, Some(zone)) if &**zone == "UTC"));
}

#[tokio::test]
async fn mistakes_stay_json() {
    let router = router().await;
    let (status, kind, body) =
        ask(&router, "", r#"{"features":["nope:x"],"entities":{"driver_id":[1]}}"#).await;
    assert_eq!((status, kind.as_str()), (404, "application/json"));
    assert!(String::from_utf8(body).unwrap().contains("FeatureViewNotFoundException"));
    let (status, kind, body) = ask(&router, "?status=perhaps", BODY).await;
    assert_eq!((status, kind.as_str()), (422, "application/json"));
    assert!(String::from_utf8(body).unwrap().contains(r#""loc":["query","status"]"#));
}

#[tokio::test]
async fn values_in_arrow_are_counted_like_others() {
    let router = router().await;
    batch(&router, "").await;
    let metrics = crate::client::get(&router, "/metrics").await.text;
    let line = r#"feast_online_features_status_total{feature_view="stats",status="present"} 4"#;
    assert!(metrics.lines().any(|l| l == line), "{metrics}");
}
