//! Online store on Redis.

mod config;
mod connect;
mod error;

pub use config::{FeastClient, Layout, RedisConfig, RedisType, WriteMode};
