//! A right registry keeps every rule; one with a flaw breaks the rule that is about it.

use super::{REGISTRY, Store};
use crate::harness::{opener, outcome};
use crate::{Outcome, Stop};
use async_trait::async_trait;
use provender_core::memory::MemoryRegistry;
use provender_core::model::{Entity, FeatureService, FeatureView, Object, ObjectKind};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Registry, Result};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    AnyBaseIsGood,
    OldBasesAreGood,
    ChangesAreCommittedOneByOne,
    TagsAreForgotten,
    AliasesAreForgotten,
    TtlZeroIsNoTtl,
    VersionCountsObjects,
    ServicesOutliveTheProject,
    OthersCommitsAreNotSeen,
    KindsShareNames,
    TimesAreReset,
}

#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    inner: Arc<MemoryRegistry>,
    seen: Mutex<Option<(Version, Arc<RegistrySnapshot>)>>,
}

impl Flawed {
    fn change(&self, change: &Change) -> Vec<Change> {
        match (self.flaw, change) {
            (Flaw::KindsShareNames, Change::Delete { project, name, .. }) => ObjectKind::ALL
                .iter()
                .map(|kind| Change::Delete { project: project.clone(), kind: *kind, name: name.clone() })
                .collect(),
            (Flaw::TimesAreReset, Change::Put { project, object }) => {
                let (project, name) = (project.clone(), object.name().to_owned());
                vec![Change::Delete { project, kind: object.kind(), name }, change.clone()]
            }
            (_, Change::Put { project, object }) => {
                vec![Change::Put { project: project.clone(), object: self.object(object.clone()) }]
            }
            _ => vec![change.clone()],
        }
    }

    fn object(&self, object: Object) -> Object {
        match (self.flaw, object) {
            (Flaw::TagsAreForgotten, Object::Entity(entity)) => {
                Object::Entity(Arc::new(Entity { tags: Default::default(), ..Entity::clone(&entity) }))
            }
            (Flaw::TtlZeroIsNoTtl, Object::FeatureView(view)) => Object::FeatureView(Arc::new(FeatureView {
                ttl: view.limited_ttl(),
                ..FeatureView::clone(&view)
            })),
            (Flaw::AliasesAreForgotten, Object::FeatureService(service)) => {
                let mut service = FeatureService::clone(&service);
                service.projections.iter_mut().for_each(|projection| projection.alias = None);
                Object::FeatureService(Arc::new(service))
            }
            (_, object) => object,
        }
    }

    /// A project's deletion that forgets one kind.
    async fn spare_services(&self, base: &Version, project: &str) -> Result<Version> {
        let (_, snapshot) = self.inner.snapshot().await?;
        let kept = snapshot.list(project, ObjectKind::FeatureService).map(|stored| stored.object().cloned());
        let kept = kept.collect::<Result<Vec<_>>>()?;
        let back = kept.into_iter().map(|object| Change::Put { project: project.to_owned(), object });
        let changes: Vec<_> = [Change::DeleteProject(project.to_owned())].into_iter().chain(back).collect();
        self.inner.commit(base, &changes).await
    }
}

#[async_trait]
impl Registry for Flawed {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        let (version, snapshot) = self.inner.snapshot().await?;
        match self.flaw {
            Flaw::VersionCountsObjects => {
                let count: usize = snapshot.project_names().map(|p| snapshot.objects(p).count()).sum();
                Ok((Version(count.to_string().into()), snapshot))
            }
            Flaw::OthersCommitsAreNotSeen => {
                Ok(self.seen.lock().unwrap().get_or_insert((version, snapshot)).clone())
            }
            _ => Ok((version, snapshot)),
        }
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        let current = self.inner.snapshot().await?.0;
        let base = match self.flaw {
            Flaw::AnyBaseIsGood | Flaw::VersionCountsObjects => current,
            Flaw::OldBasesAreGood if base.0.parse::<u64>().is_ok() => current,
            _ => base.clone(),
        };
        if let (Flaw::ServicesOutliveTheProject, [Change::DeleteProject(project)]) = (self.flaw, changes) {
            return self.spare_services(&base, project).await;
        }
        let changes: Vec<Vec<Change>> = changes.iter().map(|change| self.change(change)).collect();
        if self.flaw == Flaw::ChangesAreCommittedOneByOne {
            let mut version = base;
            for change in changes {
                version = self.inner.commit(&version, &change).await?;
                tokio::task::yield_now().await;
            }
            return Ok(version);
        }
        let version = self.inner.commit(&base, &changes.concat()).await?;
        *self.seen.lock().unwrap() = None;
        if self.flaw == Flaw::VersionCountsObjects { Ok(self.snapshot().await?.0) } else { Ok(version) }
    }

    fn describe(&self) -> String {
        "flawed".to_owned()
    }
}

fn play(rule: &str, flaw: Flaw) -> Outcome {
    let rule = REGISTRY.iter().find(|r| r.name == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    let inner = Arc::new(MemoryRegistry::new());
    let open = opener(move |_| {
        let store: Store = Arc::new(Flawed { flaw, inner: Arc::clone(&inner), seen: Mutex::default() });
        std::future::ready(Some(Ok(store)))
    });
    outcome(rule, open).unwrap().unwrap()
}

#[test]
fn a_right_registry_keeps_every_rule() {
    for rule in REGISTRY {
        assert_eq!(play(rule.name, Flaw::None), Ok(()), "{}", rule.name);
    }
}

#[test]
fn a_wrong_registry_breaks_the_rule_about_it() {
    for (flaw, rule) in [
        (Flaw::AnyBaseIsGood, "a_commit_from_another_base_is_a_conflict"),
        (Flaw::AnyBaseIsGood, "of_commits_from_one_base_one_succeeds"),
        (Flaw::OldBasesAreGood, "a_commit_from_another_base_is_a_conflict"),
        (Flaw::OldBasesAreGood, "a_refused_commit_changes_nothing"),
        (Flaw::ChangesAreCommittedOneByOne, "readers_never_see_half_a_commit"),
        (Flaw::TagsAreForgotten, "every_kind_of_object_comes_back_as_it_was"),
        (Flaw::AliasesAreForgotten, "every_kind_of_object_comes_back_as_it_was"),
        (Flaw::TtlZeroIsNoTtl, "every_type_of_field_comes_back_as_it_was"),
        (Flaw::VersionCountsObjects, "the_version_changes_exactly_on_commit"),
        (Flaw::ServicesOutliveTheProject, "delete_project_removes_everything_in_it"),
        (Flaw::OthersCommitsAreNotSeen, "what_is_committed_stays_when_the_registry_is_opened_again"),
        (Flaw::KindsShareNames, "kinds_do_not_mix"),
        (Flaw::TimesAreReset, "times_are_filled"),
    ] {
        let outcome = play(rule, flaw);
        assert!(matches!(outcome, Err(Stop::Broken(_))), "{flaw:?} against {rule}: {outcome:?}");
    }
}

#[test]
fn rules_have_names_of_their_own() {
    let mut names: Vec<_> = REGISTRY.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), REGISTRY.len());
}
