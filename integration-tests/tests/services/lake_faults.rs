//! Stores that are busy, cut their answers off, or refuse; writers that are stopped; disks that are full. All on MinIO behind a proxy that knows HTTP.

use crate::lake_bucket::{Bucket, join, minio_port, remote_repo, s3, s3_at};
use crate::lake_proxy::{Request, StoreProxy, Verdict};
use crate::lake_support::{asked, local_repo, start, stop, words, write_wide};
use crate::support::{CONFIGURATION, Repo};
use crate::{Case, ROOT, S3};
use provender::frame;
use provender::storage::{Places, Storage};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[
    Case::new("a_store_that_is_busy_in_the_middle_of_reading_is_asked_again", &[S3], busy),
    Case::new("a_store_that_stays_busy_is_given_up_after_the_retries_that_are_allowed", &[S3], always_busy),
    Case::new("answers_that_are_cut_again_and_again_are_read_on_or_given_up", &[S3], cut_often),
    Case::new("a_clock_that_is_wrong_is_told", &[S3], || refused(403, "RequestTimeTooSkewed", "clock")),
    Case::new("credentials_that_expired_while_reading_are_told", &[S3], || {
        refused(400, "ExpiredToken", "fresh credentials");
    }),
    Case::new("an_object_that_goes_between_listing_and_reading_is_named", &[S3], gone),
    Case::new("an_upload_that_is_killed_leaves_no_object_and_the_next_one_is_whole", &[S3], killed),
    Case::new("an_upload_that_is_interrupted_takes_its_parts_back", &[S3], interrupted),
    Case::new("a_full_disk_under_what_is_spilled_is_told_and_left_empty", &[ROOT], spill_on_full_disk),
    Case::new("a_full_disk_under_a_training_set_is_told_and_left_empty", &[ROOT], output_on_full_disk),
];

const DENIED: i32 = 5;
const NOT_FOUND: i32 = 3;
const UNAVAILABLE: i32 = 7;
const ROWS: i64 = 300_000;

/// A repository with its source in MinIO, a proxy before that, and what the join answers without any fault.
struct Fixture {
    repo: Repo,
    url: String,
    proxy: StoreProxy,
    expected: Vec<u8>,
}

impl Fixture {
    fn new() -> Self {
        let bucket = s3();
        let folder = bucket.folder();
        let repo = remote_repo(&bucket, &folder, ROWS);
        let out = repo.path("whole.csv");
        bucket.ok(&repo, &words(&join(&repo, out.to_str().unwrap())));
        let expected = std::fs::read(out).unwrap();
        Self { repo, url: format!("{folder}/rows.parquet"), proxy: StoreProxy::new(minio_port()), expected }
    }

    fn out(&self) -> PathBuf {
        self.repo.path("out.csv")
    }

    fn join(&self) -> Vec<String> {
        join(&self.repo, self.out().to_str().unwrap())
    }

    /// The source is reached through the proxy, with no more retries than these.
    fn behind_proxy(&self, max_retries: usize) -> Bucket {
        let (url, path) = (self.proxy.url(), "feature_store.yaml");
        let options = format!("{{aws_endpoint: '{url}', max_retries: {max_retries}}}");
        let store = format!("offline_store: {{type: file, storage_options: {options}}}\n");
        self.repo.write(path, &format!("{CONFIGURATION}{store}"));
        s3()
    }

    /// The join succeeds, with the right answer.
    fn answers_right(&self, bucket: &Bucket) {
        bucket.ok(&self.repo, &words(&self.join()));
        assert!(std::fs::read(self.out()).unwrap() == self.expected, "another answer");
    }

    /// The join fails with this exit code, an error that names the object, and no output.
    fn fails(&self, bucket: &Bucket, code: i32) -> String {
        let error = bucket.fails(code, &self.repo, &words(&self.join()));
        assert!(error.contains(&self.url), "{error}");
        assert!(!self.out().exists());
        error
    }
}

