//! One key that holds nearly all rows, most of them created long after the fact, against the oracle.

use crate::oracle::{Outcome, Row, point_in_time};
use crate::support::{self, batch, column, ints, open, times, write_parquet};
use arrow_array::RecordBatch;
use provender_core::RequestContext;
use provender_core::offline::KnownAt;
use provender_join::{HistoricalJoin, JoinOptions};

const ENTITIES: i64 = 1_000;
const ROWS: i64 = 2_500;
/// Times are below this; those of the first half of the rows in a tenth of it.
const SPAN: i64 = 60_000;

/// Numbers that repeat by no pattern that matters, the same in every run.
fn scattered(number: i64, salt: i64) -> i64 {
    ((number + salt) * 7_919 + salt * 104_729).rem_euclid(99_991)
}

fn row(number: i64, salt: i64, half: i64) -> Row {
    let key = if scattered(number, 5) % 40 == 0 { 2 } else { 1 };
    let span = if number < half { SPAN / 10 } else { SPAN };
    let time = scattered(number, salt) % span;
    let late = scattered(number, 11) % (SPAN / 20);
    Row { keys: vec![Some(key)], time: Some(time), created: (late % 7 > 0).then_some(time + late) }
}

fn table(rows: &[Row], time: &str) -> RecordBatch {
    batch(vec![
        ("k", ints(rows.iter().map(|row| row.keys[0]))),
        (time, times(rows.iter().map(|row| row.time))),
        ("created", times(rows.iter().map(|row| row.created))),
        ("id", ints(0..rows.len() as i64)),
    ])
}

#[test]
fn a_hot_key_of_late_rows_agrees_with_the_oracle() {
    let dir = support::temp();
    let rows: Vec<_> = (0..ROWS).map(|number| row(number, 3, ROWS / 2)).collect();
    let entities: Vec<_> = (0..ENTITIES).map(|number| row(number, 4, ENTITIES / 2)).collect();
    let path = dir.path().join("data.parquet");
    write_parquet(&path, &table(&rows, "event"), 700);
    let source = open(&path).unwrap();
    let columns = table(&entities, "time").project(&[0, 1]).unwrap();
    let spine = support::spine(vec![columns.slice(0, 100), columns.slice(100, columns.num_rows() - 100)]);
    for (ttl, known_at) in [
        (None, KnownAt::Event),
        (Some(40), KnownAt::Event),
        (None, KnownAt::Created),
        (Some(900), KnownAt::Created),
    ] {
        let is_created = known_at == KnownAt::Created;
        let view = provender_core::offline::ViewJoin { ttl, known_at, ..support::view(&["k"], &["id"]) };
        let options = JoinOptions { threads: 3, batch_rows: 333, ..JoinOptions::default() };
        let views = vec![(view, source.clone())];
        let joined = HistoricalJoin::new(spine.clone(), views, options, RequestContext::local())
            .unwrap()
            .run()
            .unwrap();
        let (report, audit) = (joined.report().views[0].clone(), joined.audit());
        let outcomes = |by_created| -> Vec<Outcome> {
            entities.iter().map(|entity| point_in_time(entity, &rows, ttl, by_created)).collect()
        };
        let ids = |outcomes: &[Outcome]| -> Vec<Option<i64>> {
            let id =
                |outcome: &Outcome| if let Outcome::Matched(i) = outcome { Some(*i as i64) } else { None };
            outcomes.iter().map(id).collect()
        };
        let (mine, others) = (outcomes(is_created), outcomes(!is_created));
        assert_eq!(column(joined, "id"), ids(&mine), "{ttl:?} {known_at:?}");
        let expired = mine.iter().filter(|outcome| **outcome == Outcome::Expired).count() as u64;
        assert_eq!(report.expired, expired);
        let changed = ids(&mine).iter().zip(ids(&others)).filter(|(a, b)| *a != b).count() as u64;
        assert!(changed > ENTITIES as u64 / 2);
        assert_eq!(audit.views[0].changed(), Some(vec![changed]));
    }
}
