//! The join itself: which row wins, and what comes out.

use super::bed::{Bed, HOUR, Loaded, columns, owned, request};
use crate::cell::Cell;
use crate::outcome::{Outcome, Stop, same};
use crate::table::table;
use arrow_array::{Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use provender_core::offline::{FeatureColumn, ViewJoin};
use provender_core::{SECOND, ValueType};
use std::sync::Arc;

async fn two_drivers(bed: &Bed) -> Result<Loaded, Stop> {
    bed.table(&[
        "id:i64 at:us@UTC value:i64",
        "2      09:00     20",
        "1      09:00     10",
        "1      08:00     9",
        "1      11:00     12",
        "1      10:00     11",
    ])
    .await
}

pub(super) async fn every_row_in_order(bed: &Bed) -> Outcome {
    let loaded = two_drivers(bed).await?;
    let spine =
        ["id:i64 time:us@UTC", "1 12:00", "2 09:30", "1 09:30", "1 09:30", "3 12:00", "1 07:00", "1 12:00"];
    bed.expect(loaded.view(), &spine, &["12", "20", "10", "10", "-", "-", "12"]).await
}

pub(super) async fn newest_row_at_or_before_the_time_wins(bed: &Bed) -> Outcome {
    let loaded = two_drivers(bed).await?;
    let spine = ["id:i64 time:us@UTC", "1 10:00", "1 10:59:59.999999", "1 11:00", "1 23:00"];
    bed.expect(loaded.view(), &spine, &["11", "11", "12", "12"]).await
}

pub(super) async fn a_row_one_microsecond_later_is_not_used(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&["id:i64 at:us@UTC value:i64", "1 10:00:00.000001 11", "2 10:00:00.000001 20", "1 09:00 10"])
        .await?;
    let spine = ["id:i64 time:us@UTC", "1 10:00", "2 10:00", "1 10:00:00.000001"];
    bed.expect(loaded.view(), &spine, &["10", "-", "11"]).await
}

pub(super) async fn ttl_is_inclusive(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10"]).await?;
    let view = ViewJoin { ttl: Some(HOUR), ..loaded.view() };
    bed.expect(view, &["id:i64 time:us@UTC", "1 09:00", "1 10:00"], &["10", "10"]).await
}

pub(super) async fn a_row_one_microsecond_past_the_ttl_is_expired(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10", "1 08:00 9"]).await?;
    let view = ViewJoin { ttl: Some(HOUR), ..loaded.view() };
    bed.expect(view, &["id:i64 time:us@UTC", "1 10:00:00.000001", "1 09:59:59.999999"], &["-", "10"]).await
}

pub(super) async fn without_a_ttl_rows_live_for_ever(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 1975-01-01 10"]).await?;
    for ttl in [None, Some(0)] {
        let view = ViewJoin { ttl, ..loaded.view() };
        bed.expect(view, &["id:i64 time:us@UTC", "1 2199-12-31"], &["10"]).await?;
    }
    Ok(())
}

pub(super) async fn a_huge_ttl_is_no_overflow(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 1960-01-01 10"]).await?;
    for ttl in [i64::MAX, i64::MAX / 1000] {
        let view = ViewJoin { ttl: Some(ttl), ..loaded.view() };
        bed.expect(view, &["id:i64 time:us@UTC", "1 1965-01-01", "1 1955-01-01"], &["10", "-"]).await?;
    }
    Ok(())
}

pub(super) async fn spine_may_come_in_many_batches(bed: &Bed) -> Outcome {
    let loaded = two_drivers(bed).await?;
    let batches = [&["1 12:00", "2 12:00"][..], &[], &["1 08:30"], &[]]
        .into_iter()
        .map(|rows| table(&[&["id:i64 time:us@UTC"], rows].concat()))
        .collect::<Result<Vec<_>, _>>()?;
    let answered = bed.join(request(vec![loaded.view()], batches)).await?;
    same("values", &answered.lines(), &owned(&["12", "20", "9"]))
}

pub(super) async fn empty_spine_gives_no_rows(bed: &Bed) -> Outcome {
    let loaded = two_drivers(bed).await?;
    bed.expect(loaded.view(), &["id:i64 time:us@UTC"], &[]).await?;
    let spine = request(vec![loaded.view()], vec![table(&["id:i64 time:us@UTC"])?]);
    let answered = bed.join(spine).await?;
    same("columns of an empty result", &columns(&answered.schema), &owned(&["value:Int64"]))
}

