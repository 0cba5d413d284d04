//! The in-process join of Provender: point-in-time joins and latest rows per key over Parquet and CSV files and tables of such, without a query engine.
//!
//! A join groups the entity rows by key, scans the keys and times of the feature rows once, in parallel and in any order, and then reads the feature
//! columns of the winners alone. Memory is that of the entity rows and the winners, never of the feature rows. All calls block; threads are plain threads.

mod ahead;
mod changes;
mod columns;
mod conform;
mod csv_file;
mod explain;
pub mod frame;
mod gather;
mod groups;
mod historical;
mod instants;
mod keys;
mod listing;
pub mod offline;
mod parquet_file;
mod prune;
mod reader;
mod scan;
mod slots;
mod source;
mod spill;
mod spine;
pub mod storage;
pub mod table;
mod threads;
mod versions;
mod window;
mod winners;

pub use historical::{HistoricalJoin, JoinOptions, Joined};
pub use source::{Format, Source, SourceSpec};
pub use versions::{version_of, versions};
pub use window::{Latest, Range, Window};
