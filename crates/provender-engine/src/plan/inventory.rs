//! What a repository declares, sorted by kind, sources that stand inside other objects lifted out, names checked.

use crate::definitions::build::{self, Draft, Source, SourceRef};
use crate::definitions::{Definitions, Origin};
use provender_core::model::DUMMY_ENTITY;
use provender_core::{Error, Kind, nearest};
use std::borrow::Cow;
use std::collections::HashMap;

/// The declarations of a repository.
#[derive(Debug, Default)]
pub(crate) struct Inventory<'a> {
    pub(crate) projects: Vec<Item<'a, build::Project>>,
    pub(crate) entities: Vec<Item<'a, build::Entity>>,
    /// Each once, also those that stand inside views and push sources.
    pub(crate) sources: Vec<Item<'a, Source>>,
    /// Of both kinds.
    pub(crate) views: Vec<Item<'a, build::FeatureView>>,
    pub(crate) services: Vec<Item<'a, build::FeatureService>>,
    pub(crate) permissions: Vec<Item<'a, build::Permission>>,
}

/// One declaration.
#[derive(Debug)]
pub(crate) struct Item<'a, T> {
    pub(crate) origin: &'a Origin,
    /// What errors call it: `view`.
    pub(crate) noun: &'static str,
    pub(crate) name: &'a str,
    pub(crate) draft: &'a T,
}

impl<T> Clone for Item<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Item<'_, T> {}

impl<'a, T> Item<'a, T> {
    /// Something is wrong with it.
    pub(crate) fn problem(&self, message: impl Into<Cow<'static, str>>) -> Error {
        self.blame(Error::invalid(message))
    }

    /// Says in an error where it stands and what it is.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let known = error.get(self.noun) == Some(self.name);
        let error = self.origin.blame(error);
        if known { error } else { error.with(self.noun, self.name) }
    }

    /// It names something that is not declared. `registered` says that the registry has it, and that this apply would delete it there.
    pub(crate) fn unknown<'n>(
        &self,
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
        registered: bool,
    ) -> Error {
        let error = self.problem(format!("unknown {what} {name}"));
        match nearest(name, known) {
            Some(near) => error.with("did you mean", near),
            None if registered => error.with("expected", "its definition: the registry has it, but the repository does not declare it, so this apply would delete it"),
            None => error,
        }
    }
}

impl<'a> Inventory<'a> {
    /// Sorts the declarations; what is wrong with their names is reported.
    pub(crate) fn of(definitions: &'a Definitions, problems: &mut Vec<Error>) -> Self {
        let mut inventory = Self::default();
        let mut sources = SourceNames::default();
        for declared in &definitions.objects {
            let origin = &declared.origin;
            match &declared.draft {
                Draft::Project(draft) => {
                    inventory.projects.push(Item { origin, noun: "project", name: &draft.model.name, draft });
                }
                Draft::Entity(draft) => {
                    inventory.entities.push(Item { origin, noun: "entity", name: &draft.model.name, draft });
                }
                Draft::Source(draft) => {
                    inventory.lift(origin, draft, true, &mut sources, problems);
                }
                Draft::FeatureView(draft) => {
                    if let Some(SourceRef::Inline(source)) = &draft.source {
                        inventory.lift(origin, source, false, &mut sources, problems);
                    }
                    inventory.views.push(Item { origin, noun: "view", name: &draft.model.name, draft });
                }
                Draft::FeatureService(draft) => {
                    inventory.services.push(Item { origin, noun: "service", name: &draft.model.name, draft });
                }
                Draft::Permission(draft) => {
                    inventory.permissions.push(Item {
                        origin,
                        noun: "permission",
                        name: &draft.model.name,
                        draft,
                    });
                }
            }
        }
        inventory.check_names(problems);
        inventory
    }

    /// Adds a source and the one behind it. The same source may stand inside several objects.
    fn lift(
        &mut self,
        origin: &'a Origin,
        draft: &'a Source,
        document: bool,
        names: &mut SourceNames<'a>,
        problems: &mut Vec<Error>,
    ) {
        let item = Item { origin, noun: "source", name: &draft.model.name, draft };
        match names.0.get(&item.name.to_lowercase()) {
            None => {
                names.0.insert(item.name.to_lowercase(), (item, document));
                self.sources.push(item);
            }
            Some((first, both)) if (document && *both) || first.draft != draft => {
                problems.push(twice(&item, first))
            }
            Some(_) => return,
        }
        if let Some(SourceRef::Inline(batch)) = &draft.batch {
            self.lift(origin, batch, false, names, problems);
        }
    }

    fn check_names(&self, problems: &mut Vec<Error>) {
        let fold: fn(&str) -> Cow<'_, str> = |name| Cow::Owned(name.to_lowercase());
        let exact: fn(&str) -> Cow<'_, str> = |name| Cow::Borrowed(name);
        check(&self.entities, exact, problems);
        check(&self.views, fold, problems);
        check(&self.services, exact, problems);
        check(&self.permissions, exact, problems);
        self.sources.iter().for_each(|item| check_name(item, problems));
        for item in self.projects.iter().skip(1) {
            let first = format!("{} at {}", self.projects[0].name, self.projects[0].origin);
            problems.push(item.problem("a repository has one project").with("first", first));
        }
        for item in self.views.iter().filter(|item| item.name.contains([':', '@'])) {
            let problem = item.problem("a view's name must not contain `:` or `@`");
            problems.push(
                problem.with("expected", "a name without the characters that references are written with"),
            );
        }
        for item in self.entities.iter().filter(|item| item.name == DUMMY_ENTITY) {
            problems.push(item.problem("the name is reserved for views without entities"));
        }
    }
}

/// Sources by name, and whether a document of its own declares them.
#[derive(Default)]
struct SourceNames<'a>(HashMap<String, (Item<'a, Source>, bool)>);

/// Checks the names of one kind, which are unique by what `key` makes of them.
fn check<T>(items: &[Item<'_, T>], key: fn(&str) -> Cow<'_, str>, problems: &mut Vec<Error>) {
    let mut seen = HashMap::new();
    for item in items {
        check_name(item, problems);
        if let Some(first) = seen.insert(key(item.name), item) {
            problems.push(twice(item, first));
        }
    }
}

fn check_name<T>(item: &Item<'_, T>, problems: &mut Vec<Error>) {
    if item.name.is_empty() {
        problems.push(item.problem("the name is empty"));
    } else if item.name.trim() != item.name || item.name.contains(char::is_control) {
        problems.push(item.problem("the name begins or ends with a space, or contains a control character"));
    }
}

fn twice<T>(item: &Item<'_, T>, first: &Item<'_, T>) -> Error {
    let message = if item.name == first.name {
        format!("the {} is declared twice", item.noun)
    } else {
        format!("the name differs from that of another {} in case alone", item.noun)
    };
    item.blame(Error::new(Kind::AlreadyExists, message))
        .with("first", format!("{} at {}", first.name, first.origin))
}
