use super::*;
use crate::testing::*;
use crate::{Features, HistoricalQuery};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use futures::executor::block_on;
use provender_core::model::FeatureView;
use provender_core::{Kind, ValueType};

const KEY: (&str, ValueType) = ("driver_id", ValueType::INT64);

fn driver_view(name: &str, feature: &str) -> FeatureView {
    view(name, &[KEY], &[(feature, ValueType::DOUBLE)])
}

/// Two views of drivers with a moment in common, one of customers, one of nobody in particular.
async fn world() -> World {
    let nobody = view("nobody", &[], &[("n", ValueType::DOUBLE)]);
    let customers = view("customers", &[("customer_id", ValueType::INT64)], &[("c", ValueType::DOUBLE)]);
    let views = [driver_view("one", "f"), driver_view("two", "g"), nobody, customers];
    let world = World::new(views.into_iter().map(object).collect()).await;
    let rows = |keys: &[Option<i64>], at: &[&str], feature: &str| {
        let created = vec!["2026-01-01"; keys.len()];
        let values: Vec<f64> = (1..=keys.len()).map(|n| n as f64).collect();
        vec![
            ("driver_id", ints(keys)),
            ("event_timestamp", times(at)),
            ("created", times(&created)),
            (feature.to_owned().leak(), doubles(&values)),
        ]
    };
    let at =
        ["2026-01-01 09:00", "2026-01-01 08:00", "2026-01-01 08:00", "2026-01-01 10:00", "2026-01-01 09:30"];
    let one = rows(&[Some(2), Some(2), Some(1), Some(1), None], &at, "f");
    world.offline.insert("one", &[batch(one)]).unwrap();
    let two = rows(
        &[Some(1), Some(3), Some(3)],
        &["2026-01-01 08:00", "2026-01-01 08:30", "2026-01-01 11:00"],
        "g",
    );
    world.offline.insert("two", &[batch(two)]).unwrap();
    let nobody = rows(&[None], &["2026-01-01 08:45"], "n").into_iter().skip(1).collect();
    world.offline.insert("nobody", &[batch(nobody)]).unwrap();
    world
}

async fn changes(world: &World, features: &[&str], range: (&str, &str)) -> Result<RecordBatch> {
    let query = HistoricalQuery {
        spine: Spines::Changes { start: instant(range.0), end: instant(range.1) },
        features: Features::List(features.iter().map(|f| (*f).to_owned()).collect()),
        full_feature_names: false,
        known_at: None,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    };
    let set = world.store.historical(query).await?.run().await?;
    let batches: Vec<RecordBatch> = set.batches.try_collect().await?;
    Ok(arrow_select::concat::concat_batches(&set.schema, &batches).unwrap())
}

const MORNING: (&str, &str) = ("2026-01-01 08:00", "2026-01-01 10:00");

/// Minutes after eight, and the driver.
fn moments(rows: &RecordBatch) -> Vec<(i64, Option<i64>)> {
    let times = rows["event_timestamp"].as_primitive::<TimestampMicrosecondType>();
    let minutes = times.values().iter().map(|t| (t - instant("2026-01-01 08:00").0) / 60_000_000);
    minutes.zip(rows["driver_id"].as_primitive::<Int64Type>()).collect()
}

#[test]
fn each_pair_of_key_and_time_is_one_row_and_both_ends_count() {
    block_on(async {
        let world = world().await;
        let rows = changes(&world, &["one:f", "two:g"], MORNING).await.unwrap();
        assert_eq!(
            moments(&rows),
            [(0, Some(1)), (0, Some(2)), (30, Some(3)), (60, Some(2)), (120, Some(1))]
        );
        let floats = |name: &str| rows[name].as_primitive::<Float64Type>().iter().collect::<Vec<_>>();
        assert_eq!(floats("f"), [Some(3.0), Some(2.0), None, Some(1.0), Some(4.0)]);
        assert_eq!(floats("g"), [Some(1.0), None, Some(2.0), None, Some(1.0)]);
    });
}

#[test]
fn views_without_keys_join_and_add_no_rows_unless_there_are_no_others() {
    block_on(async {
        let world = world().await;
        let rows = changes(&world, &["two:g", "nobody:n"], MORNING).await.unwrap();
        assert_eq!(moments(&rows), [(0, Some(1)), (30, Some(3))]);
        let rows = changes(&world, &["nobody:n"], MORNING).await.unwrap();
        assert_eq!((rows.num_rows(), rows.num_columns()), (1, 2));
    });
}

#[test]
fn views_of_different_keys_have_no_common_changes() {
    block_on(async {
        let world = world().await;
        let error = changes(&world, &["one:f", "customers:c"], MORNING).await.unwrap_err();
        assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some("customers")));
        assert_eq!(error.get("expected"), Some("driver_id as in one"));
        let error = changes(&world, &["one:f"], (MORNING.1, MORNING.0)).await.unwrap_err();
        assert_eq!(error.message(), "start is after end");
    });
}

#[test]
fn a_range_without_changes_is_empty_and_has_all_columns() {
    block_on(async {
        let world = world().await;
        let rows = changes(&world, &["one:f"], ("2027-01-01", "2027-01-02")).await.unwrap();
        assert_eq!((rows.num_rows(), rows.num_columns()), (0, 3));
    });
}
