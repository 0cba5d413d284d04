#![doc = include_str!("../README.md")]

mod codec;
mod convert;
mod file;
mod generated;
mod kinds;
mod reflect;
mod scope;
mod unknown;
mod wire;

pub use codec::FeastCodec;
pub use file::RegistryFile;
pub use generated::{DESCRIPTORS, feast, feature_server};
