//! Ctrl-C and SIGTERM: the first asks running work to stop at a safe point, the second ends the process.

use provender::Cancel;

/// The exit code of an interrupted command, as shells expect it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Cancels on the first Ctrl-C or SIGTERM; exits on the second. Needs a running tokio runtime.
pub(crate) fn cancel_on_interrupt(cancel: Cancel) {
    tokio::spawn(async move {
        stop_requested().await;
        cancel.cancel();
        crate::output::note("stopping at a safe point; once more to stop at once");
        stop_requested().await;
        std::process::exit(i32::from(INTERRUPTED));
    });
}

/// Ends with the next Ctrl-C or SIGTERM.
pub(crate) async fn stop_requested() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}
