//! Generated data full of ties, nulls, late rows, duplicates and expired values, in many types, zones and file layouts, against the oracle.

use crate::oracle::{Outcome, Row, latest, point_in_time};
use crate::support::{self, TempDir, batch, column, ints, open, write_parquet};
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray, TimestampNanosecondArray};
use arrow_cast::cast;
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use proptest::prelude::*;
use proptest::sample::select;
use provender_core::RequestContext;
use provender_core::offline::{KnownAt, RowBatches, Spine, StoredRows, age_bucket};
use provender_join::{HistoricalJoin, JoinOptions, Source, Window, frame};
use std::ops::Range;
use std::sync::Arc;

/// How instants are stored. All of them stand for the same microseconds.
#[derive(Clone, Copy, Debug)]
enum Clock {
    Seconds,
    MillisInNewYork,
    Micros,
    NanosNaive,
    TextWithOffset,
}

impl Clock {
    const ALL: [Self; 5] =
        [Self::Seconds, Self::MillisInNewYork, Self::Micros, Self::NanosNaive, Self::TextWithOffset];

    /// Microseconds of its finest step.
    fn step(self) -> i64 {
        match self {
            Self::Seconds | Self::TextWithOffset => 1_000_000,
            Self::MillisInNewYork => 1_000,
            Self::Micros | Self::NanosNaive => 1,
        }
    }

    fn store(self, micros: &[Option<i64>]) -> ArrayRef {
        let array: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros.to_vec()));
        let to = |unit, zone: Option<&str>| {
            cast(&array, &DataType::Timestamp(unit, zone.map(Into::into))).unwrap()
        };
        match self {
            Self::Seconds => to(TimeUnit::Second, None),
            // Reinterpreted, not shifted: the instant stays.
            Self::MillisInNewYork => {
                let naive = to(TimeUnit::Millisecond, None);
                let millis = naive.as_any().downcast_ref::<arrow_array::TimestampMillisecondArray>().unwrap();
                Arc::new(millis.clone().with_timezone("America/New_York"))
            }
            Self::Micros => array,
            // What is finer than a microsecond does not count.
            Self::NanosNaive => {
                let nanos = micros.iter().enumerate().map(|(i, t)| t.map(|t| t * 1000 + i as i64 % 1000));
                Arc::new(nanos.collect::<TimestampNanosecondArray>())
            }
            Self::TextWithOffset => {
                let text =
                    |t: i64| format!("1970-01-01T02:{:02}:{:02}+02:00", t / 60_000_000, t / 1_000_000 % 60);
                let texts: Vec<_> = micros.iter().map(|t| t.map(text)).collect();
                Arc::new(arrow_array::StringArray::from(texts))
            }
        }
    }
}

/// How a key is stored.
#[derive(Clone, Copy, Debug)]
enum KeyKind {
    Integer,
    Scattered,
    Text,
}

fn integer_types() -> impl Strategy<Value = DataType> {
    use DataType as D;
    select(vec![
        D::Int8,
        D::Int16,
        D::Int32,
        D::Int64,
        D::UInt8,
        D::UInt32,
        D::UInt64,
        D::Float64,
        D::Decimal128(12, 2),
    ])
}

fn text_types() -> impl Strategy<Value = DataType> {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    select(vec![DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary, DataType::Binary])
}

