//! The bytes in Redis: keys, fields and values, of Feast's layout and of the packed one.
//!
//! Feast keeps one hash for an entity and project: a field a feature with its value, and a field a view with the event time. See "Redis" in Feast's
//! interoperability notes (`docs/`). Provender adds a field a view with the created time, or, packed, keeps one field a view with everything.

pub(crate) mod key;
mod murmur3;
pub(crate) mod names;
pub mod packed;
pub(crate) mod schema;
pub(crate) mod time;
mod varint;
