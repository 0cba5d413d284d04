//! Feature values as bytes: `feast.types.Value`.

mod canonical;
mod misfit;
mod number;
mod wire;

pub(crate) use canonical::canonical;
