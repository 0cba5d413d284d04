#![doc = include_str!("../README.md")]

mod batch;
mod client;
mod config;
mod error;
mod layout;
mod murmur3;
mod names;
mod newest;
mod overwrite;
mod read;
mod reconcile;
mod retry;
mod store;
mod tags;
mod write;

pub use config::{DynamodbConfig, RetryMode, WriteMode};
pub use store::Dynamodb;
