//! Nulls: in keys, in times, in values.

use super::bed::{Bed, owned, request};
use crate::outcome::{Outcome, same};
use crate::table::table;
use provender_core::Kind;

pub(super) async fn null_keys_match_nothing(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "- 09:00 10", "0 09:00 20"]).await?;
    bed.expect(loaded.view(), &["id:i64 time:us@UTC", "- 10:00", "0 10:00"], &["-", "20"]).await?;
    let loaded = bed.table(&["id:str at:us@UTC value:i64", "- 09:00 10", "'' 09:00 20"]).await?;
    bed.expect(loaded.view(), &["id:str time:us@UTC", "- 10:00", "'' 10:00"], &["-", "20"]).await
}

pub(super) async fn a_composite_key_with_a_null_matches_nothing(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 id2:str at:us@UTC value:i64",
            "1 - 09:00 1",
            "- a 09:00 2",
            "- - 09:00 3",
            "1 a 09:00 4",
        ])
        .await?;
    let spine = ["id:i64 id2:str time:us@UTC", "1 - 10:00", "- a 10:00", "- - 10:00", "1 a 10:00"];
    bed.expect(loaded.view(), &spine, &["-", "-", "-", "4"]).await
}

pub(super) async fn null_event_times_are_never_used(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 - 09:00 10",
            "2 - - 20",
            "2 09:00 - 21",
            "2 - 09:30 22",
        ])
        .await?;
    bed.expect(loaded.view(), &["id:i64 time:us@UTC", "1 10:00", "2 10:00"], &["-", "21"]).await
}

pub(super) async fn a_null_in_the_winner_stays_null(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC value:i64 word:str flag:bool",
            "1 08:00 10 old true",
            "1 09:00 - new -",
            "2 09:00 20 some false",
            "2 09:30 - - -",
        ])
        .await?;
    let spine = ["id:i64 time:us@UTC", "1 10:00", "2 10:00", "1 08:30"];
    bed.expect(loaded.view(), &spine, &["- new -", "- - -", "10 old true"]).await
}

/// Refusing such entity rows is as good.
pub(super) async fn a_null_time_of_an_entity_row_finds_nothing(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10", "1 1900-01-01 9"]).await?;
    let spine = table(&["id:i64 time:us@UTC", "1 -", "1 10:00"])?;
    let asked = request(vec![loaded.view()], vec![spine]);
    match bed.attempt(asked.clone()).await {
        Err(error) if error.kind() == Kind::Invalid => return Ok(()),
        report => same("rows with a match", &report?.views[0].matched, &1)?,
    }
    same("values", &bed.join(asked).await?.lines(), &owned(&["-", "10"]))
}
