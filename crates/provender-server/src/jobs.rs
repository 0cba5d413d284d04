//! Work that outlives its request, and the end of the server.

use provender_core::{Cancel, Error, Result};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How far the end of the server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everything goes on.
    Serving,
    /// Requests in flight are finished, new ones are not taken.
    Draining,
    /// What is still there is cut off.
    Closing,
}

/// Tasks that must not be dropped halfway when their client goes away, and what they work on.
pub(crate) struct Jobs {
    phase: watch::Sender<Phase>,
    attended: Cancel,
    background: Cancel,
    running: Mutex<HashMap<String, usize>>,
    /// Where the server was started; a worker's runtime would be held up, and end too early.
    home: Option<Handle>,
}

impl Jobs {
    pub(crate) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Serving),
            attended: Cancel::default(),
            background: Cancel::default(),
            running: Mutex::default(),
            home: Handle::try_current().ok(),
        }
    }

    /// The flag that asks work to stop at its next safe point: work that a client waits for later than work that nobody does.
    pub(crate) fn cancel(&self, background: bool) -> Cancel {
        if background { self.background.clone() } else { self.attended.clone() }
    }

    /// Follows the phases; the end of the server waits for whoever does.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Starts work of its own: it goes on without the request, and the end of the server waits for it.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let alive = self.subscribe();
        let work = async move {
            let _alive = alive;
            work.await
        };
        match &self.home {
            Some(home) => home.spawn(work),
            None => tokio::spawn(work),
        }
    }

    /// Runs work to its end, also when the client goes away in the middle.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match self.start(work).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::unavailable("the server is stopping")),
            },
        }
    }

    /// Marks views as being materialized until the claim is dropped. With `alone`, fails with those that already are.
    pub(crate) fn claim(self: &Arc<Self>, views: &[String], alone: bool) -> Result<Claim, Vec<String>> {
        let mut running = self.running();
        let busy: Vec<String> = views.iter().filter(|view| running.contains_key(*view)).cloned().collect();
        if alone && !busy.is_empty() {
            return Err(busy);
        }
        for view in views {
            *running.entry(view.clone()).or_default() += 1;
        }
        Ok(Claim { jobs: Arc::clone(self), views: views.to_vec() })
    }

    /// Turns to the next phase, with what it means for running work.
    pub(crate) fn turn(&self, phase: Phase) {
        self.background.cancel();
        if phase == Phase::Closing {
            self.attended.cancel();
        }
        self.phase.send_replace(phase);
    }

    /// Waits until nobody follows the phases any more.
    pub(crate) async fn done(&self) {
        self.phase.closed().await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // counts of whole claims: a panic cannot leave them half changed
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Views that are being materialized.
pub(crate) struct Claim {
    jobs: Arc<Jobs>,
    views: Vec<String>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut running = self.jobs.running();
        for view in &self.views {
            if let Some(count) = running.get_mut(view) {
                *count -= 1;
                if *count == 0 {
                    running.remove(view);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn view_is_claimed_until_the_last_claim_ends() {
        let jobs = Arc::new(Jobs::new());
        let views = ["a".to_owned(), "b".to_owned()];
        let first = jobs.claim(&views[..1], true).ok().unwrap();
        assert_eq!(jobs.claim(&views, true).err(), Some(vec!["a".to_owned()]));
        let forced = jobs.claim(&views, false).ok().unwrap();
        drop(first);
        assert_eq!(jobs.claim(&views, true).err().unwrap().len(), 2);
        drop(forced);
        assert!(jobs.claim(&views, true).is_ok());
    }

    #[tokio::test]
    async fn end_waits_for_work_whose_client_went_away() {
        let jobs = Jobs::new();
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let (told, done) = tokio::sync::oneshot::channel();
        let mut work = Box::pin(jobs.finish(async move {
            gate.await.ok();
            told.send(()).ok();
            Ok(())
        }));
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        jobs.turn(Phase::Draining);
        assert!(futures::poll!(std::pin::pin!(jobs.done())).is_pending());
        go.send(()).unwrap();
        jobs.done().await;
        done.await.unwrap();
    }

    #[test]
    fn background_work_is_stopped_first() {
        let jobs = Jobs::new();
        jobs.turn(Phase::Draining);
        assert!(jobs.cancel(true).is_cancelled() && !jobs.cancel(false).is_cancelled());
        jobs.turn(Phase::Closing);
        assert!(jobs.cancel(false).is_cancelled());
    }
}
