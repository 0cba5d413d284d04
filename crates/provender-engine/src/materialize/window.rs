//! Which rows a view's materialization takes.

use super::{MaterializeRequest, Window};
use provender_core::model::FeatureView;
use provender_core::{SECOND, Timestamp};

/// 52 weeks in microseconds: how far back the first incremental run of a view without ttl goes.
const FIRST_REACH: i64 = 52 * 7 * 24 * 3600 * SECOND;

/// The window of one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Span {
    /// The window of a view in a run that began at `now`.
    pub(super) fn of(request: &MaterializeRequest, view: &FeatureView, now: Timestamp) -> Self {
        match request.window {
            _ if request.disable_event_timestamp => Self { start: Timestamp(0), end: now },
            Window::Between { start, end } => Self { start, end },
            Window::Since { end } => Self { start: resume(view, now), end },
        }
    }

    /// Whether nothing can be in it. For an incremental run that is the case when an earlier run went further. Feast runs it all the same and records the inverted
    /// interval, so that its next run starts too early; Provender does neither.
    pub(super) fn is_inverted(self) -> bool {
        self.start > self.end
    }
}

/// Where the view's last materialization ended. Windows are inclusive, so the boundary instant is taken twice, which newest-wins makes harmless.
fn resume(view: &FeatureView, now: Timestamp) -> Timestamp {
    let last = view.materialization_intervals.iter().map(|interval| interval.end).max();
    let reach = view.limited_ttl().unwrap_or(FIRST_REACH);
    last.unwrap_or(Timestamp(now.0.saturating_sub(reach)))
}
