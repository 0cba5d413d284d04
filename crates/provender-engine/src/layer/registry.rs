use super::Guarded;
use super::attempt::retried;
use async_trait::async_trait;
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Registry, Result};
use std::sync::Arc;

/// Reading may be repeated. A commit that failed may have happened: repeating it would only turn it into a conflict with itself.
#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Registry for Guarded<dyn Registry> {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        retried("registry snapshot", None, || self.0.snapshot()).await
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        self.0.commit(base, changes).await
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}
