//! What the first day with the local template runs into.

use crate::support::{Server, command};
use std::path::PathBuf;
use std::process::{Output, Stdio};

/// The local template, applied and materialized.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        assert!(
            command().current_dir(&shop.folder).args(["init", "shop"]).output().unwrap().status.success()
        );
        for arguments in [&["apply"][..], &["materialize-incremental", "2100-01-01"]] {
            assert!(shop.run(arguments).status.success(), "{arguments:?}");
        }
        shop
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command().current_dir(self.repo()).args(arguments).output().unwrap()
    }

    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let shop = Shop::new();
    for name in ["registry-dump", "plan", "configuration"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command().current_dir(shop.repo()).arg(name).stdout(Stdio::from(full)).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("stdout"), "{name}");
    }
}

#[test]
fn join_keys_with_different_numbers_of_values_are_refused() {
    let text = Shop::new().fails(
        2,
        &[
            "get-online-features",
            "-e",
            "driver_id=1",
            "-e",
            "x=1",
            "-e",
            "x=2",
            "-f",
            "driver_stats:conv_rate",
        ],
    );
    assert!(text.contains("1 driver_id, 2 x"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_definition_file_that_leads_nowhere_deletes_nothing() {
    let shop = Shop::new();
    let file = shop.repo().join("features/drivers.yaml");
    std::fs::rename(&file, shop.folder.path().join("away.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere.yaml", &file).unwrap();
    assert!(shop.fails(3, &["apply"]).contains("drivers.yaml"));
    let listed = shop.run(&["feature-views", "list"]);
    assert!(String::from_utf8(listed.stdout).unwrap().contains("driver_stats"));
}

#[test]
fn a_request_in_many_pieces_is_answered() {
    let shop = Shop::new();
    let server = Server::start(&shop.repo(), &[]);
    let padding = " ".repeat(1_000_000);
    let body = format!(
        r#"{{"features": ["driver_stats:conv_rate"],{padding} "entities": {{"driver_id": [1001]}}}}"#
    );
    let (status, answer) = server.post("/get-online-features", &body);
    assert_eq!(status, 200, "{answer}");
}
