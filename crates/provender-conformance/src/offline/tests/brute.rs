//! An offline store on the oracle, right or wrong in one chosen way.

use crate::OfflineHarness;
use crate::cell::{Cell, array};
use crate::oracle::{self, Answer, Question, Row};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use futures::StreamExt as _;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::*;
use provender_core::{Error, Result, timestamp_type};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    TieTakesTheFirst,
    NullCreatedIsLargest,
    CreatedBeatsEvent,
    TtlIsExclusive,
    TtlIsIgnored,
    TimeIsExclusive,
    FutureIsUsed,
    NullKeysMatch,
    NullTimesAreUsed,
    NullValuesAreSkipped,
    UnmatchedRowsAreLost,
    DuplicatesCollapse,
    LeaksAreNotCounted,
    ExpiredIsNotTold,
    KnownAtIsIgnored,
    WindowIsHalfOpen,
    NullKeysAreScanned,
    FilesAreMisordered,
    AppendIsClaimed,
    IntegerWidthsDiffer,
    SecondsOnly,
}

#[derive(Debug)]
pub(super) struct Brute {
    pub(super) flaw: Flaw,
    tables: Mutex<HashMap<String, Vec<RecordBatch>>>,
}

pub(super) fn harness(flaw: Flaw) -> OfflineHarness {
    let store = Arc::new(Brute { flaw, tables: Mutex::default() });
    let filled = Arc::clone(&store);
    OfflineHarness::new(store, move |name, files| {
        let kind = SourceKind::File {
            path: format!("memory/{name}"),
            format: FileFormat::Parquet,
            s3_endpoint_override: String::new(),
        };
        filled.tables.lock().unwrap().insert(format!("memory/{name}"), files);
        let source = DataSource::new(name, kind);
        async move { Ok(source) }
    })
}

impl Brute {
    fn files(&self, source: &DataSource) -> Result<Vec<RecordBatch>> {
        let SourceKind::File { path, .. } = &source.kind else {
            return Err(Error::unsupported("not a file"));
        };
        let tables = self.tables.lock().unwrap();
        let mut files = tables.get(path).ok_or_else(|| Error::not_found("no such table"))?.clone();
        if self.flaw == Flaw::FilesAreMisordered {
            files.reverse();
        }
        Ok(files)
    }

    fn scan(&self, request: &RangeRequest, latest: bool) -> Result<RangeScan> {
        let files = self.files(&request.source)?;
        let schema = scan_schema(request, &files[0].schema())?;
        let scanned = match latest {
            true => oracle::latest_by(request, &files, |rows, start, end| self.newest(rows, start, end))?,
            false => oracle::range(request, &files)?,
        };
        let counters = Arc::new(ScanCounters::default());
        counters.add(0, scanned.null_keys);
        let columns = (0..schema.fields().len())
            .map(|i| scanned.rows.iter().map(|row| row[i].clone()).collect())
            .collect::<Vec<_>>();
        Ok(RangeScan { batches: stream(&schema, &columns)?, schema, counters })
    }

    fn newest(&self, rows: &[Row], start: i64, end: i64) -> Vec<usize> {
        let end = if self.flaw == Flaw::WindowIsHalfOpen { end - 1 } else { end };
        if self.flaw == Flaw::NullKeysAreScanned {
            let named = rows.iter().map(|row| Row {
                keys: row
                    .keys
                    .iter()
                    .map(|key| if key.is_null() { Cell::Int(-9) } else { key.clone() })
                    .collect(),
                ..row.clone()
            });
            return oracle::newest(&named.collect::<Vec<_>>(), start, end);
        }
        oracle::newest(rows, start, end)
    }

