//! DynamoDB Local, Amazon's own, from Maven Central.

use super::Runner;
use super::daemon::{self, until};
use super::maven::Libraries;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

const PORT: u16 = 17630;
const NAME: &str = "dynamodb-17630";
const LIBRARIES: Libraries = Libraries {
    folder: "dynamodb-local",
    group: "com.amazonaws",
    artifacts: &["DynamoDBLocal"],
    version: "2.6.1",
    transitive: true,
};

/// What tests give to the client as its endpoint.
pub(super) fn url() -> String {
    format!("http://127.0.0.1:{PORT}")
}

/// Starts it unless it answers.
pub(super) fn start(runner: Runner) -> Result<()> {
    if check().is_ok() {
        return Ok(());
    }
    if runner == Runner::Native {
        let jars = LIBRARIES.fetch()?;
        daemon::stop(NAME)?;
        daemon::start(
            NAME,
            Command::new("java")
                .arg("-Xmx512m")
                .arg(format!("-Djava.library.path={}", jars.display()))
                .arg("-cp")
                .arg(jars.join("*"))
                .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
                .args(["-inMemory", "-disableTelemetry", "-port", &PORT.to_string()]),
        )?;
    }
    let otherwise = format!("it does not come up; its log is {}", daemon::log_of(NAME).display());
    until(Duration::from_secs(60), &otherwise, || check().map(|()| true))
}

/// Fails unless it answers. A request without a signature is refused, in DynamoDB's own way.
pub(super) fn check() -> Result<()> {
    let ask = || -> std::io::Result<String> {
        let patience = Duration::from_secs(5);
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], PORT)), patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().with_context(|| format!("no answer at {}", url()))?;
    if !answer.contains("amz") {
        bail!("something else answers at {}", url());
    }
    Ok(())
}
