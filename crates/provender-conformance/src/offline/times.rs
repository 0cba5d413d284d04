//! Times: units, zones, dates and the far ends of the calendar. All are instants; naive times are UTC.

use super::bed::{Bed, Loaded, request};
use crate::outcome::{Outcome, Stop, holds};
use crate::table::table;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampSecondArray};
use provender_core::Kind;
use std::sync::Arc;

const KINDS: &[&str] = &[
    "s",
    "ms",
    "us",
    "ns",
    "s@UTC",
    "ms@UTC",
    "us@UTC",
    "ns@UTC",
    "us@+05:30",
    "ms@-08:00",
    "ns@America/New_York",
    "us@Europe/Berlin",
];

pub(super) async fn sources_may_have_any_unit_and_zone(bed: &Bed) -> Outcome {
    let mut tried = false;
    for kind in KINDS {
        let Some(loaded) = source(bed, kind).await? else { continue };
        tried = true;
        expect(bed, &loaded, "us@UTC")
            .await
            .map_err(|stop| stop.within(format_args!("event times of {kind}")))?;
    }
    if tried { Ok(()) } else { Err(Stop::Ignored("tables of this store have no timestamps".to_owned())) }
}

pub(super) async fn spines_may_have_any_unit_and_zone(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10", "1 09:00:01 11"]).await?;
    for kind in KINDS {
        expect(bed, &loaded, kind)
            .await
            .map_err(|stop| stop.within(format_args!("entity times of {kind}")))?;
    }
    Ok(())
}

async fn source(bed: &Bed, kind: &str) -> Result<Option<Loaded>, Stop> {
    match bed.table(&[&format!("id:i64 at:{kind} value:i64"), "1 09:00 10", "1 09:00:01 11"]).await {
        Err(Stop::Ignored(_)) => Ok(None),
        loaded => loaded.map(Some),
    }
}

async fn expect(bed: &Bed, loaded: &Loaded, kind: &str) -> Outcome {
    let header = format!("id:i64 time:{kind}");
    bed.expect(
        loaded.view(),
        &[&header, "1 08:59:59", "1 09:00", "1 09:00:01", "1 09:30"],
        &["-", "10", "11", "11"],
    )
    .await
}

pub(super) async fn dates_are_their_first_instant(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC value:i64",
            "1 2026-01-02 10",
            "1 2026-01-02T00:00:00.000001 11",
            "1 1960-02-29 9",
        ])
        .await?;
    let spine = ["id:i64 time:date", "1 2026-01-02", "1 2026-01-03", "1 2026-01-01", "1 1960-02-28"];
    bed.expect(loaded.view(), &spine, &["10", "11", "9", "-"]).await?;
    let loaded = bed.table(&["id:i64 at:date value:i64", "1 2026-01-02 10", "1 1960-02-29 9"]).await?;
    let spine = [
        "id:i64 time:us",
        "1 2026-01-01T23:59:59.999999",
        "1 2026-01-02",
        "1 1960-02-29",
        "1 1960-02-28T23:59",
    ];
    bed.expect(loaded.view(), &spine, &["9", "10", "9", "-"]).await
}

pub(super) async fn times_before_1970_are_ordinary(bed: &Bed) -> Outcome {
    for kind in ["us@UTC", "ms", "s", "ns@UTC"] {
        let header = format!("id:i64 at:{kind} value:i64");
        let rows =
            ["1 1969-12-31T23:59:58 10", "1 1969-12-31T23:59:59 11", "1 1970-01-01 12", "1 1900-01-01 9"];
        let loaded = match bed.table(&[&[header.as_str()][..], &rows].concat()).await {
            Err(Stop::Ignored(_)) => continue,
            loaded => loaded?,
        };
        let spine = [
            "id:i64 time:us@UTC",
            "1 1969-12-31T23:59:58.999999",
            "1 1969-12-31T23:59:59.5",
            "1 1970-01-01",
            "1 1950-06-01",
            "1 1899-12-31T23:59:59.999999",
        ];
        let outcome = bed.expect(loaded.view(), &spine, &["10", "11", "12", "9", "-"]).await;
        outcome.map_err(|stop| stop.within(format_args!("event times of {kind}")))?;
    }
    Ok(())
}

pub(super) async fn created_times_may_have_another_unit(bed: &Bed) -> Outcome {
    for kind in KINDS {
        let header = format!("id:i64 at:us@UTC created:{kind} value:i64");
        let loaded =
            match bed.table(&[&header, "1 09:00 09:00:02 10", "1 09:00 09:00:01 11", "1 09:00 - 12"]).await {
                Err(Stop::Ignored(_)) => continue,
                loaded => loaded?,
            };
        let outcome = bed.expect(loaded.view(), &["id:i64 time:us@UTC", "1 10:00"], &["10"]).await;
        outcome.map_err(|stop| stop.within(format_args!("created times of {kind}")))?;
    }
    Ok(())
}

/// Seconds that do not fit into microseconds must not wrap around into the past. Refusing them is as good.
pub(super) async fn a_time_beyond_the_calendar_is_in_the_future(bed: &Bed) -> Outcome {
    let seconds = TimestampSecondArray::from(vec![i64::MAX - 1, i64::MAX / 1_000_000 + 2, 0]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 1, 2]))),
        ("at", Arc::new(seconds)),
        ("value", Arc::new(Int64Array::from(vec![10, 11, 20]))),
    ];
    let loaded = bed.load(vec![RecordBatch::try_from_iter(columns)?]).await?;
    let spine = table(&["id:i64 time:us@UTC", "1 2026-01-01", "2 2026-01-01"])?;
    match bed.attempt(request(vec![loaded.view()], vec![spine])).await {
        Err(error) if error.kind() == Kind::Invalid => Ok(()),
        report => holds("the far future is no match", report?.views[0].matched <= 1),
    }
}
