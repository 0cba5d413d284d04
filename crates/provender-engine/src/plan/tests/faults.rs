//! Applies at the same time, and stores that fail in the middle of one.

use super::repo::{Repo, SOURCES, parse, shop, show};
use crate::{ApplyOptions, FeatureStore};
use async_trait::async_trait;
use expect_test::expect;
use provender_core::memory::{MemoryOnline, MemoryRegistry};
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, WriteSummary,
};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Error, Kind, OnlineStore, Registry, Result};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// What the stores were asked to do, in order, and at which step they fail.
#[derive(Debug, Default)]
struct Script {
    done: Mutex<Vec<String>>,
    /// The step of this number fails, from 0; the process is dead then, so later steps fail, too.
    dies_at: Option<usize>,
}

impl Script {
    fn step(&self, what: String) -> Result<()> {
        let mut done = self.done.lock().unwrap();
        if self.dies_at.is_some_and(|step| done.len() >= step) {
            return Err(Error::internal("killed"));
        }
        done.push(what);
        Ok(())
    }
}

#[derive(Debug)]
struct Watched<S: ?Sized> {
    script: Arc<Script>,
    inner: Arc<S>,
}

#[async_trait]
impl Registry for Watched<MemoryRegistry> {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        self.inner.snapshot().await
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let name = |change: &Change| match change {
            Change::Put { object, .. } => format!("put {}", object.name()),
            Change::Delete { name, .. } => format!("delete {name}"),
            Change::DeleteProject(name) => format!("delete project {name}"),
        };
        let changed: Vec<_> = changes.iter().map(name).collect();
        self.script.step(format!("commit: {}", changed.join(", ")))?;
        self.inner.commit(base, changes).await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[async_trait]
impl OnlineStore for Watched<MemoryOnline> {
    fn capabilities(&self) -> OnlineCapabilities {
        self.inner.capabilities()
    }

