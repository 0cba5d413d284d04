//! Values and times come back as they were written.

use super::bed::{Bed, Raw, key, keys, read_all, seconds, write};
use crate::generate::values::{text_value, value};
use crate::outcome::{Outcome, same};
use provender_core::{SECOND, Timestamp, ValueType};

pub(super) async fn every_kind_of_value_comes_back_byte_for_byte(bed: &Bed) -> Outcome {
    let types: Vec<ValueType> = ValueType::all().filter(|t| value(*t, 0).is_some()).collect();
    let table = bed.view_of("kinds", types.iter().map(|t| (format!("feature_{}", t.0), *t)));
    bed.keep(&[&table]).await?;
    let rows: Vec<Raw> = (0..8)
        .map(|id| Raw {
            key: key(id),
            event: seconds(id),
            created: None,
            cells: types.iter().filter_map(|t| value(*t, id as u64)).collect(),
        })
        .collect();
    write(&bed.store, &table, &rows).await?;
    let found = read_all(&bed.store, &table, &keys(0..8)).await?;
    for (row, expected) in rows.iter().enumerate() {
        for (feature, value_type) in types.iter().enumerate() {
            let what = format!("{value_type} of row {row}");
            same(what, &found.cell(row, feature), &Some(expected.cells[feature].as_slice()))?;
        }
    }
    Ok(())
}

/// Together below 400 kB, which is as much as one item of DynamoDB holds.
pub(super) async fn large_values_come_back(bed: &Bed) -> Outcome {
    let table = bed.set_up("large", &["a", "b", "c"]).await?;
    let cell = |letter: char, length: usize| text_value(&letter.to_string().repeat(length));
    let row = Raw {
        key: key(1),
        event: seconds(1),
        created: None,
        cells: vec![cell('x', 200_000), cell('y', 1), cell('z', 100_000)],
    };
    let expected = row.cells.clone();
    write(&bed.store, &table, &[row]).await?;
    let found = read_all(&bed.store, &table, &keys([1])).await?;
    for (feature, bytes) in expected.iter().enumerate() {
        let intact = found.cell(0, feature) == Some(bytes);
        same(format_args!("value of {} bytes is intact", bytes.len()), &intact, &true)?;
    }
    Ok(())
}

const TIMES: [i64; 9] = [
    1_767_225_600_123_456,
    1_767_225_600_000_000,
    0,
    1,
    -1,
    -SECOND,
    -SECOND - 1,
    -2_208_988_800_000_001,
    253_402_300_799_999_999,
];

pub(super) async fn event_times_keep_microseconds(bed: &Bed) -> Outcome {
    same("event times", &times(bed).await?, &TIMES.map(Timestamp).map(Some).to_vec())
}

pub(super) async fn event_times_are_rounded_down_to_seconds(bed: &Bed) -> Outcome {
    let expected = TIMES.map(|t| Some(Timestamp(t.div_euclid(SECOND) * SECOND)));
    same("event times", &times(bed).await?, &expected.to_vec())
}

async fn times(bed: &Bed) -> Result<Vec<Option<Timestamp>>, crate::Stop> {
    let table = bed.set_up("times", &["a"]).await?;
    let row = |(id, time): (i64, &i64)| Raw {
        key: key(id),
        event: Timestamp(*time),
        created: Some(Timestamp(*time)),
        cells: vec![text_value("a")],
    };
    let rows: Vec<Raw> = (0..).zip(&TIMES).map(row).collect();
    write(&bed.store, &table, &rows).await?;
    let found = read_all(&bed.store, &table, &keys(0..TIMES.len() as i64)).await?;
    Ok((0..TIMES.len()).map(|row| found.time(row)).collect())
}
