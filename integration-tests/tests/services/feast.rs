//! Feast for Python, asked by its own means.

use crate::support::{CREDENTIALS, Repo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Feast's command line.
const COMMAND: &str = "import sys; from feast.cli.cli import cli; sys.argv[0] = 'feast'; cli()";

/// A Python that has Feast.
pub(crate) struct Feast(PathBuf);

impl Feast {
    /// The one of `cargo xtask services`.
    pub(crate) fn here() -> Self {
        Self(std::env::var_os("PROVENDER_TEST_FEAST_PYTHON").unwrap().into())
    }

    /// Asks `ask.py` about a repository.
    #[track_caller]
    pub(crate) fn ask(&self, repo: &Path, arguments: &[&str]) -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/ask.py");
        let out = self.python(repo, &[&[script, repo.to_str().unwrap()], arguments].concat());
        serde_json::from_str(out.lines().last().unwrap()).unwrap()
    }

    /// Asks `ask.py` several things in one go, each as for [`Feast::ask`].
    #[track_caller]
    pub(crate) fn ask_each(&self, repo: &Path, questions: &[&[&str]]) -> Vec<Value> {
        let answers = self.ask(repo, &["each", &serde_json::to_string(questions).unwrap()]);
        answers.as_array().unwrap().clone()
    }

    /// Runs Feast's own command line in a repository.
    #[track_caller]
    pub(crate) fn feast(&self, repo: &Path, arguments: &[&str]) -> String {
        self.python(repo, &[&["-c", COMMAND], arguments].concat())
    }

    /// Starts a command of Feast's that runs until it is killed.
    pub(crate) fn background(&self, repo: &Path, arguments: &[&str]) -> Child {
        let mut command = self.command(repo, &[&["-c", COMMAND], arguments].concat());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    #[track_caller]
    pub(crate) fn python(&self, repo: &Path, arguments: &[&str]) -> String {
        let output = self.command(repo, arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{:.500}\n{}\n{}",
            format!("{arguments:?}"),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, repo: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command
            .args(arguments)
            .current_dir(repo)
            .env("TZ", "UTC")
            .env("PYTHONWARNINGS", "ignore")
            // Without its assertions Feast starts in a third of the time.
            .env("PYTHONOPTIMIZE", "1")
            .envs(CREDENTIALS);
        command
    }
}

/// Writes the files that the interop vectors were recorded with.
pub(crate) fn make_data(feast: &Feast, repo: &Repo) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/repo/make_data.py");
    feast.python(repo.folder(), &[script, repo.folder().to_str().unwrap()]);
}

/// Feast's interop repository, applied by Feast: every value type, aliases, on-demand views, permissions, a push source.
pub(crate) fn apply_feasts_repo(feast: &Feast, project: &str, configuration: &str) -> Repo {
    let repo = Repo::new(configuration, "");
    std::fs::remove_file(repo.path("features.yaml")).unwrap();
    let definitions = include_str!("../../testdata/repo/features.py")
        .replace("name=\"interop\"", &format!("name=\"{project}\""));
    repo.write("features.py", &definitions);
    make_data(feast, &repo);
    feast.feast(repo.folder(), &["apply"]);
    repo
}

/// An answer of Feast's over Redis with NOT_FOUND for what was not found, as over other stores: null, and without an event time.
pub(crate) fn honest(mut answer: Value) -> Value {
    for result in answer["results"].as_array_mut().unwrap() {
        for row in 0..result["values"].as_array().unwrap().len() {
            if result["values"][row].is_null() && result["event_timestamps"][row] == "1970-01-01T00:00:00Z" {
                result["statuses"][row] = "NOT_FOUND".into();
            }
        }
    }
    answer
}

/// The results of an answer by feature name.
pub(crate) fn by_name(answer: &Value) -> BTreeMap<String, Value> {
    let names = answer["metadata"]["feature_names"].as_array().unwrap();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(names.len(), results.len());
    names.iter().map(|n| n.as_str().unwrap().to_owned()).zip(results.iter().cloned()).collect()
}
