//! The command line that these tests run: the stock providers.

fn main() -> std::process::ExitCode {
    provender_cli::run(provender::providers())
}
