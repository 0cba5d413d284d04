//! The vocabulary of Provender, shared by every other crate: the domain model, value types and their wire form, entity keys, the error type,
//! configuration, the three store traits and the table of providers. No network, no disk, no runtime, no SQL engine.

pub mod config;
mod context;
mod dtype;
mod entity_key;
mod error;
pub mod memory;
pub mod model;
mod nearest;
pub mod offline;
pub mod online;
mod provider;
pub mod registry;
pub mod sql;
mod time;
pub mod value;
mod value_type;

pub use context::{Cancel, Progress, ProgressEvent, RequestContext};
pub use dtype::Dtype;
pub use entity_key::{EncodedKeys, EntityKeyEncoder, EntityKeys, KeyValue, decode_entity_key};
pub use error::{Error, Kind, Result};
pub use nearest::nearest;
pub use offline::{BatchStream, OfflineStore, RetrievalJob};
pub use online::OnlineStore;
pub use provider::{OpenContext, Provider, Providers, StoreKind};
pub use registry::Registry;
pub use sql::SqlEngine;
pub use time::{SECOND, Timestamp};
pub use value_type::{ValueType, timestamp_type};
