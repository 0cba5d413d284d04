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

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::RequestContext;
    use provender_core::model::MaterializationInterval;

    const DAY: i64 = 24 * 3600 * SECOND;
    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn since(end: i64) -> MaterializeRequest {
        MaterializeRequest {
            window: Window::Since { end: Timestamp(end) },
            views: None,
            disable_event_timestamp: false,
            context: RequestContext::local(),
        }
    }

    fn start(view: &FeatureView) -> i64 {
        Span::of(&since(NOW.0), view, NOW).start.0
    }

    #[test]
    fn the_first_incremental_run_reaches_back_the_ttl_or_52_weeks() {
        let with_ttl = |ttl| FeatureView { ttl, ..FeatureView::default() };
        assert_eq!(start(&with_ttl(Some(DAY))), 999 * DAY);
        assert_eq!(start(&with_ttl(Some(0))), (1_000 - 364) * DAY);
        assert_eq!(start(&with_ttl(None)), (1_000 - 364) * DAY);
    }

    #[test]
    fn later_runs_resume_at_the_largest_end_whatever_the_order_of_intervals() {
        let interval = |end| MaterializationInterval { start: Timestamp(0), end: Timestamp(end) };
        let view = FeatureView {
            materialization_intervals: vec![interval(500), interval(900), interval(100)],
            ..FeatureView::default()
        };
        assert_eq!(start(&view), 900);
        assert!(Span::of(&since(899), &view, NOW).is_inverted());
        assert!(!Span::of(&since(900), &view, NOW).is_inverted());
    }

    #[test]
    fn without_event_timestamps_everything_until_now_is_taken() {
        let request = MaterializeRequest { disable_event_timestamp: true, ..since(5) };
        let span = Span::of(&request, &FeatureView::default(), NOW);
        assert_eq!(span, Span { start: Timestamp(0), end: NOW });
    }
}
