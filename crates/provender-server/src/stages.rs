//! How long the parts of a request for online features took.

use crate::trace;
use std::time::{Duration, Instant};

/// The parts of a request for online features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// From the whole body to what is asked.
    Parse,
    /// The online store.
    Store,
    /// Writing the answer.
    Encode,
}

impl Stage {
    pub(crate) const ALL: [Self; 3] = [Self::Parse, Self::Store, Self::Encode];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Store => "store",
            Self::Encode => "encode",
        }
    }
}

/// The times of one request, in the order of its stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stages {
    /// When the stage began that is not over.
    since: Instant,
    times: [Duration; Stage::ALL.len()],
}

impl Stages {
    /// The body is there.
    pub(crate) fn begin() -> Self {
        Self { since: Instant::now(), times: Default::default() }
    }

    /// It is known what is asked.
    pub(crate) fn parsed(&mut self) {
        self.over(Stage::Parse, self.since.elapsed());
    }

    /// The store has answered; it knows best how long that took.
    pub(crate) fn read(&mut self, time: Duration) {
        self.over(Stage::Store, time);
        self.since = Instant::now();
    }

    /// The answer is written.
    pub(crate) fn written(mut self) -> Self {
        self.over(Stage::Encode, self.since.elapsed());
        self
    }

    fn over(&mut self, stage: Stage, time: Duration) {
        self.times[stage as usize] = time;
        trace::stage(stage.name(), time);
    }

    pub(crate) fn time(&self, stage: Stage) -> Duration {
        self.times[stage as usize]
    }
}
