//! Buckets of object stores under everything at once: registry, sources, entity rows and results; and with faults.

use crate::lake_bucket::{Bucket, azure, gcs, join, minio_port, remote_repo, s3, s3_at};
use crate::lake_support::{definitions, entity_rows, features, times, words};
use crate::proxy::{Mode, Proxy};
use crate::support::{CONFIGURATION, Repo};
use crate::{AZURE, Case, GCS, S3};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use futures::StreamExt;
use provender::config::StoreConfig;
use provender::engine::Spines;
use provender::frame::{self, WriteOptions};
use provender::model::{Entity, Object, ObjectKind};
use provender::registry::{Change, RegistrySnapshot};
use provender::storage::Places;
use provender::{Features, HistoricalQuery, Kind, OpenContext, Registry, RequestContext, Result};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

pub(crate) const CASES: &[Case] = &[
    Case::new("twenty_processes_of_fifty_changes_each_lose_none_in_a_bucket_of_s3", &[S3], || writers(&s3())),
    Case::new("twenty_processes_of_fifty_changes_each_lose_none_in_a_container_of_azure", &[AZURE], || {
        writers(&azure());
    }),
    Case::new("twenty_processes_of_fifty_changes_each_lose_none_in_a_bucket_of_gcs", &[GCS], || {
        writers(&gcs());
    }),
    Case::new("a_repository_lives_in_a_bucket_of_s3", &[S3], || journey(&s3())),
    Case::new("a_repository_lives_in_a_container_of_azure", &[AZURE], || journey(&azure())),
    Case::new("a_repository_lives_in_a_bucket_of_gcs", &[GCS], || journey(&gcs())),
    Case::new("connections_that_are_cut_while_a_bucket_is_read_change_nothing", &[S3], cuts),
    Case::new("a_store_that_is_away_is_named_by_its_url", &[S3], away),
    Case::new("wrong_keys_are_denied", &[S3], wrong_keys),
    Case::new(
        "an_object_that_goes_or_changes_after_it_was_listed_fails_the_join_by_its_url",
        &[GCS],
        changes,
    ),
    Case::new("a_training_set_that_fails_leaves_nothing_in_the_bucket", &[S3], aborted),
];

/// The same repository on local disk and in a bucket: the same training set, before and after a push.
fn journey(bucket: &Bucket) {
    let folder = bucket.folder();
    let local = Repo::new(CONFIGURATION, &definitions("data/rows.parquet"));
    let (rows, entities) = (features(5_000), entity_rows(400));
    for (path, rows) in [("data/rows.parquet", &rows), ("entities.parquet", &entities)] {
        frame::write(local.path(path), &rows.schema(), [Ok(rows.clone())]).unwrap();
    }
    let configuration = CONFIGURATION.replace("data/registry.db", &format!("{folder}/registry.db"));
    let remote = Repo::new(&configuration, &definitions(&format!("{folder}/rows.parquet")));
    bucket.write(&format!("{folder}/rows.parquet"), &rows);
    bucket.write(&format!("{folder}/entities.parquet"), &entities);
    local.ok(&["apply"]);
    bucket.ok(&remote, &["apply"]);
    assert!(bucket.ok(&remote, &["apply"]).contains("no changes"));
    assert!(!remote.path("data/registry.db").exists());

    let new = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![7])) as ArrayRef),
        ("event_timestamp", times(1)),
        ("value", Arc::new(Float64Array::from(vec![42.0])) as ArrayRef),
    ])
    .unwrap();
    frame::write(local.path("new.parquet"), &new.schema(), [Ok(new.clone())]).unwrap();
    for pushed in [false, true] {
        if pushed {
            let file = local.path("new.parquet");
            local.ok(&["push", "pushed", file.to_str().unwrap(), "--to", "offline"]);
            bucket.ok(&remote, &["push", "pushed", file.to_str().unwrap(), "--to", "offline"]);
        }
        let (here, there) = (local.path("out.csv"), format!("{folder}/out.csv"));
        let ask = |entities: &str, out: &str| {
            ["get-historical-features", "--entity-df", entities, "-f", "stats:value", "--out", out]
                .map(str::to_owned)
        };
        let asked = ask(local.path("entities.parquet").to_str().unwrap(), here.to_str().unwrap());
        local.ok(&asked.each_ref().map(String::as_str));
        let asked = ask(&format!("{folder}/entities.parquet"), &there);
        bucket.ok(&remote, &asked.each_ref().map(String::as_str));
        let expected = frame::read(here).unwrap().into_batch().unwrap();
        // What is in the bucket is read back by the command, too.
        let back = local.path("back.csv");
        let back = back.to_str().unwrap();
        let asked = [
            "get-historical-features",
            "--entity-df",
            &there,
            "-f",
            "stats:value",
            "--out",
            back,
            "--full-feature-names",
        ];
        bucket.ok(&remote, &asked);
        let read = frame::read(back).unwrap().into_batch().unwrap();
        assert_eq!(read["value"].as_ref(), expected["value"].as_ref());
        assert_eq!(read["stats__value"].as_ref(), expected["value"].as_ref());
        assert!(expected["value"].null_count() < expected.num_rows());
    }
}

