//! `cargo xtask demo`: the main job on real data, as a user would do it.

use crate::tools::{self, release_binary, target};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const REQUEST: &str = r#"{"feature_service":"delay_model","full_feature_names":true,"entities":{"origin":["JFK"],"dest":["SFO"],"carrier":["UA"]}}"#;

/// Builds the release binary, makes a feature repository from the flights example, and walks through it.
fn walk(folder: &Path) -> Result<()> {
    let binary = release_binary(false)?;
    let repo = folder.join("flights");
    let provender = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(arguments);
        command
    };
    let repo_text = repo.display().to_string();
    let training = folder.join("training.parquet").display().to_string();
    let entities = repo.join("data/flights.parquet").display().to_string();

    heading("A feature repository from the flights example");
    tools::run(provender(&["init", "flights", "--template", "flights"]).current_dir(folder))?;
    heading("Apply: the definitions into the registry, tables into the online store");
    tools::run(&mut provender(&["-c", &repo_text, "apply"]))?;
    heading("A training set for all flights, as known at each departure");
    tools::run(&mut provender(&[
        "-c",
        &repo_text,
        "get-historical-features",
        "--entity-df",
        &entities,
        "--feature-service",
        "delay_model",
        "--full-feature-names",
        "--out",
        &training,
    ]))?;
    heading("Materialize: the newest values into the online store");
    tools::run(&mut provender(&["-c", &repo_text, "materialize", "2013-01-01", "2014-01-02"]))?;
    heading("Serve: one flight's features over HTTP");
    ask_server(provender(&["-c", &repo_text, "serve", "--port", "0"]))?;

    heading("What to try next");
    println!("  {} -c {repo_text} feature-views list", binary.display());
    println!(
        "  {} -c {repo_text} get-online-features -e origin=EWR -f weather:temp_f -f weather:wind_speed_mph",
        binary.display()
    );
    println!(
        "  {} -c {repo_text} serve      # then POST to http://127.0.0.1:6566/get-online-features",
        binary.display()
    );
    Ok(())
}

/// The demo in `target/demo`, made anew.
pub(crate) fn run() -> Result<()> {
    let folder = target().join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)?;
    walk(&folder)
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// Starts the server, asks it, shows the answer, stops it.
fn ask_server(mut command: Command) -> Result<()> {
    let mut server = Stop(command.stderr(Stdio::piped()).spawn()?);
    let stderr = server.0.stderr.take().context("no stderr")?;
    let mut address = None;
    for line in BufReader::new(stderr).lines() {
        let line = line?;
        println!("{line}");
        if let Some((_, rest)) = line.split_once("http://") {
            address = rest.split_whitespace().next().map(str::to_owned);
            break;
        }
    }
    let Some(address) = address else { bail!("the server did not start") };
    println!("$ curl http://{address}/get-online-features -d '{REQUEST}'");
    let body = post(&address, "/get-online-features", REQUEST)?;
    print_answer(&body)?;
    println!(
        "The flights are of 2013, hence OUTSIDE_MAX_AGE; the example's `online_ttl: report` answers the values all the same."
    );
    Ok(())
}

fn post(address: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("the server answered {head}\n{body}");
    }
    Ok(body.to_owned())
}

/// One line a feature.
fn print_answer(body: &str) -> Result<()> {
    let answer: serde_json::Value = serde_json::from_str(body)?;
    let names = answer["metadata"]["feature_names"].as_array().context("no feature names")?;
    for (name, result) in names.iter().zip(answer["results"].as_array().context("no results")?) {
        println!(
            "  {:<36} {:<22} {:<16} {}",
            name.as_str().unwrap_or_default(),
            result["values"][0].to_string(),
            result["statuses"][0].as_str().unwrap_or_default(),
            result["event_timestamps"][0].as_str().unwrap_or_default()
        );
    }
    Ok(())
}

/// Stops the server when the demo is done with it, however it ends.
struct Stop(Child);

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
