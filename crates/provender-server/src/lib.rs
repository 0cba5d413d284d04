#![doc = include_str!("../README.md")]

mod answers;
mod app;
mod body;
mod config;
mod endpoints;
mod failure;
mod fields;
mod frame;
mod grpc;
mod guard;
mod jobs;
mod metrics;
mod patience;
mod server;

pub use app::router;
pub use config::{Limits, ServerConfig};
pub use server::{Server, serve};