    fn describe(&self, table: &OnlineTable) -> String {
        self.inner.describe(table)
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        self.inner.read(request).await
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        self.inner.write(request).await
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        let mut what: Vec<String> = changes.keep.iter().map(|t| format!("keep {}", t.view)).collect();
        what.extend(changes.alter.iter().map(|(_, t)| format!("alter {}", t.view)));
        what.extend(changes.drop.iter().map(|t| format!("drop {}", t.view)));
        self.script.step(format!("online: {}", what.join(", ")))?;
        self.inner.reconcile(changes).await
    }
}

/// A process that dies at a step, if any.
fn process(repo: &Repo, dies_at: Option<usize>) -> (FeatureStore, Arc<Script>) {
    let script = Arc::new(Script { dies_at, ..Script::default() });
    let registry = Watched { script: Arc::clone(&script), inner: Arc::clone(&repo.registry) };
    let online = Watched { script: Arc::clone(&script), inner: Arc::clone(&repo.online) };
    (repo.with_stores(Arc::new(registry), Arc::new(online)), script)
}

fn view(name: &str, features: &str) -> String {
    format!(
        "---\nkind: FeatureView\nname: {name}\nentities: [driver]\nschema: [{features}]\nsource: hourly\n"
    )
}

const RATE: &str = "{name: conv_rate, dtype: Float32}";
const TRIPS: &str = "{name: trips, dtype: Int64}";

fn before() -> String {
    let service = "---\nkind: FeatureService\nname: model\nfeatures: [shrinks, goes]\n";
    [
        SOURCES,
        &view("shrinks", &format!("{RATE}, {TRIPS}")),
        &view("grows", RATE),
        &view("goes", RATE),
        service,
    ]
    .concat()
}

fn after() -> String {
    let service = "---\nkind: FeatureService\nname: model\nfeatures: [shrinks, comes]\n";
    [
        SOURCES,
        &view("shrinks", RATE),
        &view("grows", &format!("{RATE}, {TRIPS}")),
        &view("comes", RATE),
        service,
    ]
    .concat()
}

#[tokio::test]
async fn served_values_are_destroyed_between_two_commits() {
    let repo = Repo::new();
    repo.apply(&before()).await;
    let (store, script) = process(&repo, None);
    store.apply(&parse(&after()), &ApplyOptions::default()).await.unwrap();
    expect![[r#"
        online: keep comes, alter grows
        commit: put comes, put grows
        online: alter shrinks, drop goes
        commit: put shrinks, put model, delete goes"#]]
    .assert_eq(&script.done.lock().unwrap().join("\n"));
    assert!(repo.plan(&after()).await.is_empty());
}

#[tokio::test]
async fn an_apply_that_dies_anywhere_is_finished_by_the_next() {
    let whole = {
        let repo = Repo::new();
        repo.apply(&before()).await;
        repo.apply(&after()).await;
        repo.objects().await
    };
    for step in 0..5 {
        let repo = Repo::new();
        repo.apply(&before()).await;
        let (store, script) = process(&repo, Some(step));
        let died = store.apply(&parse(&after()), &ApplyOptions::default()).await;
        assert_eq!(died.is_err(), step < 4, "step {step}");
        assert_eq!(script.done.lock().unwrap().len(), step.min(4));
        // Whatever is registered can be served: a table is there for every view, and values are only lost of views that are still to be changed.
        let (store, script) = process(&repo, None);
        store.apply(&parse(&after()), &ApplyOptions::default()).await.unwrap();
        assert_eq!(repo.objects().await, whole, "after dying at step {step}");
        assert!(repo.plan(&after()).await.is_empty());
        let dropped = script.done.lock().unwrap().iter().any(|s| s.contains("drop goes"));
        assert_eq!(dropped, step < 4, "the table of a deleted view is dropped, if need be again");
    }
}

#[tokio::test]
async fn applies_at_the_same_time_all_land() {
    let repo = Repo::new();
    let appliers = 12;
    let threads: Vec<_> = (0..appliers)
        .map(|i| {
            let process = repo.again();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let yaml = format!("{SOURCES}{}", view(&format!("view_{i}"), RATE));
                let options = ApplyOptions { delete: false, ..ApplyOptions::default() };
                runtime.block_on(process.apply_with(&yaml, &options)).unwrap_or_else(|e| panic!("{e}"))
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let objects: HashSet<_> = repo.objects().await.into_iter().collect();
    for i in 0..appliers {
        assert!(objects.contains(&format!("FeatureView view_{i}")), "{objects:?}");
    }
}

/// A registry that somebody else changes just before a commit.
#[derive(Debug)]
struct Busy {
    inner: Arc<MemoryRegistry>,
    others: Mutex<Vec<Change>>,
}

#[async_trait]
impl Registry for Busy {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        self.inner.snapshot().await
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let other = self.others.lock().unwrap().pop();
        if let Some(other) = other {
            let (now, _) = self.inner.snapshot().await?;
            self.inner.commit(&now, &[other]).await?;
        }
        self.inner.commit(base, changes).await
    }

    fn describe(&self) -> String {
        "busy".to_owned()
    }
}

fn busy(repo: &Repo, others: Vec<Change>) -> FeatureStore {
    let registry = Busy { inner: Arc::clone(&repo.registry), others: Mutex::new(others) };
    repo.with_stores(Arc::new(registry), Arc::clone(&repo.online) as _)
}

#[tokio::test]
async fn a_commit_in_between_makes_a_new_plan() {
    let repo = Repo::new();
    repo.apply(SOURCES).await;
    let remove = Change::Delete {
        project: "shop".into(),
        kind: provender_core::model::ObjectKind::Entity,
        name: "driver".into(),
    };
    let store = busy(&repo, vec![remove.clone()]);
    let applied = store.apply(&parse(&shop()), &ApplyOptions::default()).await.unwrap();
    expect![[r#"
        Create Entity driver
        Create FeatureView stats
        Create memory of shop stats
    "#]]
    .assert_eq(&show(&applied.plan));
    let expected = Some(repo.plan(&shop().replace("1d", "2d")).await.id);
    let store = busy(&repo, vec![remove]);
    let options = ApplyOptions { expected, ..ApplyOptions::default() };
    let problems = store.apply(&parse(&shop().replace("1d", "2d")), &options).await.unwrap_err();
    assert_eq!(problems.0[0].kind(), Kind::Conflict);
}

#[tokio::test]
async fn a_registry_that_never_rests_is_given_up() {
    let repo = Repo::new();
    let noise = Change::DeleteProject("nobody".into());
    let store = busy(&repo, vec![noise; 1000]);
    let problems = store.apply(&parse(&shop()), &ApplyOptions::default()).await.unwrap_err();
    assert_eq!(problems.0[0].kind(), Kind::Conflict);
}
