//! The benchmarks' load generator and floors, so small that they are not what is measured. `bench/online.py` and `bench/materialize.py` use it.
//!
//! Load is a closed loop: every connection sends a request, waits for the whole answer, and sends the next. Requests are encoded before the
//! clock starts. One line of JSON tells the figures.
#![allow(clippy::print_stdout, reason = "a command line")]

mod canned;
mod drive;
mod file;
mod grpc;
mod hset;
mod http;
mod redis;

use anyhow::{Context, Result, bail};
use drive::{Load, drive};
use std::path::Path;

const USAGE: &str = "\
bench-load redis ADDRESS PLAN ROWS CONNECTIONS SECONDS     reads of a plan, pipelined; replies are counted only
bench-load http ADDRESS BODIES CONNECTIONS SECONDS         POST /get-online-features, a body a line
bench-load grpc ADDRESS MESSAGES CONNECTIONS SECONDS [STREAMS]
                                                           ServingService/GetOnlineFeatures; STREAMS calls at once on each connection
bench-load canned PORT FILE                                an HTTP server that answers everything with FILE
bench-load hset ADDRESS DUMP                               writes a dump as pipelined HSETs";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["redis", address, plan, rows, connections, seconds] => {
            let plan = redis::Plan::load(Path::new(plan), rows.parse()?)?;
            let load = load(address, connections, seconds)?;
            drive(&load, |number| redis::Reads::new(&plan, number))
        }
        ["http", address, bodies, connections, seconds] => {
            let bodies = std::fs::read_to_string(bodies).context(bodies.to_owned())?;
            let requests: Vec<Vec<u8>> = bodies.lines().map(|body| http::encode(address, body)).collect();
            drive(&load(address, connections, seconds)?, |number| http::Posts::new(&requests, number))
        }
        ["grpc", address, messages, connections, seconds, ref streams @ ..] if streams.len() < 2 => {
            let messages = file::strings(Path::new(messages))?;
            let streams = streams.first().map_or(Ok(1), |streams| streams.parse())?;
            drive(&load(address, connections, seconds)?, |number| {
                grpc::Calls::new(address, &messages, number, streams)
            })
        }
        ["canned", port, body] => canned::serve(port.parse()?, Path::new(body)),
        ["hset", address, dump] => hset::write(address, Path::new(dump)),
        _ => bail!("{USAGE}"),
    }
}

fn load(address: &str, connections: &str, seconds: &str) -> Result<Load> {
    Ok(Load { address: address.parse()?, connections: connections.parse()?, seconds: seconds.parse()? })
}
