//! Which row stays when a key is written again.

use super::bed::{Bed, Raw, Row, key, keys, read_all, shown, write};
use crate::generate::values::text_value;
use crate::outcome::{Outcome, same};
use provender_core::{SECOND, Timestamp};

/// Writes rows of one key, each by itself or all in one batch, and tells what stays.
async fn stays(bed: &Bed, view: &str, rows: &[Row], at_once: bool) -> Result<String, crate::Stop> {
    let table = bed.set_up(view, &["a"]).await?;
    if at_once {
        bed.write(&table, rows).await?;
    } else {
        for row in rows {
            bed.write(&table, std::slice::from_ref(row)).await?;
        }
    }
    Ok(bed.read(&table, &[1]).await?.remove(0))
}

async fn expect(bed: &Bed, rows: &[Row], expected: &str) -> Outcome {
    for (view, at_once) in [("apart", false), ("at_once", true)] {
        let table = bed.view(view, &["a"]);
        bed.drop(&[&table]).await?;
        let found = stays(bed, view, rows, at_once).await?;
        same(format_args!("what stays of rows written {view}"), &found, &expected.to_owned())?;
    }
    Ok(())
}

pub(super) async fn newer_row_replaces(bed: &Bed) -> Outcome {
    expect(bed, &[Row(1, 10, None, &["old"]), Row(1, 11, None, &["new"])], "11: new").await?;
    expect(bed, &[Row(1, 10, Some(99), &["old"]), Row(1, 11, Some(5), &["new"])], "11: new").await?;
    expect(bed, &[Row(1, -20, None, &["old"]), Row(1, -10, None, &["new"])], "-10: new").await
}

pub(super) async fn late_row_is_ignored(bed: &Bed) -> Outcome {
    let late = async |rows: &[Row], expected: &str| {
        let found = stays(bed, "stats", rows, false).await?;
        same("what stays", &found, &expected.to_owned())
    };
    late(&[Row(1, 10, None, &["new"]), Row(1, 9, None, &["old"])], "10: new").await?;
    late(&[Row(1, 9, Some(99), &["created later"])], "10: new").await?;
    late(&[Row(1, -10, None, &["ancient"])], "10: new").await?;
    late(
        &[Row(1, 10, None, &["same time"]), Row(1, 12, None, &["newest"]), Row(1, 11, None, &["-"])],
        "12: newest",
    )
    .await
}

pub(super) async fn late_row_of_the_same_batch_is_ignored(bed: &Bed) -> Outcome {
    let rows = [
        Row(1, 10, None, &["middle"]),
        Row(1, 12, None, &["newest"]),
        Row(1, 11, None, &["late"]),
        Row(1, 9, Some(99), &["latest created"]),
    ];
    same("what stays", &stays(bed, "stats", &rows, true).await?, &"12: newest".to_owned())
}

pub(super) async fn correction_is_taken(bed: &Bed) -> Outcome {
    expect(bed, &[Row(1, 10, Some(10), &["first"]), Row(1, 10, Some(11), &["corrected"])], "10: corrected")
        .await?;
    expect(bed, &[Row(1, 10, Some(11), &["corrected"]), Row(1, 10, Some(10), &["first"])], "10: corrected")
        .await
}

pub(super) async fn null_created_is_smallest(bed: &Bed) -> Outcome {
    expect(bed, &[Row(1, 10, None, &["bare"]), Row(1, 10, Some(-99), &["dated"])], "10: dated").await?;
    expect(bed, &[Row(1, 10, Some(-99), &["dated"]), Row(1, 10, None, &["bare"])], "10: dated").await
}

pub(super) async fn of_equal_rows_the_last_stays(bed: &Bed) -> Outcome {
    expect(bed, &[Row(1, 10, Some(10), &["first"]), Row(1, 10, Some(10), &["second"])], "10: second").await?;
    expect(bed, &[Row(1, 10, None, &["first"]), Row(1, 10, None, &["second"])], "10: second").await
}

pub(super) async fn microseconds_decide(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    let row = |micros: i64, text: &str| Raw {
        key: key(1),
        event: Timestamp(10 * SECOND + micros),
        created: None,
        cells: vec![text_value(text)],
    };
    for (micros, text, expected) in
        [(5, "first", "first"), (4, "late", "first"), (6, "new", "new"), (-1, "late", "new")]
    {
        write(&bed.store, &table, &[row(micros, text)]).await?;
        let rows = read_all(&bed.store, &table, &keys([1])).await?;
        same(
            format_args!("what stays after {micros} µs"),
            &shown(&rows, 1),
            &vec![format!("10: {expected}")],
        )?;
    }
    Ok(())
}

pub(super) async fn last_write_wins(bed: &Bed) -> Outcome {
    expect(bed, &[Row(1, 10, None, &["new"]), Row(1, 9, None, &["late"])], "9: late").await?;
    expect(bed, &[Row(1, 10, Some(11), &["first"]), Row(1, 10, Some(10), &["second"])], "10: second").await
}
