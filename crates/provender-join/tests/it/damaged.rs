//! Parquet files with damaged bytes: an error that says where, never a wrong value and never a panic of ours.
//!
//! `testdata/checksummed.parquet` was written by pyarrow (`checksummed.py` beside it): 600 rows in two row groups, every page with a checksum.

use crate::support::{batch, ints, join, open, spine, temp, times, view};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use provender_core::offline::{Spine, ViewJoin};
use provender_core::{Kind, Result};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const WHOLE: &[u8] = include_bytes!("../../testdata/checksummed.parquet");
/// Bytes of the footer, its length and the mark after it.
const FOOTER: usize = 750 + 8;
const ROWS: i64 = 600;
/// 2026-01-01, when the first row is.
const START: i64 = 1_767_225_600;

/// An entity row for each feature row, a moment after it.
fn entity_rows() -> Arc<Spine> {
    let seconds = 0..ROWS;
    let drivers = ints(seconds.clone().map(|i| i % 20));
    let moments = times(seconds.map(|i| (START + i) * 1_000_000 + 1));
    spine(vec![batch(vec![("driver", drivers), ("time", moments)])])
}

fn asked() -> ViewJoin {
    ViewJoin { created_column: None, ..view(&["driver"], &["value"]) }
}

fn values(path: &Path, spine: &Arc<Spine>) -> Result<Vec<Option<f64>>> {
    let mut values = Vec::new();
    for batch in join(spine, asked(), &open(path)?)? {
        values.extend(batch?["value"].as_primitive::<Float64Type>());
    }
    Ok(values)
}

#[test]
fn a_byte_that_changed_is_an_error_that_names_the_place_or_changes_nothing() {
    let dir = temp();
    let path = dir.path().join("x.parquet");
    let spine = entity_rows();
    let expected: Vec<_> = (0..ROWS).map(|i| Some(i as f64 * 0.25)).collect();
    fs::write(&path, WHOLE).unwrap();
    assert_eq!(values(&path, &spine).unwrap(), expected);
    let (mut refused, mut places) = (0, Vec::new());
    for (at, flip) in (4..WHOLE.len() - FOOTER).step_by(STEP).flat_map(|at| [(at, 0x5a), (at, 1)]) {
        let mut bytes = WHOLE.to_vec();
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        match values(&path, &spine) {
            Ok(found) => assert_eq!(found, expected, "wrong values, byte {at} changed by {flip:#x}"),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Invalid, "{}", error.report());
                assert_eq!(error.get("file"), path.to_str());
                let place = (error.get("row group").unwrap(), error.get("column").unwrap());
                places.push((place.0.to_owned(), place.1.to_owned()));
                refused += 1;
            }
        }
    }
    places.sort();
    places.dedup();
    let named: Vec<_> = places.iter().map(|(group, column)| format!("{group} {column}")).collect();
    assert_eq!(named, ["0 driver", "0 event", "0 value", "1 driver", "1 event", "1 value"]);
    // All but a few bytes of page headers that say nothing to a reader.
    assert!(refused * 10 > 2 * 9 * (WHOLE.len() - FOOTER) / STEP, "{refused} refused");
}

/// Every how manieth byte is changed.
const STEP: usize = 17;