fn is_read(request: &Request) -> bool {
    request.method == "GET" && request.range.is_some()
}

/// Whether it reads values.
fn is_long(request: &Request) -> bool {
    let range = request.range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    range.is_some_and(|(first, last)| last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() > 200_000)
}

fn busy() {
    let fixture = Fixture::new();
    let bucket = fixture.behind_proxy(6);
    let mut seen = HashSet::new();
    fixture.proxy.set(move |request| match is_read(request) && seen.insert(request.range.clone()) {
        true => Verdict::Answer(503, "SlowDown"),
        false => Verdict::Pass,
    });
    fixture.answers_right(&bucket);
    let log = fixture.proxy.log();
    let refused = log.iter().filter(|exchange| exchange.status == 503).count();
    let ranges: HashSet<_> = log.iter().filter_map(|exchange| exchange.request.range.clone()).collect();
    assert!(refused >= 3 && refused == ranges.len(), "{refused} refused of {ranges:?}");
}

fn always_busy() {
    const RETRIES: usize = 2;
    let fixture = Fixture::new();
    let bucket = fixture.behind_proxy(RETRIES);
    // Footers and page indexes are let through: what the join prepares is begun anew as a whole.
    fixture.proxy.set(|request| match is_long(request) {
        true => Verdict::Answer(503, "SlowDown"),
        false => Verdict::Pass,
    });
    fixture.fails(&bucket, UNAVAILABLE);
    let mut attempts: HashMap<_, usize> = HashMap::new();
    for exchange in fixture.proxy.log().into_iter().filter(|exchange| exchange.status == 503) {
        *attempts.entry(exchange.request.range).or_default() += 1;
    }
    assert_eq!(attempts.values().max(), Some(&(1 + RETRIES)), "{attempts:?}");
}

fn cut_often() {
    let fixture = Fixture::new();
    let bucket = fixture.behind_proxy(6);
    let mut cuts = 0;
    fixture.proxy.set(move |request| {
        cuts += usize::from(is_read(request));
        if is_read(request) && cuts <= 5 { Verdict::Cut(1_000) } else { Verdict::Pass }
    });
    fixture.answers_right(&bucket);
    std::fs::remove_file(fixture.out()).unwrap();
    let bucket = fixture.behind_proxy(2);
    fixture.proxy.set(|request| if is_read(request) { Verdict::Cut(1_000) } else { Verdict::Pass });
    fixture.fails(&bucket, UNAVAILABLE);
}

/// The store refuses to go on reading, as S3 would.
fn refused(status: u16, code: &'static str, told: &str) {
    let fixture = Fixture::new();
    let bucket = fixture.behind_proxy(6);
    let mut reads = 0;
    fixture.proxy.set(move |request| {
        reads += usize::from(is_read(request));
        if reads > 1 { Verdict::Answer(status, code) } else { Verdict::Pass }
    });
    let error = fixture.fails(&bucket, DENIED);
    assert!(error.contains(told) && error.contains("expected:"), "{error}");
}

fn gone() {
    let fixture = Fixture::new();
    let bucket = fixture.behind_proxy(6);
    fixture.proxy.set(|request| match is_read(request) {
        true => Verdict::Answer(404, "NoSuchKey"),
        false => Verdict::Pass,
    });
    let error = fixture.fails(&bucket, NOT_FOUND);
    assert!(error.contains("the object that was there when the folder was listed"), "{error}");
}

/// A training set of ninety megabytes on its way through a proxy to MinIO; each of its parts has 16.
struct Uploading {
    repo: Repo,
    bucket: Bucket,
    proxy: StoreProxy,
    url: String,
    environment: Vec<(&'static str, String)>,
}

const WIDE_ROWS: i64 = 400_000;

impl Uploading {
    fn new() -> Self {
        let bucket = s3();
        let (repo, proxy) = (local_repo(1_000), StoreProxy::new(minio_port()));
        write_wide(&repo, WIDE_ROWS);
        let url = format!("{}/training.csv", bucket.folder());
        let environment = s3_at(proxy.url()).environment;
        Self { repo, bucket, proxy, url, environment }
    }

