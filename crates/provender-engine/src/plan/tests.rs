//! Plan and apply over the stores in memory.

mod apply;
mod diff;
mod faults;
mod problems;
mod repo;
