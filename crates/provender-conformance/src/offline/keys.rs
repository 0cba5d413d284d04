//! Join keys: which values of the two sides are equal.

use super::bed::{Bed, HOUR, key, request};
use crate::outcome::{Outcome, Stop, holds};
use crate::table::table;
use provender_core::Kind;
use provender_core::offline::ViewJoin;

pub(super) async fn keys_of_text_match(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:str at:us@UTC value:i64",
            "a 09:00 1",
            "A 09:00 2",
            "'' 09:00 3",
            "naïve 09:00 4",
            "1 09:00 5",
        ])
        .await?;
    let spine = [
        "id:str time:us@UTC",
        "A 10:00",
        "naïve 10:00",
        "b 10:00",
        "'' 10:00",
        "a 10:00",
        "01 10:00",
        "1 10:00",
    ];
    bed.expect(loaded.view(), &spine, &["2", "4", "-", "3", "1", "-", "5"]).await
}

pub(super) async fn text_of_any_layout_matches(bed: &Bed) -> Outcome {
    each_pair(bed, &["str", "large", "view", "dict"], ["a-key-that-is-longer-than-any-inlined-text", "b"])
        .await
}

pub(super) async fn integers_of_any_width_match(bed: &Bed) -> Outcome {
    each_pair(bed, &["i64", "i32", "i16", "i8", "u8", "u16", "u32"], ["100", "7"]).await?;
    each_pair(bed, &["i64", "i32", "i16"], ["-300", "300"]).await
}

/// Joins a source with keys of each type to entity rows with keys of each type.
async fn each_pair(bed: &Bed, types: &[&str], [known, other]: [&str; 2]) -> Outcome {
    let mut tried = false;
    for stored in types {
        let header = format!("id:{stored} at:us@UTC value:i64");
        let loaded = match bed.table(&[&header, &format!("{known} 09:00 10"), "- 09:00 20"]).await {
            Err(Stop::Ignored(_)) => continue,
            other => other?,
        };
        tried = true;
        for asked in types {
            let header = format!("id:{asked} time:us@UTC");
            let spine = [&header, &format!("{known} 10:00"), &format!("{other} 10:00"), "- 10:00"];
            let outcome = bed.expect(loaded.view(), &spine, &["10", "-", "-"]).await;
            outcome.map_err(|stop| stop.within(format_args!("a key of {stored}, asked for as {asked}")))?;
        }
    }
    if tried { Ok(()) } else { Err(Stop::Ignored(format!("tables of this store have none of {types:?}"))) }
}

/// Refusing such keys is as good.
pub(super) async fn an_unsigned_key_is_not_a_negative_one(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:u64 at:us@UTC value:i64", "18446744073709551615 09:00 10"]).await?;
    let spine = table(&["id:i64 time:us@UTC", "-1 10:00"])?;
    match bed.attempt(request(vec![loaded.view()], vec![spine])).await {
        Err(error) if error.kind() == Kind::Invalid => Ok(()),
        report => holds("-1 is not 2^64-1", report?.views[0].matched == 0),
    }
}

pub(super) async fn keys_of_bytes_match(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:bytes at:us@UTC value:i64", "ab 09:00 1", "a 09:00 2"]).await?;
    bed.expect(loaded.view(), &["id:bytes time:us@UTC", "a 10:00", "ab 10:00", "abc 10:00"], &["2", "1", "-"])
        .await
}

pub(super) async fn keys_of_time_match_as_instants(bed: &Bed) -> Outcome {
    let loaded =
        bed.table(&["id:us@UTC at:us@UTC value:i64", "08:00 09:00 1", "08:00:00.000001 09:00 2"]).await?;
    let spine = ["id:us@UTC time:us@UTC", "08:00 10:00", "08:00:00.000001 10:00", "08:00:00.000002 10:00"];
    bed.expect(loaded.view(), &spine, &["1", "2", "-"]).await
}

pub(super) async fn composite_keys_match_as_a_whole(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 id_city:str at:us@UTC value:i64",
            "1 oslo 09:00 1",
            "1 bonn 09:00 2",
            "2 oslo 09:00 3",
            "2 oslo 08:00 4",
        ])
        .await?;
    let spine = [
        "id_city:str id:i64 time:us@UTC",
        "oslo 1 10:00",
        "oslo 2 10:00",
        "bonn 2 10:00",
        "bonn 1 10:00",
        "oslo 2 08:30",
    ];
    bed.expect(loaded.view(), &spine, &["1", "3", "-", "2", "4"]).await
}

pub(super) async fn parts_of_a_composite_key_do_not_run_together(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:str id2:str at:us@UTC value:i64",
            "a bc 09:00 1",
            "ab c 09:00 2",
            "abc '' 09:00 3",
            "a,b c 09:00 4",
        ])
        .await?;
    let spine = [
        "id:str id2:str time:us@UTC",
        "ab c 10:00",
        "a bc 10:00",
        "'' abc 10:00",
        "abc '' 10:00",
        "a b,c 10:00",
        "a,b c 10:00",
        "bc a 10:00",
    ];
    bed.expect(loaded.view(), &spine, &["2", "1", "-", "3", "-", "4", "-"]).await
}

pub(super) async fn a_view_without_entity_joins_on_time_alone(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["at:us@UTC value:i64", "09:00 1", "11:00 3", "10:00 2"]).await?;
    let view = ViewJoin { ttl: Some(HOUR), ..loaded.view() };
    let spine = ["id:i64 time:us@UTC", "7 10:30", "- 08:00", "8 12:00", "7 12:30", "- 09:00"];
    bed.expect(view, &spine, &["2", "-", "3", "-", "1"]).await
}

pub(super) async fn key_columns_are_named_by_the_request(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 id2:i64 at:us@UTC value:i64", "1 2 09:00 12", "2 1 09:00 21"]).await?;
    let view = ViewJoin { keys: vec![key("id2", "id"), key("id", "id2")], ..loaded.view() };
    bed.expect(view, &["id:i64 id2:i64 time:us@UTC", "1 2 10:00", "2 1 10:00"], &["21", "12"]).await
}
