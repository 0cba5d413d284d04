#![doc = include_str!("../README.md")]

mod bounds;
mod engine;
mod errors;
mod parse;
mod rows;
mod scan;
mod session;
mod store;
mod table;

pub use engine::Datafusion;
pub use table::SourceTable;
