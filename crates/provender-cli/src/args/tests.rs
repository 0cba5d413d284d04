use super::Cli;
use clap::CommandFactory;
use std::fmt::Write;

/// docs/reference/commands.md, from the help texts; `cargo xtask docs` writes it.
#[test]
fn reference_is_up_to_date() {
    let mut command = Cli::command().term_width(110);
    command.build();
    let mut text = "# Commands\n\nWritten by `cargo xtask docs` from the command's own help.\n".to_owned();
    write!(text, "\n```text\n{}\n```\n", command.render_long_help().to_string().trim_end()).unwrap();
    for sub in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
        let help = sub.render_long_help().to_string();
        write!(text, "\n## {}\n\n```text\n{}\n```\n", sub.get_name(), help.trim_end()).unwrap();
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    expect_test::expect_file!["../../../../docs/reference/commands.md"].assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn the_command_tree_is_consistent() {
    Cli::command().debug_assert();
}
