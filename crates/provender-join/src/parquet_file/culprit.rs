//! Damaged files: which column it is, and what the decoder itself does not notice.

use super::ParquetFile;
use crate::reader::Pick;
use crate::storage::ReadAt;
use arrow_array::RecordBatch;
use provender_core::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl ParquetFile {
    /// The name of the first of some top-level columns of a row group that cannot be decoded; each is read alone, since the decoder does not say which it is.
    pub(crate) fn culprit(&self, file: &Arc<dyn ReadAt>, row_group: usize, roots: &[usize]) -> Option<&str> {
        let is_damaged = |root: &usize| {
            let batches = self.read(Arc::clone(file), row_group, std::slice::from_ref(root), Pick::All);
            batches.and_then(|mut batches| batches.try_for_each(|batch| batch.map(drop))).is_err()
        };
        roots.iter().copied().find(is_damaged).map(|root| self.schema().field(root).name().as_str())
    }
}

/// The batches that `next` decodes, up to the first error. They must have so many rows in all: a page whose header has lost some of its values goes unnoticed otherwise.
pub(super) fn checked(
    mut next: impl FnMut() -> Option<Result<RecordBatch>> + Send,
    mut rows: u64,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let batch = guarded(|| next().transpose()).and_then(|batch| {
            let counted = batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
            rows = rows
                .checked_sub(counted)
                .filter(|left| *left == 0 || batch.is_some())
                .ok_or_else(miscounted)?;
            Ok(batch)
        });
        is_over = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    })
}

fn miscounted() -> Error {
    Error::invalid("not a readable Parquet file").because("a column has other rows than the footer says")
}

/// Decodes something. Headers of pages have no checksum, and the decoder panics at some that make no sense: that is the file's fault, not the program's.
///
/// What `decode` has changed must not be used after it has panicked: it ends there.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(Error::invalid("not a readable Parquet file").because("a header makes no sense"))
    })
}
