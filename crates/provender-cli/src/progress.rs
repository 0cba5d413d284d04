//! Progress of long work on a terminal; nothing elsewhere.

use indicatif::{
    MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle,
};
use provender::Progress;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

/// A bar a task, with rows done, rows/s and the remaining time, on stderr. Quiet when stderr is not a terminal.
pub(crate) struct Bars {
    bars: Arc<MultiProgress>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self { bars: Arc::new(MultiProgress::with_draw_target(target)) }
    }

    /// What the engine reports to.
    pub(crate) fn progress(&self) -> Progress {
        let bars = Arc::clone(&self.bars);
        let tasks: Mutex<HashMap<Arc<str>, ProgressBar>> = Mutex::default();
        Progress::new(move |event| {
            let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = tasks
                .entry(Arc::clone(&event.task))
                .or_insert_with(|| bars.add(bar(&event.task, event.total)));
            if event.total.is_some() && bar.length() != event.total {
                bar.set_length(event.total.unwrap_or_default());
            }
            bar.set_position(event.done);
        })
    }

    /// Takes the bars off the screen.
    pub(crate) fn clear(&self) {
        let _ = self.bars.clear();
    }
}

fn bar(task: &str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} [{bar:30}] {human_pos}/{human_len} rows, {rate} rows/s, {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos} rows, {rate} rows/s"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
    }
    // Else a bar is drawn once more when it is dropped, below the result.
    bar.with_message(task.to_owned()).with_finish(ProgressFinish::AndClear)
}

/// Whole rows a second.
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    let _ = out.write_str(&crate::output::count(state.per_sec() as u64));
}
