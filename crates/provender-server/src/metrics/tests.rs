use super::*;
use provender_core::model::{MaterializationInterval, Object};
use provender_core::registry::Stored;
use std::sync::Arc;

fn lines(text: &str, prefix: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn requests_are_counted_by_outcome_and_code() {
    let metrics = Metrics::new();
    for code in [200, 200, 404, 599] {
        let status = StatusCode::from_u16(code).unwrap();
        metrics.answered(Endpoint::Push, status, Duration::from_millis(2));
    }
    let text = metrics.render(&Moment::default());
    assert_eq!(
        lines(&text, "feast_feature_server_request_total{endpoint=\"/push\""),
        [
            "feast_feature_server_request_total{endpoint=\"/push\",status=\"success\"} 2",
            "feast_feature_server_request_total{endpoint=\"/push\",status=\"error\"} 2"
        ]
    );
    assert_eq!(
        lines(&text, "provender_http_responses_total{endpoint=\"/push\""),
        [
            "provender_http_responses_total{endpoint=\"/push\",code=\"200\"} 2",
            "provender_http_responses_total{endpoint=\"/push\",code=\"404\"} 1",
            "provender_http_responses_total{endpoint=\"/push\",code=\"0\"} 1"
        ]
    );
}

#[test]
fn histogram_counts_up_to_each_bound() {
    let metrics = Metrics::new();
    for rows in [1, 5, 6, 2000] {
        metrics.online(rows);
    }
    let text = metrics.render(&Moment::default());
    let seen = lines(&text, "feast_online_features_entity_count");
    assert!(seen.contains(&"feast_online_features_entity_count_bucket{le=\"1\"} 1".to_owned()), "{seen:?}");
    assert!(seen.contains(&"feast_online_features_entity_count_bucket{le=\"5\"} 2".to_owned()));
    assert!(seen.contains(&"feast_online_features_entity_count_bucket{le=\"1000\"} 3".to_owned()));
    assert!(seen.contains(&"feast_online_features_entity_count_bucket{le=\"+Inf\"} 4".to_owned()));
    assert!(seen.contains(&"feast_online_features_entity_count_sum 2012".to_owned()));
    assert!(seen.contains(&"feast_online_features_entity_count_count 4".to_owned()));
    assert_eq!(
        lines(&text, "feast_online_features_request_total"),
        ["feast_online_features_request_total 4"]
    );
}

#[test]
fn labels_cannot_break_out_of_their_quotes() {
    let metrics = Metrics::new();
    metrics.pushed("a\"b\\c\nd", PushTarget::OnlineAndOffline);
    assert_eq!(
        lines(&metrics.render(&Moment::default()), "feast_push_request_total{"),
        [r#"feast_push_request_total{push_source="a\"b\\c\nd",mode="online_and_offline"} 1"#]
    );
}

#[test]
fn requests_in_flight_are_counted_until_they_end() {
    let metrics = Metrics::new();
    let (one, two) = (metrics.enter(), metrics.enter());
    drop(one);
    assert_eq!(
        lines(&metrics.render(&Moment::default()), "provender_requests_in_flight"),
        ["provender_requests_in_flight 1"]
    );
    drop(two);
    assert_eq!(
        lines(&metrics.render(&Moment::default()), "provender_requests_in_flight"),
        ["provender_requests_in_flight 0"]
    );
}

#[test]
fn freshness_is_the_age_of_the_newest_window() {
    let hour = 3_600 * provender_core::SECOND;
    let now = Timestamp::now();
    let window =
        |hours| MaterializationInterval { start: Timestamp(0), end: Timestamp(now.0 - hours * hour) };
    let view = provender_core::model::FeatureView {
        name: "stats".into(),
        materialization_intervals: vec![window(2), window(5)],
        ..Default::default()
    };
    let never = provender_core::model::FeatureView { name: "new".into(), ..Default::default() };
    let stored = |view| Arc::new(Stored::decoded("shop".into(), Object::FeatureView(Arc::new(view))));
    let snapshot = RegistrySnapshot::new([stored(view), stored(never)], None);
    let seen = lines(
        &Metrics::new().render(&Moment {
            project: "shop",
            registry: Some(Arc::new(snapshot)),
            ..Default::default()
        }),
        "feast_feature_freshness_seconds{",
    );
    let (labels, age) = seen[0].split_once("} ").unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(labels, "feast_feature_freshness_seconds{feature_view=\"stats\",project=\"shop\"");
    assert!((7_200.0..7_300.0).contains(&age.parse::<f64>().unwrap()), "{age}");
}

#[test]
fn every_sample_belongs_to_a_declared_family() {
    let text = Metrics::new().render(&Moment::default());
    let mut family = "";
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(declared) => family = declared.split(' ').next().unwrap(),
            None if line.starts_with('#') => {}
            None => {
                assert!(line.starts_with(family), "{line} is not of {family}");
                line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap();
            }
        }
    }
    for name in
        ["feast_feature_server_cpu_usage", "feast_feature_server_memory_usage", "provender_build_info"]
    {
        assert!(text.contains(name), "{name}");
    }
}
