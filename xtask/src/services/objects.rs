//! Object stores: MinIO for S3, Azurite for Azure. Each holds one bucket, `provender`, and forgets everything when it stops.

use super::daemon::{self, until};
use super::{Runner, packages};
use crate::tools::{cache, run};
use anyhow::{Context, Result};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Where MinIO's sources are; Go builds them in some three minutes.
const MINIO_MODULE: &str = "github.com/minio/minio@latest";
const AZURITE_PACKAGE: &str = "azurite@3";

/// One of the two.
pub(super) struct Store {
    name: &'static str,
    port: u16,
    launch: fn(&Store) -> Result<()>,
    /// Makes the bucket.
    furnish: fn(&Store) -> Result<()>,
}

/// User and password are those of MinIO out of the box, `minioadmin`.
pub(super) const MINIO: Store =
    Store { name: "minio-17640", port: 17640, launch: launch_minio, furnish: |_| Ok(()) };
/// Account and key are the ones that every Azurite has.
pub(super) const AZURITE: Store =
    Store { name: "azurite-17641", port: 17641, launch: launch_azurite, furnish: make_container };

impl Store {
    /// What tests give to the client as its endpoint.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Fails unless it answers.
    pub(super) fn check(&self) -> Result<()> {
        let address = (Ipv4Addr::LOCALHOST, self.port).into();
        TcpStream::connect_timeout(&address, Duration::from_secs(2))
            .with_context(|| format!("no answer at {}", self.url()))?;
        Ok(())
    }

    /// Starts it unless it answers.
    pub(super) fn start(&self, runner: Runner) -> Result<()> {
        if self.check().is_ok() {
            return Ok(());
        }
        if runner == Runner::Native {
            daemon::stop(self.name)?;
            (self.launch)(self)?;
        }
        let otherwise = format!("it does not come up; its log is {}", daemon::log_of(self.name).display());
        until(Duration::from_secs(60), &otherwise, || self.check().map(|()| true))?;
        (self.furnish)(self)
    }

    /// An empty folder for what it stores.
    fn folder(&self) -> Result<PathBuf> {
        let folder = daemon::folder().join(self.name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

fn launch_minio(store: &Store) -> Result<()> {
    let programs = cache().join("bin");
    let program = programs.join("minio");
    if !program.is_file() {
        packages::ensure(&["go"], &["golang"])?;
        run(Command::new("go").args(["install", MINIO_MODULE]).env("GOBIN", &programs))?;
    }
    let folder = store.folder()?;
    // A folder is a bucket.
    fs::create_dir(folder.join("provender"))?;
    let address = format!("127.0.0.1:{}", store.port);
    daemon::start(
        store.name,
        Command::new(program).args(["server", "--quiet", "--address", &address]).arg(folder),
    )
}

fn launch_azurite(store: &Store) -> Result<()> {
    let home = cache().join("azurite");
    let program = home.join("node_modules/.bin/azurite-blob");
    if !program.is_file() {
        packages::ensure(&["npm"], &["npm"])?;
        fs::create_dir_all(&home)?;
        let mut install = Command::new("npm");
        run(install
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(&home)
            .arg(AZURITE_PACKAGE))?;
    }
    daemon::start(
        store.name,
        Command::new(program)
            .args(["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"])
            .args(["--blobHost", "127.0.0.1", "--blobPort", &store.port.to_string()])
            .current_dir(store.folder()?),
    )
}

/// Azurite is reached with signed requests only, which Python's own library can make.
fn make_container(store: &Store) -> Result<()> {
    const SCRIPT: &str = include_str!("azurite_container.py");
    run(Command::new("python3").args(["-c", SCRIPT, &store.url(), "provender"]))
}
