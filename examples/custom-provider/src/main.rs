//! Provender's command with one more online store.

fn main() -> std::process::ExitCode {
    provender_cli::run(provender::providers().with::<custom_provider::Folder>())
}
