//! A feature repository in a temporary folder, and the command run on it.

use provender::config::RepoConfig;
use provender::{Definitions, FeatureStore};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A feature repository that goes away with the test.
pub(crate) struct Repo {
    folder: tempfile::TempDir,
}

/// The smallest configuration: everything embedded.
pub(crate) const CONFIGURATION: &str =
    "project: p\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online.db}\n";

/// A view of drivers over one file, and a service.
pub(crate) const DRIVERS: &str = "\
kind: Entity
name: driver
join_keys: [driver_id]
value_type: INT64
---
kind: FileSource
name: stats
path: data/stats.parquet
timestamp_field: event_timestamp
---
kind: FeatureView
name: driver_stats
entities: [driver]
ttl: 1d
source: stats
schema: [{name: f, dtype: Float64}]
---
kind: FeatureService
name: model
features: [driver_stats]
";

impl Repo {
    pub(crate) fn new(configuration: &str, definitions: &str) -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        repo.write("feature_store.yaml", configuration);
        repo.write("features.yaml", definitions);
        std::fs::create_dir_all(repo.path("data")).unwrap();
        repo
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The store, opened in this process.
    pub(crate) async fn store(&self) -> FeatureStore {
        let text = std::fs::read_to_string(self.path("feature_store.yaml")).unwrap();
        let config =
            RepoConfig::parse(&text, Path::new("feature_store.yaml"), self.folder().to_path_buf(), &|_| None)
                .unwrap();
        FeatureStore::open(config, &provender::providers()).await.unwrap()
    }

    /// The store after an apply of the repository's definitions.
    pub(crate) async fn applied(&self) -> FeatureStore {
        let store = self.store().await;
        let definitions = Definitions::load(self.folder()).unwrap();
        store.apply(&definitions, &provender::engine::ApplyOptions::default()).await.unwrap();
        store
    }

    /// Runs the command on this repository.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        command().arg("-c").arg(self.folder()).args(arguments).output().unwrap()
    }

    /// Runs the command, which must succeed, and answers its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the command, which must fail with this exit code, and answers its stderr.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        stderr
    }
}

/// What DynamoDB Local takes for credentials.
pub(crate) const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_DEFAULT_REGION", "us-east-1")];

/// The command under test, with a clean environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provender-under-test"));
    command
        .env_remove("FEATURE_REPO_DIR_ENV_VAR")
        .env_remove("FEAST_FS_YAML_FILE_PATH")
        .env("NO_COLOR", "1")
        .envs(CREDENTIALS);
    command
}

/// A feature server of the command under test, on a free port; killed when dropped.
pub(crate) struct Server {
    process: std::process::Child,
    address: String,
}

impl Server {
    /// Starts `serve` in a repository and waits until it says where it listens.
    pub(crate) fn start(repo: &Path, arguments: &[&str]) -> Self {
        Self::run(repo, &[&["serve", "--port", "0"], arguments].concat(), &[])
    }

    /// Starts a command that serves, with more in its environment.
    pub(crate) fn run(repo: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        use std::io::BufRead;
        let mut process = command()
            .envs(environment.iter().copied())
            .arg("-c")
            .arg(repo)
            .args(arguments)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            line.split_once("http://").and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned))
        });
        // Nobody else reads its log; a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address: address.expect("the server says where it listens"), process }
    }

    pub(crate) fn port(&self) -> String {
        self.address.rsplit(':').next().unwrap().to_owned()
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        let answer = self.ask("POST", path, body);
        (answer.status, answer.text)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let answer = self.ask("GET", path, "");
        (answer.status, answer.text)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with("", method, path, body)
    }

    /// One request with more headers, each with the end of its line.
    pub(crate) fn ask_with(&self, headers: &str, method: &str, path: &str, body: &str) -> Answer {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let found = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        let chunked = header("transfer-encoding").is_some_and(|coding| coding == "chunked");
        Answer {
            status: head.split_whitespace().nth(1).unwrap().parse().unwrap(),
            content_type: header("content-type"),
            text: if chunked { unchunk(body) } else { body.to_owned() },
        }
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.process.wait().unwrap()
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) text: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn unchunk(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&rest[..size]);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    out
}