fn store_key(kind: KeyKind, data_type: &DataType, values: &[Option<i64>]) -> ArrayRef {
    match kind {
        KeyKind::Integer => cast(&ints(values.to_vec()), data_type).unwrap(),
        KeyKind::Scattered => {
            ints(values.iter().map(|v| v.map(|v| v * 1_000_000_007 - 3)).collect::<Vec<_>>())
        }
        KeyKind::Text => {
            let texts: Vec<_> = values.iter().map(|v| v.map(|v| "k".repeat(v as usize))).collect();
            cast(&(Arc::new(arrow_array::StringArray::from(texts)) as ArrayRef), data_type).unwrap()
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    keys: Vec<(KeyKind, DataType, DataType)>,
    clocks: [Clock; 3],
    rows: Vec<Row>,
    entities: Vec<Row>,
    ttl: Option<i64>,
    known_at_created: bool,
    has_created: bool,
    /// Rows of each file but the last.
    files: Vec<usize>,
    row_group: usize,
    spine_batch: usize,
    threads: usize,
    batch_rows: usize,
    csv: bool,
}

fn key_types() -> impl Strategy<Value = (KeyKind, DataType, DataType)> {
    prop_oneof![
        3 => (integer_types(), integer_types()).prop_map(|(a, b)| (KeyKind::Integer, a, b)),
        1 => Just((KeyKind::Scattered, DataType::Int64, DataType::Int64)),
        2 => (text_types(), text_types()).prop_map(|(a, b)| (KeyKind::Text, a, b)),
    ]
}

fn rows(count: usize, keys: usize) -> impl Strategy<Value = Vec<Row>> {
    let key = prop_oneof![9 => (0..4_i64).prop_map(Some), 1 => Just(None)];
    let time = || prop_oneof![12 => (0..24_i64).prop_map(Some), 1 => Just(None)];
    let row = (prop::collection::vec(key, keys), time(), time());
    prop::collection::vec(row.prop_map(|(keys, time, created)| Row { keys, time, created }), 0..count)
}

fn case() -> impl Strategy<Value = Case> {
    prop::collection::vec(key_types(), 0..3).prop_flat_map(|keys| {
        let clock = || select(Clock::ALL.to_vec());
        let rule = (prop::option::weighted(0.7, 0..12_i64), any::<bool>(), prop::bool::weighted(0.8));
        let layout =
            (prop::collection::vec(0..20_usize, 0..4), 1..9_usize, 1..12_usize, 1..4_usize, 1..10_usize);
        (
            rows(60, keys.len()),
            rows(24, keys.len()),
            [clock(), clock(), clock()],
            rule,
            layout,
            prop::bool::weighted(0.15),
        )
            .prop_map(move |(rows, entities, clocks, rule, layout, csv)| {
                let (ttl, known_at_created, has_created) = rule;
                let (files, row_group, spine_batch, threads, batch_rows) = layout;
                let case = Case {
                    keys: keys.clone(),
                    clocks,
                    rows,
                    entities,
                    ttl,
                    known_at_created,
                    has_created,
                    files,
                    row_group,
                    spine_batch,
                    threads,
                    batch_rows,
                    csv,
                };
                case.scaled()
            })
    })
}

impl Case {
    /// Stretches all times to what the coarsest clock can hold.
    fn scaled(mut self) -> Self {
        let step = self.clocks.iter().map(|clock| clock.step()).max().unwrap();
        for row in self.rows.iter_mut().chain(&mut self.entities) {
            row.time = row.time.map(|t| t * step);
            row.created = row.created.filter(|_| self.has_created).map(|t| t * step);
        }
        self.ttl = self.ttl.map(|ttl| ttl * step);
        self
    }

    fn key_names(&self) -> Vec<String> {
        (0..self.keys.len()).map(|i| format!("k{i}")).collect()
    }

    fn table(&self, rows: &[Row], source: bool) -> RecordBatch {
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for (i, (kind, mine, theirs)) in self.keys.iter().enumerate() {
            let values: Vec<_> = rows.iter().map(|row| row.keys[i]).collect();
            columns.push((format!("k{i}"), store_key(*kind, if source { theirs } else { mine }, &values)));
        }
        let times: Vec<_> = rows.iter().map(|row| row.time).collect();
        if source {
            let created: Vec<_> = rows.iter().map(|row| row.created).collect();
            columns.push(("event".into(), self.clocks[0].store(&times)));
            columns.push(("created".into(), self.clocks[1].store(&created)));
            columns.push(("id".into(), ints((0..rows.len() as i64).collect::<Vec<_>>())));
        } else {
            columns.push(("time".into(), self.clocks[2].store(&times)));
        }
        batch(columns.iter().map(|(name, array)| (name.as_str(), Arc::clone(array))).collect())
    }

    fn source(&self, dir: &TempDir) -> Arc<Source> {
        let table = self.table(&self.rows, true);
        let mut start = 0;
        let mut write = |number: usize, length: usize| {
            let part = table.slice(start, length.min(table.num_rows() - start));
            start += part.num_rows();
            let path = dir.path().join(format!("data/part-{number}.parquet"));
            write_parquet(&path, &part, self.row_group);
        };
        for (number, length) in self.files.iter().enumerate() {
            write(number, *length);
        }
        write(self.files.len(), table.num_rows());
        if self.csv { self.as_csv(&table, dir) } else { open(&dir.path().join("data")).unwrap() }
    }

    /// The same rows as one CSV file. Its integers are 64 bits wide and it knows no binary text, so only plain keys are comparable.
    fn as_csv(&self, table: &RecordBatch, dir: &TempDir) -> Arc<Source> {
        let path = dir.path().join("data.csv");
        let plain = |(i, column): (usize, &ArrayRef)| match table.schema().field(i).data_type() {
            DataType::Dictionary(..) | DataType::Binary => cast(column, &DataType::Utf8).unwrap(),
            _ => Arc::clone(column),
        };
        let schema = table.schema();
        let names = schema.fields().iter().map(|f| f.name().as_str());
        let plain = batch(names.zip(table.columns().iter().enumerate().map(plain)).collect());
        frame::write(&path, &plain.schema(), [Ok(plain.clone())]).unwrap();
        open(&path).unwrap()
    }

    fn spine(&self) -> Arc<Spine> {
        let table = self.table(&self.entities, false);
        let starts = (0..table.num_rows()).step_by(self.spine_batch);
        let batches = starts.map(|s| table.slice(s, self.spine_batch.min(table.num_rows() - s))).collect();
        let held = Spine::new(table.schema(), batches, "time");
        if self.batch_rows.is_multiple_of(3) {
            Arc::new(Spine::stored(Arc::new(Elsewhere(held)), "time"))
        } else {
            Arc::new(held)
        }
    }
}

/// Rows that claim to be outside of memory.
#[derive(Debug)]
struct Elsewhere(Spine);

impl StoredRows for Elsewhere {
    fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn read(&self, rows: Range<usize>) -> RowBatches<'_> {
        self.0.read(rows)
    }
}

/// Empty text is null in CSV, so are columns without any value text: keep to what it can say.
fn csv_can_say(case: &Case) -> bool {
    let no_empty_text = case.keys.iter().enumerate().all(|(i, (kind, ..))| {
        !matches!(kind, KeyKind::Text) || case.rows.iter().all(|row| row.keys[i] != Some(0))
    });
    let valued = |value: &dyn Fn(&Row) -> Option<i64>| case.rows.iter().any(|row| value(row).is_some());
    no_empty_text
        && (0..case.keys.len()).all(|i| valued(&|row| row.keys[i]))
        && valued(&|row| row.time)
        && (!case.has_created || valued(&|row| row.created))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_join_agrees_with_the_oracle(mut case in case()) {
        case.csv &= csv_can_say(&case);
        let dir = support::temp();
        let source = case.source(&dir);
        let names = case.key_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut view = support::view(&names, &["id"]);
        view.ttl = case.ttl;
        view.known_at = if case.known_at_created { KnownAt::Created } else { KnownAt::Event };
        view.created_column = view.created_column.filter(|_| case.has_created);
        let window_rows = (case.batch_rows % 2 == 0).then_some(case.spine_batch);
        let options = JoinOptions { threads: case.threads, batch_rows: case.batch_rows, window_rows, ..JoinOptions::default() };
        let join = HistoricalJoin::new(case.spine(), vec![(view, source)], options, RequestContext::local()).unwrap();
        let joined = join.run().unwrap();
        let (report, audit) = (joined.report().views[0].clone(), joined.audit());

        let ttl = case.ttl.filter(|ttl| *ttl > 0);
        let expected: Vec<_> =
            case.entities.iter().map(|e| point_in_time(e, &case.rows, ttl, case.known_at_created)).collect();
        let found = column(joined, "id");
        let ids: Vec<_> = expected.iter().map(|o| if let Outcome::Matched(i) = o { Some(*i as i64) } else { None }).collect();
        prop_assert_eq!(found, ids);
        let count = |wanted: fn(&Outcome) -> bool| expected.iter().filter(|o| wanted(o)).count() as u64;
        prop_assert_eq!(report.matched, count(|o| matches!(o, Outcome::Matched(_))));
        // Rows that pruning left out unread were not seen to expire.
        prop_assert!(report.expired <= count(|o| *o == Outcome::Expired));
        prop_assert_eq!(report.matched + report.expired + report.unmatched, case.entities.len() as u64);
        let leaked = expected.iter().zip(&case.entities).filter(|(o, e)| match o {
            Outcome::Matched(i) => case.rows[*i].created > e.time,
            _ => false,
        });
        prop_assert_eq!(report.leaked, case.has_created.then_some(leaked.count() as u64));
        let others = case.entities.iter().map(|e| point_in_time(e, &case.rows, ttl, !case.known_at_created));
        let id = |outcome: &Outcome| if let Outcome::Matched(i) = outcome { Some(*i) } else { None };
        let changed = others.zip(&expected).filter(|(other, mine)| id(other) != id(mine)).count() as u64;
        prop_assert_eq!(audit.views[0].changed(), case.has_created.then(|| vec![changed]));
        let mut ages = [0; 8];
        for (i, entity) in expected.iter().zip(&case.entities).filter_map(|(o, e)| Some((id(o)?, e))) {
            ages[age_bucket(entity.time.unwrap() - case.rows[i].time.unwrap())] += 1;
        }
        prop_assert_eq!(audit.views[0].ages(), ages);
    }

    #[test]
    fn latest_and_range_agree_with_the_oracle(mut case in case(), window in (0..24_i64, 0..24_i64)) {
        case.csv &= csv_can_say(&case);
        let step = case.clocks.iter().map(|clock| clock.step()).max().unwrap();
        let (start, end) = (window.0 * step, window.1 * step);
        let dir = support::temp();
        let source = case.source(&dir);
        let names = case.key_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut request = support::range(&names, &["id"], start, end);
        request.created_column = request.created_column.filter(|_| case.has_created);

        let scan = Window::new(request.clone(), Arc::clone(&source)).unwrap();
        let counters = scan.counters();
        let (expected, null_keys) = latest(&case.rows, start, end);
        let expected: Vec<_> = expected.into_iter().map(|i| Some(i as i64)).collect();
        prop_assert_eq!(column(scan.latest(case.threads).unwrap(), "id"), expected);
        prop_assert_eq!(counters.null_keys(), null_keys);

        let inside = |row: &Row| row.time.is_some_and(|t| (start..=end).contains(&t));
        let expected: Vec<_> = (0..case.rows.len()).filter(|i| inside(&case.rows[*i])).map(|i| Some(i as i64)).collect();
        prop_assert_eq!(column(Window::new(request, source).unwrap().range(2), "id"), expected);
    }
}
