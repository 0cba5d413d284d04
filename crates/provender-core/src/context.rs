//! What travels with every request: deadline, caller, trace, cancellation and progress.

use crate::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Travels with every verb of the engine down to the store.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// When the answer is of no use any more; `None` for the command line.
    pub deadline: Option<Instant>,
    /// Who asks; what permissions are checked against.
    pub caller: Arc<str>,
    /// Identifier for logs and traces, if the caller gave one.
    pub trace: Option<Arc<str>>,
    /// Set by whoever wants the work to stop.
    pub cancel: Cancel,
    /// Told how far long work has come.
    pub progress: Progress,
}

impl RequestContext {
    /// The local user without a deadline, as the command line runs.
    #[must_use]
    pub fn local() -> Self {
        let caller = std::env::var("USER").unwrap_or_else(|_| "local".to_owned());
        Self {
            deadline: None,
            caller: caller.into(),
            trace: None,
            cancel: Cancel::default(),
            progress: Progress::default(),
        }
    }

    /// The same with a deadline.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Fails when the work was cancelled or its deadline has passed; long loops call it often.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()?;
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => {
                Err(Error::unavailable("the deadline has passed"))
            }
            _ => Ok(()),
        }
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::local()
    }
}

/// A flag that asks running work to stop at its next safe point.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails once somebody asked.
    ///
    /// # Errors
    /// `Unavailable`, with the message "interrupted".
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::unavailable("interrupted")) } else { Ok(()) }
    }

    /// The flag itself, for code that knows no [`RequestContext`].
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// How far long work has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressEvent {
    /// What is being done to what, such as `scan driver_stats`.
    pub task: Arc<str>,
    /// Rows done.
    pub done: u64,
    /// Rows in all, where known.
    pub total: Option<u64>,
}

/// Receives [`ProgressEvent`]s; the default drops them. Called from any thread, and must be quick.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(ProgressEvent) + Send + Sync>>);

impl Progress {
    /// Calls `f` with every event.
    pub fn new(f: impl Fn(ProgressEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(f)))
    }

    /// Reports that `done` of `total` rows of a task are done.
    pub fn report(&self, task: &Arc<str>, done: u64, total: Option<u64>) {
        if let Some(f) = &self.0 {
            f(ProgressEvent { task: Arc::clone(task), done, total });
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(on)" } else { "Progress(off)" })
    }
}
