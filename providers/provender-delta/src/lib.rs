#![doc = include_str!("../README.md")]

mod error;
mod place;
mod store;
mod table;
mod travel;
mod write;

pub use provender_join::storage::StorageOptions;
pub use store::DeltaStore;
