//! Tasks of this repository: `cargo xtask help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

mod bench;
mod codegen;
mod demo;
mod docs;
mod fuzz;
mod services;
mod test;
mod tidy;
mod tools;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask TASK

  demo                 the main job on real data: training set, materialize, serve (release build)
  test [FILTER]        format, lints, tidy, docs, all tests (what they need is installed); with FILTER only the tests of that name
  services             installs what tests need and starts it: Feast, Redis (single, cluster, sentinels), DynamoDB Local,
                       MinIO, Azurite, a server of GCS' XML interface
  services check|stop  says what is missing; stops what runs
  bench WHAT [ROUNDS]  join | materialize [--into sqlite|redis] | apply | serve | online: against the peers, run beside it
  soak [--minutes N]   readers and writers on one server over Redis; fails on errors, wrong values and growing memory
  fuzz [--seconds N]   each fuzz target for N seconds
  docs [--check]       writes docs/reference from the code; with --check says whether it is up to date
  codegen [--check]    writes provender-proto's generated code from its .proto files
  tidy                 checks the invariants of ARCHITECTURE.md and the limits of CONTRIBUTING.md";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["test", filter] => test::only(filter),
        ["services"] => services::start().all().map(drop),
        ["services", "check" | "--check"] => services::check(),
        ["services", "stop" | "--stop"] => services::stop(),
        // What `services` starts; not for people.
        ["services", "gcs", port] => services::serve_gcs(port),
        ["bench", what, ref options @ ..] => bench::run(what, options),
        ["soak"] => bench::soak("10"),
        ["soak", "--minutes", minutes] => bench::soak(minutes),
        ["fuzz"] => fuzz::fuzz("30"),
        ["fuzz", "--seconds", seconds] => fuzz::fuzz(seconds),
        ["docs"] => docs::run(false),
        ["docs", "--check"] => docs::run(true),
        ["codegen"] => codegen::run(false),
        ["codegen", "--check"] => codegen::run(true),
        ["tidy"] => tidy::run(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task\n\n{USAGE}"),
    }
}