    fn winner(&self, rows: &[Row], question: &Question) -> Answer {
        use Flaw as F;
        let mut question = question.clone();
        let mut rows = rows.to_vec();
        match self.flaw {
            F::TtlIsExclusive => question.ttl = question.ttl.map(|ttl| if ttl > 1 { ttl - 1 } else { ttl }),
            F::TtlIsIgnored => question.ttl = None,
            F::TimeIsExclusive => question.time = question.time.map(|time| time - 1),
            F::FutureIsUsed => question.time = question.time.map(|time| time + 1),
            F::KnownAtIsIgnored => question.known_at = KnownAt::Event,
            F::NullKeysMatch => {
                let name = |keys: &mut Vec<Cell>| {
                    keys.iter_mut().filter(|key| key.is_null()).for_each(|key| *key = Cell::Int(-9));
                };
                name(&mut question.keys);
                rows.iter_mut().for_each(|row| name(&mut row.keys));
            }
            F::NullTimesAreUsed => rows.iter_mut().for_each(|row| row.event = row.event.or(Some(i64::MIN))),
            F::NullCreatedIsLargest => {
                rows.iter_mut().for_each(|row| row.created = row.created.or(Some(i64::MAX)));
            }
            F::CreatedBeatsEvent => return self.latest_created(&rows, &question),
            F::TieTakesTheFirst => {
                let last = rows.len().saturating_sub(1);
                rows.reverse();
                return match oracle::winner(&rows, &question) {
                    Answer::Matched(i) => Answer::Matched(last - i),
                    other => other,
                };
            }
            F::SecondsOnly => {
                question.time = question.time.map(|time| time.div_euclid(1_000_000));
                rows.iter_mut().for_each(|row| row.event = row.event.map(|t| t.div_euclid(1_000_000)));
                question.ttl = question.ttl.map(|ttl| ttl.div_euclid(1_000_000));
            }
            _ => {}
        }
        oracle::winner(&rows, &question)
    }

    /// Of the rows that may match, the one that was created last.
    fn latest_created(&self, rows: &[Row], question: &Question) -> Answer {
        let may = |i: &usize| {
            let alone: Vec<Row> = rows
                .iter()
                .enumerate()
                .map(|(j, row)| if j == *i { row.clone() } else { Row { event: None, ..row.clone() } })
                .collect();
            oracle::winner(&alone, question) == Answer::Matched(*i)
        };
        match (0..rows.len()).filter(may).max_by_key(|&i| (rows[i].created, rows[i].event, i)) {
            Some(i) => Answer::Matched(i),
            None => oracle::winner(rows, question),
        }
    }
}

#[async_trait]
impl OfflineStore for Brute {
    fn reads(&self, source: &DataSource) -> bool {
        matches!(source.kind, SourceKind::File { .. })
    }

    fn capabilities(&self) -> OfflineCapabilities {
        OfflineCapabilities { append: true, known_at: true }
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        Ok(self.files(source)?[0].schema())
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let spine = &request.spine;
        time_column(&spine.schema, &spine.event_column, "entity rows")?;
        let (mut fields, mut files) = (Vec::new(), Vec::new());
        for view in &request.views {
            let stored = self.files(&view.source)?;
            let schema = stored[0].schema();
            for key in &view.keys {
                column(&spine.schema, &key.name, "entity rows")?;
                column(&schema, &key.column, &view.source.name)?;
            }
            for time in std::iter::once(&view.event_column).chain(&view.created_column) {
                time_column(&schema, time, &view.source.name)?;
            }
            for feature in &view.features {
                let data_type = column(&schema, &feature.column, &view.source.name)?.data_type().clone();
                fields.push(Field::new(&feature.name, data_type, true));
            }
            files.push(self.flawed_rows(view, &spine.schema, stored)?);
        }
        let schema = Arc::new(Schema::new(fields));
        let joined = {
            let files: Vec<&[RecordBatch]> = files.iter().map(Vec::as_slice).collect();
            oracle::historical_by(&request, &files, |rows, question| self.winner(rows, question))?
        };
        Ok(Box::new(Job { joined, schema, flaw: self.flaw }))
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        self.scan(&request, true)
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        self.scan(&request, false)
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        let schema = self.schema(&request.source).await?;
        let mut sorted = Vec::new();
        for batch in &request.batches {
            for field in batch.schema().fields() {
                let stored = column(&schema, field.name(), &request.source.name)?;
                if stored.data_type() != field.data_type() {
                    return Err(Error::invalid("another type").with("field", field.name()));
                }
            }
            let columns = schema
                .fields()
                .iter()
                .map(|f| {
                    column(&batch.schema(), f.name(), "the batch").map(|_| batch[f.name().as_str()].clone())
                })
                .collect::<Result<Vec<_>>>()?;
            sorted.push(RecordBatch::try_new(schema.clone(), columns)?);
        }
        let rows = sorted.iter().map(|batch| batch.num_rows() as u64).sum();
        let SourceKind::File { path, .. } = &request.source.kind else { unreachable!() };
        if self.flaw != Flaw::AppendIsClaimed {
            self.tables.lock().unwrap().get_mut(path).unwrap().extend(sorted);
        }
        Ok(rows)
    }
}

