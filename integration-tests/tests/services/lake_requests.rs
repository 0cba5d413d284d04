//! What a join asks of an object store: how often, for how many bytes, and how much at a time.

use crate::lake_bucket::{minio_port, s3};
use crate::lake_proxy::{Exchange, StoreProxy};
use crate::lake_support::{definitions, entity_rows, write};
use crate::support::{CONFIGURATION, Repo};
use crate::{Case, FEAST, S3};
use serde_json::Value;
use std::collections::HashSet;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[
    Case::new("a_row_group_is_read_with_two_requests_and_no_byte_twice", &[S3, FEAST], few_requests),
    Case::new("no_more_requests_are_under_way_than_are_allowed", &[S3, FEAST], bounded),
    Case::new("fetched_bytes_are_within_the_memory_allowed", &[S3, FEAST], memory),
];

/// Row groups of the source, in four files.
const ROW_GROUPS: usize = 16;
const FILES: usize = 4;

/// Writes the files with pyarrow, as most sources are: no page index, and columns between those that are asked for.
const WRITE: &str = r#"
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from pyarrow import fs
endpoint, key, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
s3 = fs.S3FileSystem(access_key="minioadmin", secret_key="minioadmin", endpoint_override=endpoint, scheme="http", region="us-east-1")
random = np.random.default_rng(7)
for file in range(4):
    first = file * 4 * rows
    numbers = np.arange(first, first + 4 * rows)
    columns = {"id": numbers % 100, "event_timestamp": pa.array((numbers + 1) * 1_000_000, pa.timestamp("us", tz="UTC"))}
    columns |= {f"unused{i}": random.random(4 * rows) for i in range(4)}
    columns |= {"value": random.random(4 * rows)}
    pq.write_table(pa.table(columns), f"{key}/part-{file}.parquet", row_group_size=rows, filesystem=s3, use_dictionary=False)
"#;

struct Fixture {
    repo: Repo,
    proxy: StoreProxy,
}

impl Fixture {
    fn new(rows: usize, options: &str) -> Self {
        let (bucket, proxy) = (s3(), StoreProxy::new(minio_port()));
        let folder = bucket.folder();
        let (url, key) = (S3.address().unwrap(), folder.trim_start_matches("s3://"));
        let arguments = ["-c", WRITE, url.trim_start_matches("http://"), key, &rows.to_string()];
        assert!(Command::new(FEAST.address().unwrap()).args(arguments).status().unwrap().success());
        let store = format!(
            "offline_store: {{type: file, storage_options: {{aws_endpoint: '{}'{options}}}}}\n",
            proxy.url()
        );
        let repo = Repo::new(&format!("{CONFIGURATION}{store}"), &definitions(&format!("{folder}/")));
        write(&repo.path("entities.parquet"), &entity_rows(5_000));
        bucket.ok(&repo, &["apply"]);
        proxy.log();
        Self { repo, proxy }
    }

    fn run(&self, more: &[&str]) -> (String, Vec<Exchange>) {
        let entities = self.repo.path("entities.parquet");
        let arguments =
            ["get-historical-features", "-f", "stats:value", "--entity-df", entities.to_str().unwrap()];
        let told = s3().ok(&self.repo, &[&arguments[..], more].concat());
        let reads = self.proxy.log().into_iter().filter(|exchange| exchange.request.range.is_some());
        (told, reads.collect())
    }

    fn join(&self, more: &[&str]) -> Vec<Exchange> {
        let out = self.repo.path("out.parquet");
        self.run(&[more, &["--out", out.to_str().unwrap()]].concat()).1
    }
}

/// First and last byte of a range.
fn bounds(exchange: &Exchange) -> (u64, u64) {
    let range = exchange.request.range.as_deref().unwrap().trim_start_matches("bytes=");
    let (first, last) = range.split_once('-').unwrap();
    (first.parse().unwrap(), last.parse().unwrap())
}

fn few_requests() {
    // Unused columns of 1.6 MB lie between those that are asked for: too much to read over.
    let fixture = Fixture::new(50_000, "");
    let (told, footers) = fixture.run(&["--explain", "--output", "json"]);
    let explained: Value = serde_json::from_str(&told).unwrap();
    let view = &explained["views"][0];
    assert_eq!(view["row_groups"]["read"], ROW_GROUPS);
    assert_eq!(view["plan"], format!("scan of Parquet files, at most {} requests", 2 * ROW_GROUPS), "{told}");
    assert_eq!(footers.len(), FILES);

    let reads = fixture.join(&[]);
    assert_eq!(reads.len(), FILES + 2 * ROW_GROUPS);
    let bytes: u64 = reads.iter().map(|exchange| exchange.bytes).sum();
    let explained = view["bytes"]["read"].as_u64().unwrap();
    let footers: u64 = footers.iter().map(|exchange| exchange.bytes).sum();
    assert_eq!(bytes, explained + footers);
    // None of a file's pages is fetched twice: ranges of one file are apart, but for the end that holds the footer.
    let mut seen = HashSet::new();
    let is_new = |exchange: &&Exchange| !seen.insert((exchange.request.target.clone(), bounds(exchange)));
    assert_eq!(reads.iter().filter(is_new).count(), 0, "a range was fetched twice");
}

fn bounded() {
    let fixture = Fixture::new(50_000, ", concurrency: 2");
    fixture.join(&[]);
    assert_eq!(fixture.proxy.most_together(), 2);
}

fn memory() {
    const LIMIT: u64 = 100_000_000;
    // A row group's values are 16 MB.
    let fixture = Fixture::new(2_000_000, "");
    let out = fixture.repo.path("out.parquet");
    let limit = LIMIT.to_string();
    let arguments = crate::lake_support::asked(&fixture.repo, "entities.parquet", out.to_str().unwrap());
    let child = crate::lake_support::start(
        &fixture.repo,
        &[&arguments[..], &["--max-memory".to_owned(), limit]].concat(),
        &s3().environment,
    );
    let (highest, is_done) = crate::lake_support::highest_memory(child);
    assert!(is_done);
    assert!(highest <= LIMIT / 10 * 13, "{highest} bytes at a limit of {LIMIT}");
}
