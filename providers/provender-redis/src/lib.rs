#![doc = include_str!("../README.md")]

mod config;
mod connect;
mod error;
mod lane;
mod layout;
mod link;
mod maintain;
mod read;
mod reconcile;
mod resp;
mod schemas;
mod state;
mod store;
mod walk;
mod write;

pub use config::{FeastClient, Layout, RedisConfig, RedisType, WriteMode};
pub use layout::packed;
pub use store::Redis;