fn cuts() {
    let bucket = s3();
    let folder = bucket.folder();
    let repo = remote_repo(&bucket, &folder, 300_000);
    let (whole, cut) = (repo.path("whole.csv"), repo.path("cut.csv"));
    bucket.ok(&repo, &words(&join(&repo, whole.to_str().unwrap())));
    let expected = std::fs::read(whole).unwrap();
    let proxy = Proxy::new(minio_port());
    let broken = s3_at(format!("http://{}", proxy.address()));
    for bytes in [1, 700, 5_000, 100_000, 1_000_000] {
        let before = proxy.cuts();
        proxy.set(Mode::Cut(bytes));
        broken.ok(&repo, &words(&join(&repo, cut.to_str().unwrap())));
        assert_eq!(proxy.cuts(), before + 1, "the connection was cut after {bytes} bytes");
        assert!(std::fs::read(&cut).unwrap() == expected, "another answer after a cut at {bytes} bytes");
    }
}

fn away() {
    let bucket = s3();
    let folder = bucket.folder();
    let repo = remote_repo(&bucket, &folder, 100);
    let proxy = Proxy::new(minio_port());
    proxy.set(Mode::Refuse);
    let options = format!(
        "offline_store: {{type: file, storage_options: {{aws_endpoint: 'http://{}', max_retries: 1}}}}\n",
        proxy.address()
    );
    repo.write("feature_store.yaml", &format!("{CONFIGURATION}{options}"));
    let out = repo.path("out.csv");
    let error = bucket.fails(7, &repo, &words(&join(&repo, out.to_str().unwrap())));
    assert!(error.contains(&format!("{folder}/rows.parquet")), "{error}");
    assert!(!out.exists());
}

fn wrong_keys() {
    let bucket = s3();
    let folder = bucket.folder();
    let repo = remote_repo(&bucket, &folder, 100);
    let options = "offline_store: {type: file, storage_options: {aws_secret_access_key: wrong}}\n";
    repo.write("feature_store.yaml", &format!("{CONFIGURATION}{options}"));
    let error = bucket.fails(5, &repo, &words(&join(&repo, "out.csv")));
    assert!(error.contains(&folder) && !error.contains("wrong"), "{error}");
}

/// A training set whose last batches fail: nothing is under its name, and no upload is left unfinished.
fn aborted() {
    let bucket = s3();
    let url = format!("{}/half.parquet", bucket.folder());
    let rows = features(1_000_000);
    let batches = [Ok(rows.clone()), Ok(rows.clone()), Err(provender::Error::internal("the source broke"))];
    let options = WriteOptions { places: Places::new(bucket.options.clone()), ..WriteOptions::default() };
    let error = frame::write_with(&url, &rows.schema(), batches, &options).unwrap_err();
    assert_eq!(error.message(), "the source broke");
    let spec = provender::storage::Storage::list(&options.places, &url);
    assert_eq!(spec.unwrap_err().kind(), Kind::NotFound);
}

/// A request to the server of GCS' interface, which asks for no credentials.
fn gcs_request(method: &str, url: &str, body: &str) {
    let address = GCS.address().unwrap();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    let path = url.trim_start_matches("gs:/");
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert!(status.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&status));
}

