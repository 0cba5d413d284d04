//! The provender command