pub(super) async fn empty_source_gives_nulls(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64"]).await?;
    bed.expect(loaded.view(), &["id:i64 time:us@UTC", "1 12:00", "2 12:00"], &["-", "-"]).await
}

pub(super) async fn extra_columns_change_nothing(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["note:str id:i64 at:us@UTC value:i64 spare:f64", "x 1 09:00 10 0.5"]).await?;
    let mut view = loaded.view();
    view.features.retain(|feature| feature.name == "value");
    let spine = [
        "label:bool value:str at:us@UTC created:us created_timestamp:us id:i64 event_timestamp:us tags:list time:us@UTC",
        "true       mine      01:00     02:00      03:00                1      04:00              [1,2]     12:00",
        "-          -         -         -          -                    1      -                  -         08:00",
    ];
    bed.expect(view, &spine, &["10", "-"]).await
}

pub(super) async fn features_come_in_the_order_asked(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["a:i64 id:i64 b:str at:us@UTC c:f64", "1 1 two 09:00 3.5"]).await?;
    let feature = |name: &str, column: &str| FeatureColumn {
        name: name.to_owned(),
        column: column.to_owned(),
        value_type: ValueType::UNKNOWN,
    };
    let features = vec![feature("c", "c"), feature("renamed", "a"), feature("b", "b"), feature("again", "a")];
    let view = ViewJoin { features, ..loaded.view() };
    let answered =
        bed.join(request(vec![view], vec![table(&["id:i64 time:us@UTC", "1 10:00", "2 10:00"])?])).await?;
    same(
        "names",
        &columns(&answered.schema),
        &owned(&["c:Float64", "renamed:Int64", "b:Utf8", "again:Int64"]),
    )?;
    same("values", &answered.lines(), &owned(&["3.5 1 two 1", "- - - -"]))?;
    let nullable = answered.schema.fields().iter().all(|field| field.is_nullable());
    same("all columns of the result are nullable", &nullable, &true)
}

pub(super) async fn values_keep_the_type_of_the_source(bed: &Bed) -> Outcome {
    let mut tried = 0;
    for (column, value) in [
        ("i8", "-8"),
        ("i16", "-16"),
        ("i32", "-32"),
        ("i64", "9223372036854775807"),
        ("u8", "255"),
        ("u16", "65535"),
        ("u32", "4294967295"),
        ("u64", "18446744073709551615"),
        ("f32", "0.5"),
        ("f64", "-0.0"),
        ("f64", "NaN"),
        ("f64", "inf"),
        ("bool", "false"),
        ("str", "grün"),
        ("large", "text"),
        ("view", "a-text-that-is-too-long-to-be-inlined"),
        ("dict", "word"),
        ("bytes", "raw"),
        ("date", "1969-12-31"),
        ("ms", "2026-01-01T00:00:00.001Z"),
        ("us@UTC", "2026-01-01T00:00:00.000001Z"),
        ("ns", "1969-12-31T23:59:59.999999Z"),
        ("list", "[1,-,3]"),
        ("list", "[]"),
    ] {
        let row = format!("1 09:00 {value}");
        match bed.table(&[&format!("id:i64 at:us@UTC value:{column}"), &row]).await {
            Err(Stop::Ignored(_)) => continue,
            Err(stop) => return Err(stop.within(column)),
            Ok(loaded) => value_keeps_its_type(bed, &loaded).await.map_err(|stop| stop.within(column))?,
        }
        tried += 1;
    }
    if tried == 0 {
        Err(Stop::Ignored("tables of this store have none of the types".to_owned()))
    } else {
        Ok(())
    }
}

async fn value_keeps_its_type(bed: &Bed, loaded: &Loaded) -> Outcome {
    let spine = table(&["id:i64 time:us@UTC", "1 10:00", "2 10:00"])?;
    let answered = bed.join(request(vec![loaded.view()], vec![spine])).await?;
    let schema = bed.store.store.schema(&loaded.source).await?;
    same(
        "type of the result against the source's",
        &Some(answered.schema.field(0).data_type()),
        &schema.field_with_name("value").ok().map(Field::data_type),
    )?;
    let stored = crate::cell::cells(loaded.files[0].column(2))?.remove(0);
    same("value", &answered.rows, &vec![vec![stored], vec![Cell::Null]])
}

