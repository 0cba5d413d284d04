//! URLs of objects: which cloud, which bucket, which key.

use provender_core::{Error, Result};

/// The three kinds of object stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cloud {
    S3,
    Gcs,
    Azure,
}

impl Cloud {
    /// The Cargo feature that brings it.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
        }
    }
}

/// Where an object is, or the objects whose keys begin in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) cloud: Cloud,
    /// The URL up to and with the slash before the key.
    pub(crate) root: String,
    /// Bucket, or container.
    pub(crate) bucket: String,
    /// Azure's storage account, where the URL names it.
    pub(crate) account: Option<String>,
    /// The key as it is stored: nothing in it is escaped. No slash at either end.
    pub(crate) key: String,
}

/// Endings of the host names of Azure's storage accounts.
const AZURE_HOSTS: [&str; 2] = [".dfs.core.windows.net", ".blob.core.windows.net"];

impl Location {
    /// Takes a URL apart: `s3://`, `s3a://`, `gs://`, `az://CONTAINER/KEY`, `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY` and
    /// `https://ACCOUNT.blob.core.windows.net/CONTAINER/KEY`; `abfs` and `azure` as Azure's too.
    ///
    /// # Errors
    /// `Unsupported` for another scheme, `Invalid` without a bucket.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        let cloud = match scheme {
            "s3" | "s3a" => Cloud::S3,
            "gs" => Cloud::Gcs,
            "az" | "azure" | "abfs" | "abfss" => Cloud::Azure,
            "https" if azure_account(authority).is_some() => return Self::of_account(url, authority, key),
            _ => {
                return Err(Error::unsupported("no files are read from such URLs")
                    .with("path", url)
                    .with("scheme", scheme)
                    .with("expected", "a path, file://, s3://, gs://, az:// or abfss://"));
            }
        };
        let (bucket, account) = match authority.split_once('@') {
            Some((container, host)) if cloud == Cloud::Azure => match azure_account(host) {
                Some(account) => (container, Some(account.to_owned())),
                None => return Err(no_bucket(url)),
            },
            _ => (authority, None),
        };
        let root = format!("{scheme}://{authority}/");
        Self { cloud, root, bucket: bucket.to_owned(), account, key: trimmed(key) }.checked(url)
    }

    fn of_account(url: &str, host: &str, path: &str) -> Result<Self> {
        let (container, key) = path.split_once('/').unwrap_or((path, ""));
        let root = format!("https://{host}/{container}/");
        let account = azure_account(host).map(str::to_owned);
        let bucket = container.to_owned();
        Self { cloud: Cloud::Azure, root, bucket, account, key: trimmed(key) }.checked(url)
    }

    fn checked(self, url: &str) -> Result<Self> {
        if self.bucket.is_empty() || self.bucket.contains(['*', '?', '[', '{']) {
            return Err(no_bucket(url));
        }
        Ok(self)
    }

    /// The URL of a key in the same bucket.
    pub(crate) fn url_of(&self, key: &str) -> String {
        format!("{}{key}", self.root)
    }

    /// The URL as a whole.
    pub(crate) fn url(&self) -> String {
        self.url_of(&self.key)
    }
}

fn trimmed(key: &str) -> String {
    key.trim_matches('/').to_owned()
}

fn azure_account(host: &str) -> Option<&str> {
    AZURE_HOSTS.iter().find_map(|ending| host.strip_suffix(ending))
}

fn no_bucket(url: &str) -> Error {
    Error::invalid("the URL names no bucket")
        .with("path", url)
        .with("expected", "s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY")
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::Kind;

    fn parts(url: &str) -> (Cloud, String, Option<String>, String) {
        let location = Location::parse(url).unwrap();
        (location.cloud, location.bucket, location.account, location.key)
    }

    #[test]
    fn urls_are_taken_apart_without_unescaping_keys() {
        let s3 = |key: &str| (Cloud::S3, "b".to_owned(), None, key.to_owned());
        assert_eq!(parts("s3://b/a/b c%20d.parquet"), s3("a/b c%20d.parquet"));
        assert_eq!(parts("s3a://b/folder/"), s3("folder"));
        assert_eq!(parts("s3://b"), s3(""));
        assert_eq!(parts("gs://b/k"), (Cloud::Gcs, "b".to_owned(), None, "k".to_owned()));
        let azure = |account: Option<&str>| {
            (Cloud::Azure, "c".to_owned(), account.map(str::to_owned), "d/k".to_owned())
        };
        assert_eq!(parts("az://c/d/k"), azure(None));
        assert_eq!(parts("abfss://c@me.dfs.core.windows.net/d/k"), azure(Some("me")));
        assert_eq!(parts("https://me.blob.core.windows.net/c/d/k"), azure(Some("me")));
        let found = Location::parse("abfss://c@me.dfs.core.windows.net/d/k").unwrap();
        assert_eq!(found.url_of("x"), "abfss://c@me.dfs.core.windows.net/x");
    }

    #[test]
    fn urls_without_a_bucket_and_of_other_schemes_say_so() {
        let kind = |url: &str| Location::parse(url).unwrap_err().kind();
        assert_eq!(kind("s3:///key"), Kind::Invalid);
        assert_eq!(kind("s3://*/key"), Kind::Invalid);
        assert_eq!(kind("abfss://c@elsewhere.com/key"), Kind::Invalid);
        assert_eq!(kind("hdfs://host/key"), Kind::Unsupported);
        assert_eq!(kind("https://example.com/x.parquet"), Kind::Unsupported);
    }
}
