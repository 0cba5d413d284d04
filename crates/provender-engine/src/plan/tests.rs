//! Plan and apply over the stores in memory.

mod repo;

mod apply;
