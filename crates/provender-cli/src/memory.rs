//! Keeps the process small where the user set a limit.

/// Starts the command anew with an allocator that gives memory back, if this is not so yet: the GNU allocator keeps what was freed for later unless it is told
/// otherwise when a process starts. Elsewhere, and if it cannot be done, the command goes on as it is.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn give_back() {
    use std::os::unix::process::CommandExt;

    /// Blocks from this size on are mapped, and unmapped when they are freed.
    const THRESHOLD: &str = "65536";
    const VARIABLES: [(&str, &str); 3] = [
        ("MALLOC_MMAP_THRESHOLD_", THRESHOLD),
        ("MALLOC_TRIM_THRESHOLD_", THRESHOLD),
        ("MALLOC_ARENA_MAX", "2"),
    ];
    if VARIABLES.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Comes back only with an error, and then nothing is lost but memory.
    drop(std::process::Command::new(program).args(std::env::args_os().skip(1)).envs(VARIABLES).exec());
}

/// Elsewhere the allocator gives memory back by itself.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}
