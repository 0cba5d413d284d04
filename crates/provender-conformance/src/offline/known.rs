//! `known_at`: joins that use only what was known at an entity row's time.

use super::bed::{Bed, HOUR, request};
use crate::outcome::{Outcome, refused};
use crate::table::table;
use provender_core::Kind;
use provender_core::offline::{KnownAt, ViewJoin};

pub(super) async fn rows_created_later_are_not_known(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 09:00 09:00 10",
            "1 09:00 11:00 11",
            "1 09:30 10:00 12",
            "2 09:00 10:00:00.000001 20",
        ])
        .await?;
    let view = ViewJoin { known_at: KnownAt::Created, ..loaded.view() };
    let spine = ["id:i64 time:us@UTC", "1 09:59", "1 10:00", "1 23:00", "2 10:00", "2 10:00:00.000001"];
    bed.expect(view, &spine, &["10", "12", "12", "-", "20"]).await
}

pub(super) async fn a_null_created_time_counts_as_known(bed: &Bed) -> Outcome {
    let loaded =
        bed.table(&["id:i64 at:us@UTC created:us@UTC value:i64", "1 09:00 - 10", "1 09:00 11:00 11"]).await?;
    let view = ViewJoin { known_at: KnownAt::Created, ..loaded.view() };
    bed.expect(view, &["id:i64 time:us@UTC", "1 10:00", "1 11:00", "1 08:59"], &["10", "11", "-"]).await
}

pub(super) async fn the_ttl_is_of_the_event_time(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&["id:i64 at:us@UTC created:us@UTC value:i64", "1 09:00 10:30 10", "1 10:00 13:00 11"])
        .await?;
    let view = ViewJoin { known_at: KnownAt::Created, ttl: Some(2 * HOUR), ..loaded.view() };
    let spine = ["id:i64 time:us@UTC", "1 10:29", "1 10:30", "1 11:00", "1 11:00:00.000001", "1 12:00"];
    bed.expect(view, &spine, &["-", "10", "10", "-", "-"]).await
}

pub(super) async fn known_at_is_refused(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC created:us@UTC value:i64", "1 09:00 09:00 10"]).await?;
    let view = ViewJoin { known_at: KnownAt::Created, ..loaded.view() };
    let spine = table(&["id:i64 time:us@UTC", "1 10:00"])?;
    let result = bed.store.store.historical(request(vec![view], vec![spine])).await;
    refused("known_at that the store does not promise", result, &[Kind::Unsupported]).map(drop)
}
