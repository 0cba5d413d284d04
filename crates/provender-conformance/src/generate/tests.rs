use super::*;
use crate::oracle;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use provender_core::model::{DataSource, SourceKind};

const ALL: Limits = Limits { holds: |_| true, ordered: true, known_at: true };

fn draw<T>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T>
where
    T: std::fmt::Debug,
{
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn sources(history: &History) -> Vec<DataSource> {
    let kind = || SourceKind::Request { schema: Vec::new() };
    (0..history.tables.len()).map(|i| DataSource::new(format!("t{i}"), kind())).collect()
}

/// The data would be worth little if most entity rows had nothing, or but one row, to choose from.
#[test]
fn joins_have_matches_and_expired_and_leaked_rows() {
    let (mut matched, mut unmatched, mut expired, mut leaked, mut nulls) = (0, 0, 0, 0, 0);
    for (history, join) in draw((history(ALL), join()), 400) {
        let files: Vec<_> = (0..history.tables.len()).map(|i| history.files(i).unwrap()).collect();
        let request = join.request(&history, &sources(&history)).unwrap();
        let behind: Vec<_> = join.views.iter().map(|view| files[view.table(&history)].as_slice()).collect();
        let joined = oracle::historical(&request, &behind).unwrap();
        for view in joined.report.views {
            matched += view.matched;
            unmatched += view.unmatched;
            expired += view.expired;
            leaked += view.leaked.unwrap_or(0);
        }
        nulls += joined.columns.iter().flatten().filter(|c| c.is_null()).count() as u64;
    }
    let all = matched + unmatched + expired;
    assert!(all > 4000, "{all}");
    for (what, number) in
        [("matched", matched), ("unmatched", unmatched), ("expired", expired), ("leaked", leaked)]
    {
        assert!(number * 20 > all, "{what}: {number} of {all}");
    }
    assert!(nulls * 20 > all);
}

#[test]
fn scenarios_have_every_grain_key_and_zone() {
    let mut seen = std::collections::BTreeSet::new();
    for history in draw(history(ALL), 400) {
        for i in 0..history.tables.len() {
            for field in history.files(i).unwrap()[0].schema().fields() {
                seen.insert(format!("{} {}", &field.name()[..1], field.data_type()));
            }
        }
    }
    for expected in
        ["k Int8", "k Utf8View", "k Binary", "e Date32", "e Timestamp(ns)", "c Timestamp(s)", "v Float64"]
    {
        assert!(seen.contains(expected), "{expected} not in {seen:?}");
    }
    assert!(seen.iter().any(|kind| kind.contains("New_York")));
}

#[test]
fn unordered_tables_have_no_ties() {
    let limits = Limits { ordered: false, ..ALL };
    for history in draw(history(limits), 100) {
        for (i, table) in history.tables.iter().enumerate() {
            let files = history.files(i).unwrap();
            let column = |name| {
                files
                    .iter()
                    .flat_map(move |f| f.column_by_name(name).map(|c| crate::cell::cells(c).unwrap()))
                    .flatten()
            };
            let events: Vec<_> = column("event").collect();
            let created: Vec<_> = column("created").collect();
            let mut times: Vec<_> = (0..events.len()).map(|i| (&events[i], created.get(i))).collect();
            let all = times.len();
            times.sort();
            times.dedup();
            assert_eq!(times.len(), all, "{table:?}");
        }
    }
}

#[test]
fn only_types_that_the_store_holds_are_generated() {
    let limits = Limits {
        holds: |t| {
            matches!(
                t,
                DataType::Int64
                    | DataType::Utf8
                    | DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None)
            )
        },
        ..ALL
    };
    for history in draw(history(limits.clone()), 100) {
        for i in 0..history.tables.len() {
            let files = history.files(i).unwrap();
            assert!(
                files[0].schema().fields().iter().all(|f| (limits.holds)(f.data_type())),
                "{:?}",
                files[0].schema()
            );
        }
    }
}
