use super::*;
use async_trait::async_trait;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use provender_core::{Kind, OpenContext};
use provender_join::storage::StorageOptions;
use std::sync::Arc;

/// A store whose answers to puts are lost: after they were done, or before.
#[derive(Debug)]
struct Lossy {
    store: InMemory,
    done: bool,
}

impl std::fmt::Display for Lossy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("lossy")
    }
}

#[async_trait]
impl ObjectStore for Lossy {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        if self.done {
            self.store.put_opts(to, bytes, options).await?;
        }
        Err(object_store::Error::Generic { store: "lossy", source: "the connection was cut".into() })
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.store.get_opts(from, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.store.copy_opts(from, to, options).await
    }
}

fn lossy(done: bool) -> (LogStoreRef, TablePlace) {
    let store: Arc<dyn ObjectStore> = Arc::new(Lossy { store: InMemory::new(), done });
    let url = url::Url::parse("memory:///t/").unwrap();
    let log_store = default_logstore(Arc::clone(&store), store, &url, &StorageConfig::default());
    let place = TablePlace::at("memory://t", &OpenContext::new("p", "/"), &StorageOptions::default());
    (log_store, place)
}

fn lines() -> Bytes {
    let operation = Operation { mode: "Append", partition_by: Vec::new(), files: 1, bytes: 1, rows: 1 };
    operation.lines(Some(0), &[json!({ "add": {} })])
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_known_again_and_not_repeated() {
    let (log_store, place) = lossy(true);
    let (ours, theirs) = (lines(), lines());
    assert_ne!(ours, theirs);
    let won = append(&log_store, &place, 0, &ours, &RequestContext::local()).await.unwrap();
    assert_eq!(won, Some(1));
    // The same bytes once more are the same commit; others are another's.
    assert!(matches!(attempt(&log_store, &place, 1, &ours).await.unwrap(), Attempt::Won));
    assert!(matches!(attempt(&log_store, &place, 1, &theirs).await.unwrap(), Attempt::Lost(_)));
    let next = append(&log_store, &place, 0, &theirs, &RequestContext::local()).await.unwrap();
    assert_eq!(next, Some(2));
}

#[tokio::test]
async fn a_commit_that_did_not_happen_is_an_error_that_names_the_table() {
    let (log_store, place) = lossy(false);
    let error = append(&log_store, &place, 0, &lines(), &RequestContext::local()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("memory://t"), "{error}");
}

#[test]
fn a_change_of_the_table_is_told_from_rows() {
    assert!(!changes_table(&lines()));
    assert!(changes_table(b"{\"commitInfo\":{}}\n{\"metaData\":{}}"));
    assert!(changes_table(b"{\"protocol\":{}}"));
    assert!(changes_table(b"what is no action may be anything"));
}