impl Brute {
    /// Flaws that are of the stored rows.
    fn flawed_rows(
        &self,
        view: &ViewJoin,
        spine: &Schema,
        mut files: Vec<RecordBatch>,
    ) -> Result<Vec<RecordBatch>> {
        if self.flaw == Flaw::NullValuesAreSkipped {
            for file in &mut files {
                let whole =
                    |row: &usize| view.features.iter().all(|f| !file[f.column.as_str()].is_null(*row));
                let rows: Vec<u32> = (0..file.num_rows()).filter(whole).map(|row| row as u32).collect();
                *file = arrow_select::take::take_record_batch(file, &arrow_array::UInt32Array::from(rows))?;
            }
        }
        if self.flaw == Flaw::IntegerWidthsDiffer {
            let differ = view.keys.iter().any(|key| {
                let (stored, asked) = (files[0].schema(), spine.field_with_name(&key.name).unwrap());
                stored.field_with_name(&key.column).unwrap().data_type() != asked.data_type()
            });
            files.iter_mut().filter(|_| differ).for_each(|file| *file = file.slice(0, 0));
        }
        Ok(files)
    }
}

#[derive(Debug)]
struct Job {
    joined: oracle::Joined,
    schema: SchemaRef,
    flaw: Flaw,
}

#[async_trait]
impl RetrievalJob for Job {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn explain(&self) -> Result<Explain> {
        let views = self.joined.report.views.iter();
        let views = views.map(|v| ViewExplain {
            name: v.name.clone(),
            plan: "brute force".into(),
            ..Default::default()
        });
        Ok(Explain { views: views.collect(), memory_bytes: 0 })
    }

    async fn run(mut self: Box<Self>) -> Result<Retrieved> {
        let mut columns = self.joined.columns;
        let mut rows: Vec<usize> = (0..self.joined.report.rows as usize).collect();
        if self.flaw == Flaw::UnmatchedRowsAreLost {
            rows.retain(|row| columns.iter().any(|column| !column[*row].is_null()));
        }
        if self.flaw == Flaw::DuplicatesCollapse {
            rows.dedup_by_key(|row| columns.iter().map(|column| column[*row].clone()).collect::<Vec<_>>());
        }
        for column in &mut columns {
            *column = rows.iter().map(|row| column[*row].clone()).collect();
        }
        if self.flaw == Flaw::LeaksAreNotCounted {
            let views = &mut self.joined.report.views;
            views.iter_mut().for_each(|view| view.leaked = view.leaked.map(|_| 0));
        }
        if self.flaw == Flaw::ExpiredIsNotTold {
            for view in &mut self.joined.report.views {
                view.unmatched += std::mem::take(&mut view.expired);
            }
        }
        Ok(Retrieved { batches: stream(&self.schema, &columns)?, report: self.joined.report, audit: None })
    }
}

fn stream(schema: &SchemaRef, columns: &[Vec<Cell>]) -> Result<BatchStream> {
    let arrays = schema.fields().iter().zip(columns).map(|(field, cells)| array(field.data_type(), cells));
    let batch = RecordBatch::try_new(schema.clone(), arrays.collect::<Result<Vec<_>, _>>()?)?;
    Ok(futures::stream::iter([Ok(batch)]).boxed())
}

fn column<'a>(schema: &'a Schema, name: &str, place: &str) -> Result<&'a Field> {
    schema
        .field_with_name(name)
        .map_err(|_| Error::invalid("no such column").with("field", name).with("source", place))
}

fn time_column(schema: &Schema, name: &str, place: &str) -> Result<()> {
    match column(schema, name, place)?.data_type() {
        DataType::Timestamp(
            TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond,
            _,
        )
        | DataType::Date32 => Ok(()),
        other => Err(Error::invalid("not a time").with("field", name).with("type", other)),
    }
}

fn scan_schema(request: &RangeRequest, stored: &Schema) -> Result<SchemaRef> {
    let mut fields = Vec::new();
    let keys = request.keys.iter().map(|key| (&key.name, &key.column));
    for (name, stored_name) in keys.chain(request.features.iter().map(|f| (&f.name, &f.column))) {
        let data_type = column(stored, stored_name, &request.source.name)?.data_type().clone();
        fields.push(Field::new(name, data_type, true));
    }
    fields.push(Field::new("event_timestamp", timestamp_type(), true));
    if request.created_column.is_some() {
        fields.push(Field::new("created_timestamp", timestamp_type(), true));
    }
    Ok(Arc::new(Schema::new(fields)))
}
