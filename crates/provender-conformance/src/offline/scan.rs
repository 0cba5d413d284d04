//! Scans of a window: the newest row of each key, or every row.

use super::bed::{Bed, Loaded, columns, key, owned};
use crate::outcome::{Outcome, Stop, same};
use crate::table::{table, time};
use provender_core::offline::RangeRequest;

/// A window from one time of a table to another.
fn window(loaded: &Loaded, start: &str, end: &str) -> Result<RangeRequest, Stop> {
    let mut window = loaded.window(time(start)?, time(end)?);
    // Lines stay short when the times, which come last, are not asked for twice.
    window.features.retain(|feature| feature.name != "at");
    Ok(window)
}

async fn history(bed: &Bed) -> Result<Loaded, Stop> {
    bed.table(&[
        "id:i64 at:us@UTC value:i64",
        "1 08:00 10",
        "1 10:00 12",
        "1 09:00 11",
        "2 09:00 20",
        "3 11:00 30",
        "- 09:30 40",
        "1 - 13",
    ])
    .await
}

pub(super) async fn latest_is_one_row_a_key(bed: &Bed) -> Outcome {
    let loaded = history(bed).await?;
    let found = bed.latest(window(&loaded, "00:00", "23:00")?).await?;
    let expected = ["1 12 2026-01-01T10:00:00Z", "2 20 2026-01-01T09:00:00Z", "3 30 2026-01-01T11:00:00Z"];
    same("newest rows", &found, &owned(&expected))
}

pub(super) async fn latest_window_is_inclusive(bed: &Bed) -> Outcome {
    let loaded = history(bed).await?;
    let found = bed.latest(window(&loaded, "09:00", "10:00")?).await?;
    same("closed window", &found, &owned(&["1 12 2026-01-01T10:00:00Z", "2 20 2026-01-01T09:00:00Z"]))?;
    let found = bed.latest(window(&loaded, "09:00:00.000001", "10:00")?).await?;
    same("from 1 µs later", &found, &owned(&["1 12 2026-01-01T10:00:00Z"]))?;
    let found = bed.latest(window(&loaded, "09:00", "09:59:59.999999")?).await?;
    same("to 1 µs earlier", &found, &owned(&["1 11 2026-01-01T09:00:00Z", "2 20 2026-01-01T09:00:00Z"]))
}

pub(super) async fn latest_breaks_ties_by_created(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us value:i64",
            "1 09:00 09:30 10",
            "1 09:00 09:10 11",
            "2 09:00 1900-01-01 20",
            "2 09:00 - 21",
            "2 08:00 09:50 22",
        ])
        .await?;
    let found = bed.latest(window(&loaded, "00:00", "23:00")?).await?;
    let expected =
        ["1 10 2026-01-01T09:00:00Z 2026-01-01T09:30:00Z", "2 20 2026-01-01T09:00:00Z 1900-01-01T00:00:00Z"];
    same("newest rows", &found, &owned(&expected))
}

pub(super) async fn latest_takes_the_later_of_equal_rows(bed: &Bed) -> Outcome {
    let header = "id:i64 at:us@UTC created:us value:i64";
    let first = table(&[header, "1 09:00 09:00 10", "2 09:00 - 20", "2 09:00 - 21", "1 09:00 09:00 11"])?;
    let second = table(&[header, "1 09:00 09:00 12", "3 09:00 - 30"])?;
    let loaded = bed.load(vec![first, second]).await?;
    let found = bed.latest(window(&loaded, "00:00", "23:00")?).await?;
    let expected = [
        "1 12 2026-01-01T09:00:00Z 2026-01-01T09:00:00Z",
        "2 21 2026-01-01T09:00:00Z -",
        "3 30 2026-01-01T09:00:00Z -",
    ];
    same("newest rows", &found, &owned(&expected))
}

pub(super) async fn latest_leaves_out_and_counts_null_keys(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 id2:str at:us@UTC value:i64",
            "1 a 09:00 1",
            "- a 09:00 2",
            "1 - 09:00 3",
            "- - 09:30 4",
            "- a 12:00 5",
        ])
        .await?;
    let scan = bed.store.store.latest(window(&loaded, "09:00", "10:00")?).await?;
    let (rows, null_keys) = bed.read(scan).await?;
    same("newest rows", &super::bed::lines(&rows), &owned(&["1 a 1 2026-01-01T09:00:00Z"]))?;
    same("rows of the window with a null key", &null_keys, &3)
}

