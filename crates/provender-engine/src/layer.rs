//! What every store gets when it is opened: calls end at the request's deadline, and calls that may be repeated are, when the store was unavailable.
//! Providers need neither.

mod attempt;
mod offline;
mod online;
mod registry;
#[cfg(test)]
mod tests;

use provender_core::{OfflineStore, OnlineStore, Registry};
use std::fmt;
use std::sync::Arc;

/// A store behind deadline and retries.
struct Guarded<S: ?Sized>(Arc<S>);

impl<S: fmt::Debug + ?Sized> fmt::Debug for Guarded<S> {
    /// The store's own form: it names the store in error messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Guards an offline store.
pub(crate) fn offline(store: Arc<dyn OfflineStore>) -> Arc<dyn OfflineStore> {
    Arc::new(Guarded(store))
}

/// Guards an online store.
pub(crate) fn online(store: Arc<dyn OnlineStore>) -> Arc<dyn OnlineStore> {
    Arc::new(Guarded(store))
}

/// Guards a registry.
pub(crate) fn registry(store: Arc<dyn Registry>) -> Arc<dyn Registry> {
    Arc::new(Guarded(store))
}
