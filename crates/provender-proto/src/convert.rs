//! Between core's model and Feast's messages.
//!
//! `decode` functions read a message into the model. `edit` functions write the model over a message: they leave alone
//! what the model does not carry, and what already says the same in other words.

pub(crate) mod field;
pub(crate) mod named;
pub(crate) mod on_demand;
pub(crate) mod other;
pub(crate) mod projection;
pub(crate) mod service;
pub(crate) mod source;
pub(crate) mod time;
pub(crate) mod version;
pub(crate) mod view;
