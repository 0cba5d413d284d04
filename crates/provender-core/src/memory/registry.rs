//! The registry in memory.

use super::lock;
use crate::model::{Meta, Object, ObjectKind};
use crate::registry::{Change, RegistrySnapshot, Stored, Version};
use crate::{Error, Registry, Result, Timestamp};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Definitions in memory, with a version that counts commits.
#[derive(Debug, Default)]
pub struct MemoryRegistry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    commits: u64,
    /// By project, kind and name.
    objects: BTreeMap<(String, ObjectKind, String), Object>,
    updated: Option<Timestamp>,
    snapshot: Arc<RegistrySnapshot>,
}

impl MemoryRegistry {
    /// A registry that does not exist yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        let state = lock(&self.state);
        Ok((state.version(), Arc::clone(&state.snapshot)))
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let mut state = lock(&self.state);
        if *base != state.version() {
            return Err(Error::conflict("the registry was changed in between"));
        }
        for change in changes {
            state.apply(change);
        }
        state.commits += 1;
        state.updated = Some(Timestamp::now());
        let stored = |((project, ..), object): (&(String, _, _), &Object)| {
            Arc::new(Stored::decoded(project.as_str().into(), object.clone()))
        };
        state.snapshot = Arc::new(RegistrySnapshot::new(state.objects.iter().map(stored), state.updated));
        Ok(state.version())
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}

impl State {
    fn version(&self) -> Version {
        if self.commits == 0 { Version::absent() } else { Version(self.commits.to_string().into()) }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { project, object } => {
                let key = (project.clone(), object.kind(), object.name().to_owned());
                let now = Some(Timestamp::now());
                let created = self.objects.get(&key).and_then(|old| old.meta().created).or(now);
                self.objects.insert(key, object.clone().with_meta(Meta { created, updated: now }));
            }
            Change::Delete { project, kind, name } => {
                self.objects.remove(&(project.clone(), *kind, name.clone()));
            }
            Change::DeleteProject(project) => self.objects.retain(|(of, ..), _| of != project),
        }
    }
}
