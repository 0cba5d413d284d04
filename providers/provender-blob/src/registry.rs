//! The registry, over a local file or an object in a bucket.

use crate::bucket::BucketRegistry;
use crate::file::{Contents, LocalFile, Stamp};
use async_trait::async_trait;
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Error, Registry, Result, Timestamp};
use provender_join::storage::{SharedObject, StorageOptions};
use provender_proto::RegistryFile;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Feast writes its registry in place: a file that was just written and makes no sense may be whole in a moment.
const REREADS: usize = 10;
const REREAD_AFTER: Duration = Duration::from_millis(20);

/// A registry in one local file, or one object of a bucket, in Feast's format.
#[derive(Debug)]
pub struct BlobRegistry(Place);

#[derive(Debug)]
enum Place {
    File(Arc<Inner>),
    Bucket(BucketRegistry),
}

#[derive(Debug)]
struct Inner {
    file: LocalFile,
    latest: Mutex<Option<Latest>>,
}

/// The file as it was read last.
#[derive(Debug)]
struct Latest {
    stamp: Stamp,
    /// Whether an equal stamp means equal bytes.
    settled: bool,
    version: Version,
    snapshot: Arc<RegistrySnapshot>,
}

impl Latest {
    fn new(contents: &Contents, snapshot: Arc<RegistrySnapshot>) -> Self {
        Self { stamp: contents.stamp, settled: contents.settled, version: version(&contents.bytes), snapshot }
    }
}

impl BlobRegistry {
    /// A registry at a path. Nothing is read or made yet; a file that is not there is an empty registry.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(Place::File(Arc::new(Inner { file: LocalFile::new(path), latest: Mutex::new(None) })))
    }

    /// A registry in a bucket, by its URL; an object that is not there is an empty registry. Where the store may be one that overlooks conditions, it is tried
    /// on an object beside it, `<name>.probe`.
    ///
    /// # Errors
    /// `Unsupported` if the store cannot replace an object only if it is unchanged, or if this build does not reach it; `Invalid` for settings that make no sense.
    pub async fn in_bucket(url: &str, options: &StorageOptions) -> Result<Self> {
        let object = SharedObject::open(url, options).await?;
        object.require_conditions().await?;
        Ok(Self(Place::Bucket(BucketRegistry::new(object))))
    }
}

/// Runs file work where it may block.
async fn blocking<T: Send + 'static>(
    inner: &Arc<Inner>,
    work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
) -> Result<T> {
    let inner = inner.clone();
    match tokio::task::spawn_blocking(move || work(&inner)).await {
        Ok(result) => result,
        Err(e) => Err(Error::internal("registry work was cut off").because(e)),
    }
}

#[async_trait]
impl Registry for BlobRegistry {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        match &self.0 {
            Place::File(inner) => blocking(inner, Inner::snapshot).await,
            Place::Bucket(bucket) => bucket.snapshot().await,
        }
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        match &self.0 {
            Place::File(inner) => {
                let (base, changes) = (base.clone(), changes.to_vec());
                blocking(inner, move |inner| inner.commit(&base, &changes)).await
            }
            Place::Bucket(bucket) => bucket.commit(base, changes).await,
        }
    }

    fn describe(&self) -> String {
        match &self.0 {
            Place::File(inner) => inner.file.path().display().to_string(),
            Place::Bucket(bucket) => bucket.url(),
        }
    }
}

impl Inner {
    fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.file.stamp()?;
        if let Some(known) = &*latest
            && known.settled
            && Some(known.stamp) == stamp
        {
            return Ok((known.version.clone(), known.snapshot.clone()));
        }
        let Some(contents) = self.file.read()? else {
            *latest = None;
            return Ok((Version::absent(), Arc::default()));
        };
        let read = match latest.take() {
            Some(known) if known.version == version(&contents.bytes) => {
                Latest::new(&contents, known.snapshot)
            }
            _ => {
                let (contents, file) = self.parse(contents)?;
                Latest::new(&contents, file.snapshot().into())
            }
        };
        let answer = (read.version.clone(), read.snapshot.clone());
        *latest = Some(read);
        Ok(answer)
    }

    fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let turn = self.file.turn()?;
        let (current, mut file) = match self.file.read()? {
            None => (Version::absent(), RegistryFile::default()),
            Some(contents) => {
                let (contents, file) = self.parse(contents)?;
                (version(&contents.bytes), file)
            }
        };
        if current != *base {
            return Err(self.at_path(changed_meanwhile()));
        }
        file.apply(changes, Timestamp::now()).map_err(|e| self.at_path(e))?;
        let bytes = file.to_bytes();
        self.file.replace(&turn, &bytes)?;
        Ok(version(&bytes))
    }

    /// Takes a file's bytes apart, or those that are there a little later.
    fn parse(&self, mut contents: Contents) -> Result<(Contents, RegistryFile)> {
        let mut attempts = 0;
        loop {
            match RegistryFile::parse(&contents.bytes) {
                Ok(file) => return Ok((contents, file)),
                Err(_) if !contents.settled && attempts < REREADS => thread::sleep(REREAD_AFTER),
                Err(e) => return Err(self.at_path(e)),
            }
            attempts += 1;
            if let Some(later) = self.file.read()? {
                contents = later;
            }
        }
    }

    fn at_path(&self, error: Error) -> Error {
        error.with("path", self.file.path().display())
    }
}

pub(crate) fn changed_meanwhile() -> Error {
    Error::conflict("the registry has changed in the meantime")
        .with("expected", "a plan that starts from its current version")
}

/// Equal for equal bytes; every write makes other bytes.
pub(crate) fn version(bytes: &[u8]) -> Version {
    let mut text = String::with_capacity(32);
    for byte in &Sha256::digest(bytes)[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    Version(text.into())
}
