//! The registry as an object in a bucket: read when it has changed, replaced only if it has not.

use crate::registry::{changed_meanwhile, version};
use bytes::Bytes;
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Error, Kind, Result, Timestamp};
use provender_join::storage::{Contents, SharedObject, Tag};
use provender_proto::RegistryFile;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// A registry in one object.
#[derive(Debug)]
pub(crate) struct BucketRegistry {
    object: SharedObject,
    latest: Mutex<Option<Latest>>,
    /// Commits in a row that came too late.
    late: AtomicU32,
}

/// Pause after a commit that came too late, doubled with each one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Doublings at most: more than half a second would only leave the store idle.
const MAX_DOUBLINGS: u32 = 6;

/// The object as it was read or written last.
#[derive(Clone, Debug)]
struct Latest {
    tag: Tag,
    version: Version,
    bytes: Bytes,
    snapshot: Arc<RegistrySnapshot>,
}

impl BucketRegistry {
    pub(crate) fn new(object: SharedObject) -> Self {
        Self { object, latest: Mutex::default(), late: AtomicU32::new(0) }
    }

    pub(crate) fn url(&self) -> String {
        self.object.url()
    }

    pub(crate) async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        Ok(match self.read().await? {
            Some(latest) => (latest.version, latest.snapshot),
            None => (Version::absent(), Arc::default()),
        })
    }

    /// Commits. Whoever comes too late is told so after a pause: no lock makes writers of a bucket take turns, and without pauses most of their work is in vain.
    pub(crate) async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let committed = self.try_commit(base, changes).await;
        match &committed {
            Err(error) if error.kind() == Kind::Conflict => {
                let doublings = self.late.fetch_add(1, Ordering::Relaxed).min(MAX_DOUBLINGS);
                tokio::time::sleep((FIRST_PAUSE * 2_u32.pow(doublings)).mul_f64(chance())).await;
            }
            _ => self.late.store(0, Ordering::Relaxed),
        }
        committed
    }

    async fn try_commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let current = self.read().await?;
        if current.as_ref().map_or(Version::absent(), |latest| latest.version.clone()) != *base {
            return Err(self.at_url(changed_meanwhile()));
        }
        let mut file = match &current {
            Some(latest) => self.parse(&latest.bytes)?,
            None => RegistryFile::default(),
        };
        file.apply(changes, Timestamp::now()).map_err(|error| self.at_url(error))?;
        let bytes = Bytes::from(file.to_bytes());
        let replaced = self.object.replace(current.as_ref().map(|latest| &latest.tag), bytes.clone()).await?;
        let tag = replaced.ok_or_else(|| self.at_url(changed_meanwhile()))?;
        let version = version(&bytes);
        let snapshot = file.snapshot().into();
        *self.latest.lock().await = Some(Latest { tag, version: version.clone(), bytes, snapshot });
        Ok(version)
    }

    /// What is there now; the store sends nothing but "unchanged" if it is what was read last.
    async fn read(&self) -> Result<Option<Latest>> {
        // Held until the answer is there: readers that ask at the same time share it, and none goes back to an older one.
        let mut latest = self.latest.lock().await;
        match self.object.read(latest.as_ref().map(|latest| &latest.tag)).await? {
            Contents::Unchanged => {}
            Contents::Missing => *latest = None,
            Contents::Bytes(bytes, tag) => {
                let version = version(&bytes);
                *latest = Some(match latest.take() {
                    Some(known) if known.version == version => Latest { tag, ..known },
                    _ => {
                        let snapshot = self.parse(&bytes)?.snapshot().into();
                        Latest { tag, version, bytes, snapshot }
                    }
                });
            }
        }
        Ok(latest.clone())
    }

    fn parse(&self, bytes: &Bytes) -> Result<RegistryFile> {
        RegistryFile::parse(bytes).map_err(|error| self.at_url(error))
    }

    fn at_url(&self, error: Error) -> Error {
        error.with("path", self.url())
    }
}

/// A number in 0..1 that differs between processes and calls.
fn chance() -> f64 {
    f64::from(RandomState::new().hash_one(()) as u32) / (f64::from(u32::MAX) + 1.0)
}
