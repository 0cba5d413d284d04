//! The stock `provender` command: every provider of this build's features.

fn main() -> std::process::ExitCode {
    provender_cli::run(provender::providers())
}
