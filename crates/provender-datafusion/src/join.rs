//! The point-in-time join as an operator of DataFusion: a logical node, a physical one, what turns the first into the second, and how both are sent to other processes.
//!
//! The operator hands entity rows to an offline store and sets the features that it answers beside them: the join itself is the store's, provender-join for files.

mod build;
mod codec;
mod exec;
mod message;
mod node;
mod planner;
#[cfg(test)]
mod tests;

pub use build::training_set;
pub use codec::JoinCodec;
pub use exec::PointInTimeJoinExec;
pub use message::JoinSpec;
pub use node::PointInTimeJoin;
pub use planner::{JoinPlanner, session_with_join};
