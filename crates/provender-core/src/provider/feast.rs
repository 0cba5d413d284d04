//! Values of `type:` that Feast 0.65 knows, so that an unknown one can be told from one that Provender does not have yet.
//!
//! Source: Feast's reference of stores and registries, one page a type. The ones that Provender has (`file`, `dask`, `sqlite`, `dynamodb`) are left out.

/// By section of the configuration.
const TYPES: [(&str, &[&str]); 3] = [
    ("registry", &["sql", "snowflake.registry", "remote"]),
    (
        "offline_store",
        &[
            "bigquery",
            "snowflake.offline",
            "redshift",
            "duckdb",
            "spark",
            "trino",
            "postgres",
            "athena",
            "mssql",
            "clickhouse",
            "oracle",
            "couchbase.offline",
            "ray",
            "remote",
            "hybrid",
        ],
    ),
    (
        "online_store",
        &[
            "snowflake.online",
            "datastore",
            "bigtable",
            "postgres",
            "mysql",
            "singlestore",
            "cassandra",
            "scylladb",
            "hbase",
            "hazelcast",
            "couchbase.online",
            "mongodb",
            "aerospike",
            "milvus",
            "elasticsearch",
            "qdrant",
            "remote",
            "hybrid",
        ],
    ),
];

/// Whether Feast has such a store.
pub(super) fn has(section: &str, kind: &str) -> bool {
    TYPES.iter().any(|(name, types)| *name == section && types.contains(&kind))
}
