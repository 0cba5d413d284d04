//! A table at one version.

use crate::error::{Doing, failed, is_gap};
use crate::place::TablePlace;
use crate::travel::At;
use delta_kernel::history_manager::{HistoryCommitType, latest_version_as_of};
use deltalake_core::kernel::Snapshot;
use deltalake_core::logstore::LogStoreRef;
use provender_core::{Error, Kind, Result, Timestamp};
use std::sync::Arc;

/// A table at one version, whose log up to there has been read; the files of the version have not been listed yet.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) place: TablePlace,
    pub(crate) log_store: LogStoreRef,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("path", &self.place.path).field("version", &self.version()).finish()
    }
}

impl Table {
    /// Reads the log. Must run inside [`provender_join::storage::run`].
    ///
    /// # Errors
    /// `NotFound` if there is no table or no such version; `Unsupported` naming the feature of Delta that is not read; `Invalid` for a log that is damaged or has a
    /// gap; `Denied` or `Unavailable` as the place says.
    pub(crate) async fn open(place: &TablePlace, at: At) -> Result<Self> {
        let log_store = place.log_store().await?;
        let snapshot = match at {
            At::Newest => snapshot(&log_store, None, place).await?,
            At::Version(version) => match snapshot(&log_store, Some(version), place).await {
                Ok(snapshot) => snapshot,
                Err(error) => return Err(no_version(error, &log_store, version, place).await),
            },
            At::Time(time) => {
                let newest = snapshot(&log_store, None, place).await?;
                let version = version_at(&newest, &log_store, time, place).await?;
                if version == newest.version() {
                    newest
                } else {
                    snapshot(&log_store, Some(version), place).await?
                }
            }
        };
        Ok(Self { place: place.clone(), log_store, snapshot: Arc::new(snapshot) })
    }

    pub(crate) fn version(&self) -> u64 {
        self.snapshot.version()
    }
}

/// Listings of a log before a gap in it counts as one.
const LISTINGS: usize = 4;

async fn snapshot(log_store: &LogStoreRef, version: Option<u64>, place: &TablePlace) -> Result<Snapshot> {
    let mut listings = 0;
    loop {
        listings += 1;
        let error = match Snapshot::try_new(log_store.as_ref(), version).await {
            Ok(snapshot) => return Ok(snapshot),
            // A folder on disk is not listed in one moment: beside writers the last commit may show and the one before it not.
            Err(error) if is_gap(&error) && listings < LISTINGS => continue,
            Err(error) => failed(&error, Doing::Open, &place.path),
        };
        return Err(version.into_iter().fold(error, |error, version| error.with("version", version)));
    }
}

/// Tells a version that was never written, or is gone, from a log that is damaged.
async fn no_version(error: Error, log_store: &LogStoreRef, version: u64, place: &TablePlace) -> Error {
    if error.kind() != Kind::Invalid && error.kind() != Kind::NotFound {
        return error;
    }
    match snapshot(log_store, None, place).await {
        Ok(newest) if newest.version() < version => Error::not_found("the table has no such version")
            .with("table", &place.path)
            .with("version", version)
            .with("expected", format!("at most {}", newest.version())),
        Ok(_) => Error::not_found("the table's log no longer tells what was in the version")
            .with("table", &place.path)
            .with("version", version)
            .with("expected", "a version whose commits, or a checkpoint before it, are still in _delta_log")
            .because(error),
        Err(_) => error,
    }
}

/// The newest version that was committed by an instant, as the commits' own times say, or else those of their files.
async fn version_at(
    newest: &Snapshot,
    log_store: &LogStoreRef,
    time: Timestamp,
    place: &TablePlace,
) -> Result<u64> {
    let scan = newest.scan_builder().build().map_err(|e| failed(&e, Doing::Open, &place.path))?;
    let (kernel, engine) = (Arc::clone(scan.snapshot()), log_store.engine(None));
    let milliseconds = time.0.div_euclid(1000);
    let find =
        move || latest_version_as_of(&kernel, engine.as_ref(), milliseconds, HistoryCommitType::Recreatable);
    let found = tokio::task::spawn_blocking(find)
        .await
        .map_err(|e| Error::internal("a thread that reads a table's log failed").because(e))?;
    found.map(|commit| commit.version).map_err(|error| {
        let error = failed(&error.into(), Doing::Open, &place.path);
        if error.kind() != Kind::Invalid {
            return error;
        }
        Error::not_found("the table's log does not reach back to the instant")
            .with("table", &place.path)
            .with("delta_timestamp", time)
            .with("expected", "an instant after the oldest version that the log can still rebuild")
            .because(error)
    })
}
