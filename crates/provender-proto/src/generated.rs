//! What `cargo xtask codegen` makes of `proto/`: one module a protobuf package, and the descriptors.

/// The serialized `FileDescriptorSet` of every message in [`feast`] and [`feature_server`] and of their services, for reflection and JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.binpb");

/// Feast's messages. Generated; field by field as in the .proto files.
#[allow(missing_docs, clippy::all)]
pub mod feast {
    /// Registry objects.
    pub mod core {
        include!("generated/feast.core.rs");
    }
    /// Requests and answers of the feature server.
    pub mod serving {
        include!("generated/feast.serving.rs");
    }
    /// Values and their types.
    pub mod types {
        include!("generated/feast.types.rs");
    }
}

/// Messages of Feast's `GrpcFeatureServer`, a service without a package. Generated.
#[allow(missing_docs, clippy::all)]
pub mod feature_server {
    use super::feast;
    include!("generated/_.rs");
}