pub(super) async fn latest_of_a_view_without_entity_is_one_row(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["at:us@UTC value:i64", "09:00 1", "11:00 3", "10:00 2"]).await?;
    let found = bed.latest(window(&loaded, "00:00", "10:30")?).await?;
    same("newest row", &found, &owned(&["2 2026-01-01T10:00:00Z"]))
}

pub(super) async fn latest_keeps_nulls_of_the_newest_row(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&["id:i64 at:us@UTC value:i64 word:str", "1 08:00 10 old", "1 09:00 - -", "2 09:00 - new"])
        .await?;
    let found = bed.latest(window(&loaded, "00:00", "10:00")?).await?;
    same("newest rows", &found, &owned(&["1 - - 2026-01-01T09:00:00Z", "2 - new 2026-01-01T09:00:00Z"]))
}

pub(super) async fn range_is_every_row_of_the_window(bed: &Bed) -> Outcome {
    let loaded = history(bed).await?;
    let found = bed.range(window(&loaded, "09:00", "10:00")?).await?;
    let expected = [
        "- 40 2026-01-01T09:30:00Z",
        "1 11 2026-01-01T09:00:00Z",
        "1 12 2026-01-01T10:00:00Z",
        "2 20 2026-01-01T09:00:00Z",
    ];
    same("rows", &found, &owned(&expected))?;
    let twice = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10", "1 09:00 10"]).await?;
    let found = bed.range(window(&twice, "09:00", "09:00")?).await?;
    same("equal rows", &found, &owned(&["1 10 2026-01-01T09:00:00Z", "1 10 2026-01-01T09:00:00Z"]))
}

pub(super) async fn scans_have_the_columns_of_the_request(bed: &Bed) -> Outcome {
    let loaded =
        bed.table(&["word:str id:i64 at:ms created:ns value:f64 id2:str", "a 1 09:00 09:30 0.5 x"]).await?;
    let mut asked = window(&loaded, "00:00", "23:00")?;
    asked.keys = vec![key("city", "id2"), key("driver", "id")];
    asked.features.reverse();
    asked.features[0].name = "renamed".to_owned();
    let expected = [
        "city:Utf8",
        "driver:Int64",
        "renamed:Float64",
        "word:Utf8",
        "event_timestamp:Timestamp(µs, \"UTC\")",
        "created_timestamp:Timestamp(µs, \"UTC\")",
    ];
    for latest in [true, false] {
        let store = &bed.store.store;
        let request = asked.clone();
        let scan = if latest { store.latest(request).await? } else { store.range(request).await? };
        same("columns", &columns(&scan.schema), &owned(&expected))?;
        let (rows, _) = bed.read(scan).await?;
        let line = "x 1 0.5 a 2026-01-01T09:00:00Z 2026-01-01T09:30:00Z";
        same("rows", &super::bed::lines(&rows), &owned(&[line]))?;
    }
    let bare =
        RangeRequest { created_column: None, features: Vec::new(), ..window(&loaded, "00:00", "23:00")? };
    same("rows without features", &bed.latest(bare.clone()).await?, &owned(&["1 x 2026-01-01T09:00:00Z"]))?;
    same("rows without features", &bed.range(bare).await?, &owned(&["1 x 2026-01-01T09:00:00Z"]))
}

pub(super) async fn scans_of_nothing_are_empty(bed: &Bed) -> Outcome {
    let empty = bed.table(&["id:i64 at:us@UTC value:i64"]).await?;
    let full = history(bed).await?;
    for (loaded, start, end) in
        [(&empty, "00:00", "23:00"), (&full, "12:00", "23:00"), (&full, "10:00", "09:00")]
    {
        same("newest rows", &bed.latest(window(loaded, start, end)?).await?, &vec![])?;
        same("rows", &bed.range(window(loaded, start, end)?).await?, &vec![])?;
    }
    Ok(())
}