pub(super) async fn several_views_stand_side_by_side(bed: &Bed) -> Outcome {
    let drivers = two_drivers(bed).await?;
    let routes =
        bed.table(&["id:i64 id_city:str at:us@UTC fare:f64", "1 oslo 09:00 0.5", "1 bonn 09:00 1.5"]).await?;
    let spine = table(&["id_city:str id:i64 time:us@UTC", "bonn 1 10:00", "rome 2 10:00", "oslo 9 10:00"])?;
    let second = ViewJoin { name: "routes".to_owned(), ..routes.view() };
    let answered = bed.join(request(vec![drivers.view(), second.clone()], vec![spine.clone()])).await?;
    same("names", &columns(&answered.schema), &owned(&["value:Int64", "fare:Float64"]))?;
    same("values", &answered.lines(), &owned(&["11 1.5", "20 -", "- -"]))?;
    let turned = bed.join(request(vec![second, drivers.view()], vec![spine])).await?;
    same("values in the other order", &turned.lines(), &owned(&["1.5 11", "- 20", "- -"]))
}

pub(super) async fn one_view_may_come_under_two_names(bed: &Bed) -> Outcome {
    let loaded = two_drivers(bed).await?;
    let alias = |name: &str, column: &str, ttl| {
        let mut view = ViewJoin { name: name.to_owned(), ttl, ..loaded.view() };
        view.keys[0].name = column.to_owned();
        view.features[0].name = format!("{name}__value");
        view
    };
    let views =
        vec![alias("origin", "from", None), alias("target", "to", Some(HOUR)), alias("old", "from", Some(1))];
    let spine = table(&["from:i64 to:i64 time:us@UTC", "1 2 10:00", "2 1 10:30", "1 1 13:00"])?;
    let answered = bed.join(request(views, vec![spine])).await?;
    same(
        "names",
        &columns(&answered.schema),
        &owned(&["origin__value:Int64", "target__value:Int64", "old__value:Int64"]),
    )?;
    same("values", &answered.lines(), &owned(&["11 20 11", "20 11 -", "12 - -"]))
}

/// More rows than one batch of anything: 300 keys of 20 events in three files, 3,000 entity rows.
pub(super) async fn many_keys_and_rows(bed: &Bed) -> Outcome {
    const KEYS: i64 = 300;
    let event = |hour: i64| hour * HOUR;
    let files = (0..3)
        .map(|file| {
            let rows: Vec<_> = (0..KEYS * 20).filter(|row| row % 3 == file).collect();
            numbers(
                ["id", "at", "value"],
                rows.iter().map(|row| row % KEYS).collect(),
                rows.iter().map(|row| event(row / KEYS)).collect(),
                rows.clone(),
            )
        })
        .collect::<Result<Vec<_>, _>>()?;
    let loaded = bed.load(files).await?;
    let asked: Vec<i64> = (0..3000).map(|i| (i * 7919) % (KEYS + 10)).collect();
    let hours: Vec<i64> = (0..3000).map(|i| (i * 31) % 22 - 1).collect();
    let times = hours.iter().map(|hour| event(*hour) + SECOND).collect();
    let spine = numbers(["id", "time", "extra"], asked.clone(), times, hours.clone())?;
    let answered = bed.join(request(vec![loaded.view()], vec![spine])).await?;
    let expected: Vec<_> = asked
        .iter()
        .zip(&hours)
        .map(|(id, hour)| match *id < KEYS && *hour >= 0 {
            true => (hour.min(&19) * KEYS + id).to_string(),
            false => "-".to_owned(),
        })
        .collect();
    same("values", &answered.lines(), &expected)
}

fn numbers(names: [&str; 3], ids: Vec<i64>, times: Vec<i64>, values: Vec<i64>) -> Result<RecordBatch, Stop> {
    let types = [DataType::Int64, DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Int64];
    let fields: Vec<_> = names.into_iter().zip(types).map(|(name, t)| Field::new(name, t, true)).collect();
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        vec![
            Arc::new(Int64Array::from(ids)),
            Arc::new(TimestampMicrosecondArray::from(times)),
            Arc::new(Int64Array::from(values)),
        ],
    )?)
}

pub(super) async fn a_memory_limit_changes_no_answer(bed: &Bed) -> Outcome {
    let loaded = two_drivers(bed).await?;
    let mut limited =
        request(vec![loaded.view()], vec![table(&["id:i64 time:us@UTC", "1 12:00", "2 12:00"])?]);
    limited.max_memory = Some(64 << 20);
    same("values", &bed.join(limited).await?.lines(), &owned(&["12", "20"]))
}
