//! DynamoDB Local, Amazon's own, from Maven Central.

use super::daemon::{self, until};
use super::{Runner, packages};
use crate::tools::{cache, run};
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const PORT: u16 = 17630;
const NAME: &str = "dynamodb-17630";
const VERSION: &str = "2.6.1";

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
        let jars = jars()?;
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

/// The folder with its libraries, fetched once.
fn jars() -> Result<PathBuf> {
    packages::ensure(&["java", "mvn"], &["default-jre-headless", "maven"])?;
    let folder = cache().join("dynamodb-local");
    let (jars, marker) = (folder.join("jars"), folder.join("version"));
    if fs::read_to_string(&marker).is_ok_and(|version| version == VERSION) {
        return Ok(jars);
    }
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("pom.xml"),
        format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
             <groupId>provender</groupId><artifactId>services</artifactId><version>1</version><dependencies><dependency>\
             <groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>{VERSION}</version>\
             </dependency></dependencies></project>\n"
        ),
    )?;
    run(Command::new("mvn")
        .args(["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", jars.display()))
        .current_dir(&folder))?;
    fs::write(marker, VERSION)?;
    Ok(jars)
}
