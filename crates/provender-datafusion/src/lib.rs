//! SQL for Provender.
