//! Runs a point-in-time join from the command line and prints its phases, as a contender of the join benchmark.
//!
//! `join_bench --sources DIR,DIR --entity-df FILE --ttl SECONDS --out FILE.parquet [--threads N] [--max-memory BYTES]`
//!
//! Each source has the columns `entity`, `event_timestamp`, `created`; all others are features.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{FeatureColumn, KeyColumn, KnownAt, Spine, ViewJoin};
use provender_core::{Error, RequestContext, Result, ValueType};
use provender_join::{Format, HistoricalJoin, JoinOptions, Source, SourceSpec, frame};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options: HashMap<&str, &str> =
        arguments.chunks_exact(2).map(|pair| (pair[0].trim_start_matches("--"), pair[1].as_str())).collect();
    let option =
        |name: &str| options.get(name).copied().ok_or_else(|| Error::invalid(format!("--{name} is missing")));
    let number = |name: &str| options.get(name).and_then(|text| text.parse::<u64>().ok());
    let context = RequestContext::local();
    let start = Instant::now();
    let mut phase = start;
    let mut lap = |name: &str| {
        println!("{name:>8} {:.3} s", phase.elapsed().as_secs_f64());
        phase = Instant::now();
    };

    let spine = spine(frame::read(option("entity-df")?)?)?;
    lap("spine");
    let ttl = number("ttl").filter(|ttl| *ttl > 0).map(|seconds| seconds as i64 * 1_000_000);
    let mut views = Vec::new();
    for folder in option("sources")?.split(',') {
        let source = Source::open(&SourceSpec::new(folder, folder, Format::Parquet), &context)?;
        views.push((view(folder, &source, ttl), Arc::new(source)));
    }
    let mut join_options = JoinOptions { max_memory: number("max-memory"), ..JoinOptions::default() };
    join_options.threads = number("threads").map_or(join_options.threads, |threads| threads as usize);
    let join = HistoricalJoin::new(Arc::clone(&spine), views, join_options, context)?;
    lap("open");
    println!("{:#?}", join.explain());
    let joined = join.run()?;
    lap("scan");
    println!("{:?}", joined.report());
    let fields = spine.schema.fields().iter().chain(joined.schema().fields()).cloned();
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut first = 0;
    let entities = spine
        .held()
        .and_then(|batches| batches.first().cloned())
        .ok_or_else(|| Error::invalid("no entity rows"))?;
    let rows = joined.map(|features| {
        let features = features?;
        let entities = entities.slice(first, features.num_rows());
        first += features.num_rows();
        let columns = entities.columns().iter().chain(features.columns()).cloned().collect();
        Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
    });
    let written = frame::write(option("out")?, &schema, rows)?;
    lap("write");
    println!("{written} rows, {:.3} s, peak {}", start.elapsed().as_secs_f64(), peak_memory());
    Ok(())
}

fn spine(frame: frame::Frame) -> Result<Arc<Spine>> {
    let event_column = frame.event_column()?;
    let schema = Arc::clone(&frame.schema);
    Ok(Arc::new(Spine::new(schema, vec![frame.into_batch()?], event_column)))
}

fn view(folder: &str, source: &Source, ttl: Option<i64>) -> ViewJoin {
    let own = ["entity", "event_timestamp", "created"];
    let features = source.schema().fields().iter().filter(|field| !own.contains(&field.name().as_str()));
    let feature = |name: &String| FeatureColumn {
        name: name.clone(),
        column: name.clone(),
        value_type: ValueType::UNKNOWN,
    };
    let kind = SourceKind::File {
        path: folder.to_owned(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    ViewJoin {
        name: folder.to_owned(),
        source: DataSource::new(folder, kind),
        keys: vec![KeyColumn {
            name: "entity".into(),
            column: "entity".into(),
            value_type: ValueType::INT64,
        }],
        features: features.map(|field| feature(field.name())).collect(),
        event_column: "event_timestamp".into(),
        created_column: Some("created".into()),
        ttl,
        known_at: KnownAt::Event,
    }
}

/// Peak resident memory of this process, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
