//! Generated data of the local template: fifteen days of hourly driver statistics that end with the last full hour, and orders to rank drivers for.

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use provender::{Result, SECOND, Timestamp, frame};
use std::path::Path;
use std::sync::Arc;

const DRIVERS: std::ops::RangeInclusive<i64> = 1001..=1005;
const HOURS: i64 = 15 * 24;
const HOUR: i64 = 3600 * SECOND;

/// Writes `driver_stats.parquet` and `orders.parquet` into a folder.
pub(super) fn write(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| provender::Error::io(e, "make the folder", folder))?;
    let end = Timestamp::now().0 / HOUR * HOUR;
    let mut random = Random(42);
    let stats = stats(end, &mut random)?;
    frame::write(folder.join("driver_stats.parquet"), &stats.schema(), [Ok(stats.clone())])?;
    let orders = orders(end, &mut random)?;
    frame::write(folder.join("orders.parquet"), &orders.schema(), [Ok(orders.clone())])?;
    Ok(())
}

fn stats(end: i64, random: &mut Random) -> Result<RecordBatch> {
    let keys: Vec<(i64, i64)> =
        (0..HOURS).flat_map(|h| DRIVERS.map(move |d| (d, end - (HOURS - 1 - h) * HOUR))).collect();
    let share = |random: &mut Random| {
        Float32Array::from_iter_values((0..keys.len()).map(|_| random.below(1000) as f32 / 1000.0))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from_iter_values(keys.iter().map(|(d, _)| *d)))),
        ("event_timestamp", times(keys.iter().map(|(_, t)| *t))),
        ("created", times(keys.iter().map(|(_, t)| t + 5 * 60 * SECOND))),
        ("conv_rate", Arc::new(share(random))),
        ("acc_rate", Arc::new(share(random))),
        (
            "avg_daily_trips",
            Arc::new(Int64Array::from_iter_values((0..keys.len()).map(|_| random.below(1000)))),
        ),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn orders(end: i64, random: &mut Random) -> Result<RecordBatch> {
    let rows: Vec<(i64, i64)> =
        (0..200).map(|_| (1001 + random.below(6), end - random.below(14 * 24 * 3600) * SECOND)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("order_id", Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("driver_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|(d, _)| *d)))),
        ("event_timestamp", times(rows.iter().map(|(_, t)| *t))),
        ("on_time", Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| random.below(2))))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

/// A small generator (xorshift64), so that everybody gets the same sample.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.unsigned_abs()).cast_signed()
    }
}