    /// Stops the command once its first part is stored; its exit code.
    fn stopped(&self, signal: &str) -> Option<i32> {
        let child = start(&self.repo, &asked(&self.repo, "wide.parquet", &self.url), &self.environment);
        self.proxy.wait_for(|exchange| is_part(&exchange.request, 1) && exchange.status == 200);
        stop(child, signal)
    }

    fn is_there(&self) -> bool {
        Places::new(self.bucket.options.clone()).list(&self.url).is_ok()
    }
}

fn is_part(request: &Request, number: usize) -> bool {
    request.method == "PUT" && request.target.contains(&format!("partNumber={number}&"))
}

fn killed() {
    let uploading = Uploading::new();
    uploading.proxy.set(|request| if is_part(request, 2) { Verdict::Hang } else { Verdict::Pass });
    assert_eq!(uploading.stopped("-KILL"), None);
    assert!(!uploading.is_there());
    let Uploading { repo, bucket, url, .. } = &uploading;
    bucket.ok(repo, &words(&asked(repo, "wide.parquet", url)));
    // Read back by the command, which has the environment that reaches the bucket.
    let copy = repo.path("copy.parquet");
    let arguments =
        ["get-historical-features", "--entity-df", url, "-f", "stats:value", "--full-feature-names"];
    bucket.ok(repo, &[&arguments[..], &["--out", copy.to_str().unwrap()]].concat());
    let rows = frame::open(copy).unwrap().batches.map(|batch| batch.unwrap().num_rows());
    assert_eq!(rows.sum::<usize>(), WIDE_ROWS as usize);
}

fn interrupted() {
    let uploading = Uploading::new();
    assert_eq!(uploading.stopped("-INT"), Some(130));
    assert!(!uploading.is_there());
    let log = uploading.proxy.log();
    let is_abort = |request: &Request| request.method == "DELETE" && request.target.contains("uploadId=");
    let last = log.last().unwrap();
    assert!(is_abort(&last.request) && last.status == 204, "{last:?}");
}

/// A disk of a megabyte.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "small"]).arg(folder.path());
        assert!(mount.status().unwrap().success(), "a disk for the test cannot be mounted");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Nothing lies on it, under a name or without.
    fn is_empty(&self) -> bool {
        let names = std::fs::read_dir(self.0.path()).unwrap().count();
        names == 0 && std::fs::write(self.path("filled"), vec![1; 1_000_000]).is_ok()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn on_full_disk(disk: &SmallDisk, out: &str, more: &[&str]) -> String {
    let repo = local_repo(1_000);
    write_wide(&repo, WIDE_ROWS);
    let arguments = asked(&repo, "wide.parquet", out);
    let error = repo.fails(UNAVAILABLE, &[&words(&arguments), more].concat());
    assert!(!repo.path("out.csv").exists());
    assert!(disk.is_empty(), "{error}");
    error
}

fn spill_on_full_disk() {
    let (disk, out) = (SmallDisk::mount(), tempfile::tempdir().unwrap());
    let spill = disk.path("");
    let out = out.path().join("out.csv");
    let limits = ["--max-memory", "80000000", "--spill-dir", &spill];
    let error = on_full_disk(&disk, out.to_str().unwrap(), &limits);
    assert!(error.contains("the disk is full") && error.contains(spill.trim_end_matches('/')), "{error}");
    assert!(!out.exists());
}

fn output_on_full_disk() {
    let disk = SmallDisk::mount();
    let error = on_full_disk(&disk, &disk.path("training.csv"), &[]);
    assert!(error.contains("training.csv") && error.contains("No space left"), "{error}");
}
