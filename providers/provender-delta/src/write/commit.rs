//! Adds a version to a table's log: each is a file that is made only if it is not there, so that of all who try one wins.

use crate::error::{Doing, failed};
use crate::place::TablePlace;
use bytes::Bytes;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use provender_core::{RequestContext, Result, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a commit does, for the table's history.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// `Append`, `Overwrite` or `ErrorIfExists`.
    pub(crate) mode: &'static str,
    /// The partition columns.
    pub(crate) partition_by: Vec<String>,
    /// Files and bytes and rows that are added.
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
}

/// The outcome of trying to write one version.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The version is ours.
    Won,
    /// Somebody else wrote it; these are its bytes.
    Lost(Bytes),
}

impl Operation {
    /// The first action of a commit, and the actions, as the lines of its file.
    ///
    /// The identifier makes the bytes of every commit its own: by them a commit whose answer was lost is known again.
    pub(crate) fn lines(&self, read_version: Option<u64>, actions: &[Value]) -> Bytes {
        let partition_by = json!(self.partition_by).to_string();
        let info = json!({ "commitInfo": {
            "timestamp": Timestamp::now().0 / 1_000,
            "operation": "WRITE",
            "operationParameters": { "mode": self.mode, "partitionBy": partition_by },
            "operationMetrics": {
                "numFiles": self.files.to_string(),
                "numOutputRows": self.rows.to_string(),
                "numOutputBytes": self.bytes.to_string(),
            },
            "readVersion": read_version,
            "isolationLevel": "Serializable",
            "isBlindAppend": self.mode == "Append",
            "engineInfo": concat!("Provender/", env!("CARGO_PKG_VERSION")),
            "txnId": Uuid::new_v4().to_string(),
        }});
        let lines: Vec<String> = std::iter::once(&info).chain(actions).map(Value::to_string).collect();
        lines.join("\n").into()
    }
}

/// Tries to write a version. A request whose answer was lost counts by its effect: what is there is compared with what was sent.
///
/// # Errors
/// `Denied`, `Unavailable`, or `Unsupported` where the store makes no conditional puts.
pub(crate) async fn attempt(
    log_store: &LogStoreRef,
    place: &TablePlace,
    version: u64,
    lines: &Bytes,
) -> Result<Attempt> {
    let put = log_store.write_commit_entry(version, CommitOrBytes::LogBytes(lines.clone()), Uuid::new_v4());
    let Err(error) = put.await else { return Ok(Attempt::Won) };
    let there = log_store.read_commit_entry(version).await;
    match there {
        Ok(Some(there)) if there == *lines => Ok(Attempt::Won),
        Ok(Some(there)) => Ok(Attempt::Lost(there)),
        Ok(None) | Err(_) => Err(told(error, place)),
    }
}

fn told(error: TransactionError, place: &TablePlace) -> provender_core::Error {
    failed(&DeltaTableError::from(error), Doing::Commit, &place.path)
}

/// Whether a commit changed what a table is: its schema, its settings or what it asks of writers.
pub(crate) fn changes_table(lines: &[u8]) -> bool {
    let text = String::from_utf8_lossy(lines);
    text.lines().any(|line| {
        let action: Option<serde_json::Map<String, Value>> = serde_json::from_str(line).ok();
        action.is_none_or(|action| action.contains_key("metaData") || action.contains_key("protocol"))
    })
}

/// Commits actions that hold whatever files others add or remove meanwhile, as the next version that is free.
///
/// `Ok(None)` if another commit changed what the table is: the caller has to look again.
///
/// # Errors
/// Those of [`attempt`]; `Unavailable` if the request was cancelled.
pub(crate) async fn append(
    log_store: &LogStoreRef,
    place: &TablePlace,
    read_version: u64,
    lines: &Bytes,
    context: &RequestContext,
) -> Result<Option<u64>> {
    let mut version = read_version + 1;
    loop {
        context.check()?;
        match attempt(log_store, place, version, lines).await? {
            Attempt::Won => return Ok(Some(version)),
            Attempt::Lost(theirs) if changes_table(&theirs) => return Ok(None),
            Attempt::Lost(_) => version += 1,
        }
    }
}

/// Writes a checkpoint if a version is due for one. The version stands whether that succeeds or not, so a failure is only logged.
pub(crate) async fn checkpoint(log_store: &LogStoreRef, place: &TablePlace, version: u64, interval: u64) {
    if interval == 0 || version == 0 || !version.is_multiple_of(interval) {
        return;
    }
    let made = async {
        let mut table = deltalake_core::DeltaTable::new(log_store.clone());
        table.load_version(version).await?;
        deltalake_core::checkpoints::create_checkpoint(&table, None).await
    };
    if let Err(error) = Box::pin(made).await {
        tracing::warn!(table = place.path, version, %error, "the table's checkpoint was not written");
    }
}

#[cfg(test)]
mod tests;
