//! `cargo xtask services`: what tests and benchmarks need, installed into one cache folder outside the clone, started on loopback.
//!
//! Where Docker Compose answers, `docker-compose.yml` starts Redis, DynamoDB Local, MinIO and Azurite; elsewhere they run natively. Both listen on the
//! same ports and are arranged (cluster, sentinels) by the same code. Nothing is kept on disk: a service that starts is empty.

mod daemon;
mod dynamodb;
mod gcs;
mod maven;
mod objects;
mod packages;
mod python;
mod redis;
mod resp;
mod spark;

pub(crate) use gcs::serve as serve_gcs;

use crate::tools::{cache, root, run};
use anyhow::{Result, bail};
use std::process::{Command, Stdio};

/// Environment variables that tests find services by.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// One thing that tests need.
struct Service {
    name: &'static str,
    /// Installs and starts it if that is not done yet.
    start: fn(Runner) -> Result<()>,
    /// Whether tests could use it now.
    check: fn() -> Result<()>,
    /// How tests find it.
    environment: fn() -> (&'static str, String),
}

/// Who runs the servers.
#[derive(Clone, Copy, PartialEq)]
enum Runner {
    /// Docker Compose has started them.
    Docker,
    /// They are started here as processes.
    Native,
}

const SERVICES: &[Service] = &[
    Service {
        name: "Feast",
        start: |_| python::start(),
        check: python::check,
        environment: || ("PROVENDER_TEST_FEAST_PYTHON", python::path().display().to_string()),
    },
    Service {
        name: "Delta for Spark",
        start: |_| spark::start(),
        check: spark::check,
        environment: || ("PROVENDER_TEST_DELTA_JARS", spark::path().display().to_string()),
    },
    Service {
        name: "Redis",
        start: |runner| redis::start(&redis::SINGLE, runner),
        check: || redis::check(&redis::SINGLE),
        environment: || ("PROVENDER_TEST_REDIS", redis::SINGLE.addresses()),
    },
    Service {
        name: "Redis Cluster",
        start: |runner| redis::start(&redis::CLUSTER, runner),
        check: || redis::check(&redis::CLUSTER),
        environment: || ("PROVENDER_TEST_REDIS_CLUSTER", redis::CLUSTER.addresses()),
    },
    Service {
        name: "Redis Sentinel",
        start: |runner| redis::start(&redis::SENTINEL, runner),
        check: || redis::check(&redis::SENTINEL),
        environment: || ("PROVENDER_TEST_REDIS_SENTINEL", redis::SENTINEL.addresses()),
    },
    Service {
        name: "DynamoDB Local",
        start: dynamodb::start,
        check: dynamodb::check,
        environment: || ("PROVENDER_TEST_DYNAMODB", dynamodb::url()),
    },
    Service {
        name: "MinIO",
        start: |runner| objects::MINIO.start(runner),
        check: || objects::MINIO.check(),
        environment: || ("PROVENDER_TEST_S3", objects::MINIO.url()),
    },
    Service {
        name: "Azurite",
        start: |runner| objects::AZURITE.start(runner),
        check: || objects::AZURITE.check(),
        environment: || ("PROVENDER_TEST_AZURE", objects::AZURITE.url()),
    },
    Service {
        name: "GCS (XML)",
        start: gcs::start,
        check: gcs::check,
        environment: || ("PROVENDER_TEST_GCS", gcs::url()),
    },
];

/// What is up, and what could not be brought up.
pub(crate) struct Started {
    /// How tests find what is up.
    pub(crate) environment: Environment,
    /// Name and reason of what is not.
    pub(crate) missing: Vec<String>,
}

impl Started {
    /// The environment, if nothing is missing.
    pub(crate) fn all(self) -> Result<Environment> {
        if !self.missing.is_empty() {
            bail!("services are missing:\n  {}", self.missing.join("\n  "));
        }
        Ok(self.environment)
    }
}

/// Installs what is missing and starts what does not run.
pub(crate) fn start() -> Started {
    let mut started = Started { environment: Vec::new(), missing: Vec::new() };
    let runner = compose();
    for service in SERVICES {
        match runner
            .as_ref()
            .map_or_else(|e| Err(anyhow::anyhow!("{e:#}")), |runner| (service.start)(*runner))
        {
            Ok(()) => {
                let (name, value) = (service.environment)();
                println!("{:<16} {name}={value}", service.name);
                started.environment.push((name, value));
            }
            Err(error) => started.missing.push(format!("{}: {error:#}", service.name)),
        }
    }
    started
}

/// Says what is missing; fails if anything is.
pub(crate) fn check() -> Result<()> {
    let mut missing = Vec::new();
    for service in SERVICES {
        match (service.check)() {
            Ok(()) => println!("{:<16} {}", service.name, (service.environment)().1),
            Err(error) => missing.push(format!("{}: {error:#}", service.name)),
        }
    }
    if !missing.is_empty() {
        bail!("missing (`cargo xtask services` installs and starts it):\n  {}", missing.join("\n  "));
    }
    Ok(())
}

/// Stops what runs here or in Docker Compose.
pub(crate) fn stop() -> Result<()> {
    if has_docker() {
        run(docker_compose().args(["down", "--volumes"]))?;
    }
    daemon::stop_all()
}

/// Has Docker Compose start the servers, where it answers.
fn compose() -> Result<Runner> {
    std::fs::create_dir_all(cache())?;
    if !has_docker() {
        return Ok(Runner::Native);
    }
    run(docker_compose().args(["up", "--detach"]))?;
    Ok(Runner::Docker)
}

fn docker_compose() -> Command {
    let mut command = Command::new("docker");
    command
        .args([
            "compose",
            "--profile",
            "redis",
            "--profile",
            "dynamodb",
            "--profile",
            "s3",
            "--profile",
            "azure",
        ])
        .current_dir(root());
    command
}

/// Whether there is Docker Compose and an engine behind it.
fn has_docker() -> bool {
    let answers = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    answers(&["compose", "version"]) && answers(&["version", "--format", "{{.Server.Version}}"])
}
