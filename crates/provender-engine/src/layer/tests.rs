use super::attempt::{retried, within};
use super::*;
use async_trait::async_trait;
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, WriteSummary,
};
use provender_core::{Error, RequestContext, Result};
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Fails the first calls, then answers how many there were.
async fn calls_until_success(failures: u32, error: fn() -> Error, context: &RequestContext) -> Result<u32> {
    let calls = AtomicU32::new(0);
    retried("test", Some(context), || {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        async move { if call < failures { Err(error()) } else { Ok(call + 1) } }
    })
    .await
    .map_err(|e| e.with("calls", calls.load(Ordering::Relaxed)))
}

fn unavailable() -> Error {
    Error::unavailable("throttled")
}

#[tokio::test]
async fn an_unavailable_store_is_asked_again() {
    let context = RequestContext::local();
    assert_eq!(calls_until_success(2, unavailable, &context).await.unwrap(), 3);
    let error = calls_until_success(9, unavailable, &context).await.unwrap_err();
    assert_eq!((error.message(), error.get("calls")), ("throttled", Some("3")));
}

#[tokio::test]
async fn other_errors_are_final() {
    let error = calls_until_success(1, || Error::invalid("no"), &RequestContext::local()).await.unwrap_err();
    assert_eq!(error.get("calls"), Some("1"));
}

#[tokio::test]
async fn cancelled_and_expired_requests_are_not_repeated() {
    let cancelled = RequestContext::local();
    cancelled.cancel.cancel();
    let expired = RequestContext::local().until(Instant::now());
    for context in [cancelled, expired] {
        let error = calls_until_success(1, unavailable, &context).await.unwrap_err();
        assert_eq!(error.get("calls"), Some("1"));
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let context = RequestContext::local().until(Instant::now() + Duration::from_millis(1));
    let error = within(&context, pending::<Result<()>>()).await.unwrap_err();
    assert_eq!(error.to_string(), "the deadline has passed");
}

#[derive(Debug)]
struct Flaky(AtomicU32);

#[async_trait]
impl OnlineStore for Flaky {
    fn capabilities(&self) -> OnlineCapabilities {
        OnlineCapabilities::default()
    }
    fn describe(&self, table: &OnlineTable) -> String {
        format!("flaky {}", table.view)
    }
    async fn read(&self, _: &OnlineRead) -> Result<OnlineRows> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Err(unavailable()),
            _ => Ok(OnlineRows::default()),
        }
    }
    async fn write(&self, _: OnlineWrite) -> Result<WriteSummary> {
        Err(Error::invalid("read only"))
    }
    async fn reconcile(&self, _: &InfraChanges) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_guarded_store_hides_a_hiccup_and_keeps_its_name() {
    let store = online(Arc::new(Flaky(AtomicU32::new(0))));
    let read = OnlineRead { views: Vec::new(), context: RequestContext::local() };
    assert!(store.read(&read).await.unwrap().views.is_empty());
    assert_eq!(format!("{store:?}"), "Flaky(2)");
}
