//! What the allocator does with memory that was freed.
//!
//! The GNU allocator can be told only when a process starts: the command then starts anew, once. Elsewhere, and where it cannot be done, the command goes on as
//! it is, and nothing is lost but memory or time.

/// Blocks from this size on are mapped, and unmapped when they are freed.
const SMALL: &str = "65536";
/// The largest block that the allocator takes from its own memory.
const LARGEST: &str = "33554432";
/// Free memory at the end of its own from which on it is given back.
const PLENTY: &str = "67108864";

/// Has freed memory given back at once: for a process that is to stay small.
pub(crate) fn give_back() {
    begin_anew(&[
        ("MALLOC_MMAP_THRESHOLD_", SMALL),
        ("MALLOC_TRIM_THRESHOLD_", SMALL),
        ("MALLOC_ARENA_MAX", "2"),
    ]);
}

/// Has freed memory kept: to get it from the system for every page that is read takes up to a third of a join's time.
pub(crate) fn keep() {
    begin_anew(&[("MALLOC_MMAP_THRESHOLD_", LARGEST), ("MALLOC_TRIM_THRESHOLD_", PLENTY)]);
}

/// Starts the command anew with these variables, unless the allocator has been told something already.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_anew(variables: &[(&str, &str)]) {
    use std::os::unix::process::CommandExt;

    const ALL: [&str; 3] = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX"];
    if ALL.iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = std::process::Command::new(program);
    // Comes back only with an error.
    drop(command.args(std::env::args_os().skip(1)).envs(variables.iter().copied()).exec());
}

/// Other allocators do well of themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn begin_anew(_: &[(&str, &str)]) {}
