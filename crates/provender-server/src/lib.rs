#![doc = include_str!("../README.md")]

mod answers;
mod app;
mod body;
mod config;
mod connection;
mod dispatch;
mod endpoints;
mod failure;
mod fields;
mod frame;
mod grpc;
mod guard;
mod jobs;
mod metrics;
mod patience;
mod pieces;
mod server;
mod stages;
mod trace;
mod workers;

pub use app::router;
pub use config::{Limits, ServerConfig};
pub use server::{Server, serve};

/// Entry points for fuzzing; no part of the interface.
#[doc(hidden)]
pub mod fuzzing {
    /// Reads the body of a request for online features, in both ways that the server has for it.
    ///
    /// # Panics
    /// If they disagree.
    pub fn online_body(body: &[u8]) {
        crate::endpoints::online::read_in_both_ways(body, 1_000);
    }
}
pub use trace::{RequestTrace, TraceSink, TracedCall, TracedStage};
