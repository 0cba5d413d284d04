//! Buckets that tests may use, where `cargo xtask services` runs.

use provender_blob::StorageOptions;

/// A bucket and how it is reached.
pub(crate) struct Bucket {
    root: &'static str,
    pub(crate) options: StorageOptions,
}

impl Bucket {
    pub(crate) fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.root)
    }
}

/// MinIO.
pub(crate) fn s3() -> Option<Bucket> {
    let options = StorageOptions::default()
        .with("aws_endpoint", std::env::var("PROVENDER_TEST_S3").ok()?)
        .with("aws_access_key_id", "minioadmin")
        .with("aws_secret_access_key", "minioadmin");
    Some(Bucket { root: "s3://provender", options })
}

/// Azurite, with the account and key that every Azurite has.
pub(crate) fn azure() -> Option<Bucket> {
    const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    let url = std::env::var("PROVENDER_TEST_AZURE").ok()?;
    let options = StorageOptions::default()
        .with("azure_storage_account_name", "devstoreaccount1")
        .with("azure_storage_account_key", KEY)
        .with("azure_storage_endpoint", format!("{url}/devstoreaccount1"));
    Some(Bucket { root: "az://provender", options })
}

/// The server of GCS' XML interface.
pub(crate) fn gcs() -> Option<Bucket> {
    let options = StorageOptions::default()
        .with("google_base_url", std::env::var("PROVENDER_TEST_GCS").ok()?)
        .with("google_skip_signature", "true");
    Some(Bucket { root: "gs://provender", options })
}
