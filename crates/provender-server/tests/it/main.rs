//! The server from outside: requests in, answers out.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod arrow;
mod client;
mod golden;
mod golden_grpc;
mod grpc;
mod grpc_wire;
mod lifecycle;
mod limits;
mod materialize;
mod openapi;
mod recorded;
mod requests;
mod traces;
mod world;
