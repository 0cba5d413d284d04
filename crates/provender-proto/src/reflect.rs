//! The messages' descriptors at run time: which fields are known, and JSON.

use crate::DESCRIPTORS;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use provender_core::{Error, Result};
use serde_json::Value;
use std::sync::LazyLock;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS).expect("the embedded descriptors were generated together")
});

/// The descriptor of a message of this crate.
pub(crate) fn descriptor(full_name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(full_name).expect("callers name messages of the embedded descriptors")
}

/// A message's bytes as protobuf JSON: camelCase names, enum names, defaults left out, unknown fields not shown.
///
/// # Errors
/// `Internal` if the bytes are not such a message.
pub(crate) fn to_json(full_name: &'static str, bytes: &[u8]) -> Result<Value> {
    let damaged = || Error::internal("cannot show a damaged registry object as JSON").with("type", full_name);
    let message = DynamicMessage::decode(descriptor(full_name), bytes).map_err(|e| damaged().because(e))?;
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|e| damaged().because(e))
}