fn changes() {
    let bucket = gcs();
    for (method, kind) in [("DELETE", Kind::NotFound), ("PUT", Kind::Conflict)] {
        let folder = bucket.folder();
        let repo = remote_repo(&bucket, &folder, 1_000);
        let options = format!(
            "offline_store: {{type: file, storage_options: {{google_base_url: '{}', google_skip_signature: true}}}}\n",
            GCS.address().unwrap()
        );
        repo.write("feature_store.yaml", &format!("{CONFIGURATION}{options}"));
        let url = format!("{folder}/rows.parquet");
        let error = run(async {
            let store = repo.store().await;
            let rows = frame::Frame { schema: entity_rows(5).schema(), batches: vec![entity_rows(5)] };
            let job = store.historical(query(rows)).await.unwrap();
            gcs_request(method, &url, "something else");
            match job.run().await {
                Err(error) => error,
                Ok(mut set) => loop {
                    match set.batches.next().await {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break error,
                        None => panic!("a training set from an object that is not there any more"),
                    }
                },
            }
        });
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.to_string().contains(&url), "{error}");
    }
}

fn query(rows: frame::Frame) -> HistoricalQuery {
    let event = rows.event_column().unwrap();
    let spine = provender::offline::Spine::new(rows.schema.clone(), rows.batches, event);
    HistoricalQuery {
        spine: Spines::Frame(Arc::new(spine)),
        features: Features::List(vec!["stats:value".to_owned()]),
        full_feature_names: false,
        known_at: None,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

const PROCESSES: usize = 20;
const CHANGES: usize = 50;

/// `URL NAME`: makes this binary a writer of the registry there.
pub(crate) const WRITER: &str = "PROVENDER_TEST_BUCKET_WRITER";

async fn registry(url: &str, settings: Value) -> Result<Arc<dyn Registry>> {
    let config = StoreConfig::new("file").with("path", url).with("storage_options", settings);
    provender::providers().open(&config, &OpenContext::new("p", "/")).await
}

/// Commits, each time on what is there now, until all of its changes are in. Each is of two entities.
pub(crate) fn writer(task: &str) {
    let (url, name) = task.split_once(' ').unwrap();
    run(async {
        let registry = registry(url, json!({})).await.unwrap();
        for i in 0..CHANGES {
            let put = |half: char| {
                let entity = Entity { name: format!("{name}_{i}_{half}"), ..Entity::default() };
                Change::Put { project: "p".to_owned(), object: Object::Entity(Arc::new(entity)) }
            };
            loop {
                let (base, _) = registry.snapshot().await.unwrap();
                match registry.commit(&base, &[put('a'), put('b')]).await {
                    Err(error) if error.kind() == Kind::Conflict => {}
                    other => break drop(other.unwrap()),
                }
            }
        }
    });
}

/// A process of this binary; it ends with the test at the latest.
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn halves(snapshot: &RegistrySnapshot) -> Vec<String> {
    let names = snapshot.list("p", ObjectKind::Entity).map(|entity| entity.name.to_string());
    names.filter(|name| name.ends_with("_a") || name.ends_with("_b")).collect()
}

fn writers(bucket: &Bucket) {
    let url = format!("{}/registry.db", bucket.folder());
    let binary = std::env::current_exe().unwrap();
    let mut writers: Vec<Writer> = (0..PROCESSES)
        .map(|n| {
            let mut command = Command::new(&binary);
            command.envs(bucket.environment.iter().map(|(name, value)| (name, value)));
            Writer(command.env(WRITER, format!("{url} w{n}")).stdout(Stdio::null()).spawn().unwrap())
        })
        .collect();
    let left = run(async {
        let registry = registry(&url, bucket.settings.clone()).await.unwrap();
        let mut seen = 0;
        while writers.iter_mut().any(|writer| writer.0.try_wait().unwrap().is_none()) {
            let now = halves(&registry.snapshot().await.unwrap().1);
            assert!(now.len().is_multiple_of(2), "a reader saw half a commit");
            assert!(now.len() >= seen, "a reader went back from {seen} to {}", now.len());
            seen = now.len();
        }
        halves(&registry.snapshot().await.unwrap().1).len()
    });
    assert!(writers.iter_mut().all(|writer| writer.0.wait().unwrap().success()));
    assert_eq!(left, 2 * PROCESSES * CHANGES);
}
