#![doc = include_str!("../README.md")]

mod bounds;
mod deep;
mod engine;
mod errors;
mod join;
mod parse;
mod rows;
mod scan;
mod session;
mod store;
mod table;
#[cfg(test)]
mod testing;

pub use engine::Datafusion;
pub use join::{
    JoinCodec, JoinPlanner, JoinSpec, PointInTimeJoin, PointInTimeJoinExec, session_with_join, training_set,
};
pub use table::SourceTable;
