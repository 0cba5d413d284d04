//! Online store on Redis.

mod config;
mod connect;
mod error;
mod layout;
mod link;
mod read;
mod resp;

pub use config::{FeastClient, Layout, RedisConfig, RedisType, WriteMode};
pub use layout::packed;
