//! Which of several rows with equal event times wins.

use super::bed::Bed;
use crate::outcome::Outcome;
use crate::table::table;

const SPINE: &[&str] = &["id:i64 time:us@UTC", "1 10:00", "2 10:00"];

pub(super) async fn created_breaks_ties(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 09:00 09:30 10",
            "1 09:00 09:10 11",
            "2 09:00 09:10 20",
            "2 09:00 09:30 21",
            "2 09:00 09:20 22",
        ])
        .await?;
    bed.expect(loaded.view(), SPINE, &["10", "21"]).await
}

pub(super) async fn null_created_is_smallest(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 09:00 1900-01-01 10",
            "1 09:00 - 11",
            "2 09:00 - 20",
            "2 09:00 1900-01-01 21",
        ])
        .await?;
    bed.expect(loaded.view(), SPINE, &["10", "21"]).await
}

pub(super) async fn a_late_row_never_beats_a_newer_event(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 09:00 09:00 10",
            "1 08:00 09:59 11",
            "2 08:00 09:59 20",
            "2 09:00 - 21",
        ])
        .await?;
    bed.expect(loaded.view(), SPINE, &["10", "21"]).await
}

pub(super) async fn the_later_row_wins_equal_times(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 09:00 09:00 10",
            "2 09:00 - 20",
            "1 09:00 09:00 11",
            "2 09:00 - 21",
            "1 09:00 08:00 12",
        ])
        .await?;
    bed.expect(loaded.view(), SPINE, &["11", "21"]).await
}

pub(super) async fn the_later_row_wins_without_created_times(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC value:i64",
            "1 09:00 10",
            "2 09:00 20",
            "2 09:00 21",
            "1 09:00 11",
            "1 08:00 12",
        ])
        .await?;
    bed.expect(loaded.view(), SPINE, &["11", "21"]).await
}

pub(super) async fn the_later_file_wins_equal_times(bed: &Bed) -> Outcome {
    let header = "id:i64 at:us@UTC created:us@UTC value:i64";
    let files = [
        ["1 09:00 09:00 10", "2 09:00 - 20"],
        ["2 09:00 09:00 21", "1 09:00 09:00 11"],
        ["1 09:00 - 12", "2 09:00 09:00 22"],
    ];
    let files = files.iter().map(|[a, b]| table(&[header, a, b])).collect::<Result<Vec<_>, _>>()?;
    let loaded = bed.load(files).await?;
    bed.expect(loaded.view(), SPINE, &["11", "22"]).await
}
