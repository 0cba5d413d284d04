//! Feature values as bytes: `feast.types.Value`, which every online layout of Feast stores and from which the server writes JSON.
//!
//! The message is a oneof whose field numbers are those of [`ValueType`](crate::ValueType); no field at all, so empty bytes, is null.
//! The codec is written by hand because it runs once a value: a column is encoded without looking at single types, and a value is read without copying it.

mod canonical;
mod decode;
mod encode;
mod from_json;
mod json;
mod key;
mod misfit;
mod number;
mod read;
pub mod wire;

pub use decode::decode;
pub use encode::{check, encode};
pub use from_json::{IntegerTime, json_column};
pub use json::{NonFinite, to_text, write_json, write_json_item, write_json_string};
pub use key::put_key;
pub use read::{ItemsRef, MapRef, ScalarMapRef, ValueRef, read};

pub(crate) use canonical::canonical;
