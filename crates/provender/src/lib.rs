#![doc = include_str!("../README.md")]

mod entity_sql;

pub use entity_sql::entity_sql;
pub use provender_core::{
    BatchStream, Cancel, EntityKeys, Error, Kind, OfflineStore, OnlineStore, OpenContext, Progress,
    ProgressEvent, Provider, Providers, Registry, RequestContext, Result, SECOND, SqlEngine, Timestamp,
    ValueType, config, model, offline, online, registry, sql, value,
};
pub use provender_engine as engine;
pub use provender_engine::{Definitions, FeatureStore, Features, HistoricalQuery, build};
pub use provender_join::{frame, storage, version_of};
pub use provender_proto::FeastCodec;

/// One row a provider: `with::<P>()` when its feature is on, a note for the error message when it is off.
macro_rules! table {
    ($($feature:literal $($kind:literal)|+ $store:ident $provider:path;)*) => {{
        let providers = Providers::default();
        $(
            #[cfg(feature = $feature)]
            let providers = providers.with::<$provider>();
            #[cfg(not(feature = $feature))]
            let providers = providers$(.left_out::<dyn $store>($kind, $feature))+;
        )*
        providers
    }};
}

/// Every provider that this build's Cargo features bring. Add your own with [`Providers::with`].
#[must_use]
pub fn providers() -> Providers {
    let providers = table! {
        "file"   "file"   OfflineStore provender_file::File;
        "delta"  "delta"  OfflineStore provender_delta::Delta;
        "sqlite" "sqlite" OnlineStore  provender_sqlite::Sqlite;
        "redis" "redis" | "valkey" | "dragonfly" OnlineStore provender_redis::Redis;
        "dynamodb" "dynamodb" OnlineStore provender_dynamodb::Dynamodb;
        "blob"   "file"   Registry     provender_blob::Blob;
        "sql" "datafusion" SqlEngine provender_datafusion::Datafusion;
    };
    // A file source may be a Delta table, and one repository have both, whichever of the two stores it picks.
    if !cfg!(all(feature = "delta", feature = "file")) {
        return providers;
    }
    ["file", "dask", "duckdb"]
        .into_iter()
        .fold(providers.beside("delta", "file"), |providers, kind| providers.beside(kind, "delta"))
}
