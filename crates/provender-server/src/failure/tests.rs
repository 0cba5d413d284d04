use super::*;

async fn answer(failure: impl Into<Failure>) -> (u16, String, bool) {
    let response = failure.into().into_response();
    let (status, retry) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap(), retry)
}

#[tokio::test]
async fn class_of_feast_travels_as_json_inside_a_json_string() {
    let error = Error::not_found("feature view nope does not exist in project interop")
        .with("kind", "FeatureView")
        .with("class", "FeatureViewNotFoundException");
    // recorded from Feast: err_unknown_view
    let recorded = r#""{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"Feature view nope does not exist in project interop\"}""#;
    assert_eq!(answer(error).await, (404, recorded.to_owned(), false));
}

#[tokio::test]
async fn status_follows_the_class_then_the_kind() {
    let class = |kind, class| Error::new(kind, "x").with("class", class);
    for (error, expected) in [
        (class(Kind::NotFound, "PushSourceNotFoundException"), 422),
        (class(Kind::NotFound, "FeatureServiceNotFoundException"), 404),
        (class(Kind::Denied, "FeastPermissionError"), 403),
        (class(Kind::Invalid, "FeatureNameCollisionError"), 500),
        (Error::invalid("x"), 500),
        (Error::not_found("x"), 500),
        (Error::conflict("x"), 409),
        (Error::unsupported("x"), 501),
        (Error::unavailable("x"), 503),
        (Error::internal("x"), 500),
    ] {
        assert_eq!(answer(error).await.0, expected);
    }
}

#[tokio::test]
async fn mistake_names_its_field_and_hides_its_cause() {
    let error = Error::invalid("missing join key").with("field", "entities.driver_id").because("secret");
    let body = r#""Missing join key (field: entities.driver_id)""#;
    assert_eq!(answer(error).await, (500, body.to_owned(), false));
}

#[tokio::test]
async fn whoever_is_turned_away_is_told_to_come_back() {
    assert_eq!(answer(Failure::busy("full")).await, (503, r#"{"detail":"full"}"#.to_owned(), true));
    assert!(answer(Error::unavailable("store is down")).await.2);
}
