//! Changes to a registry file, with everything that Feast fills in when it applies definitions.

use super::history::{History, View};
use super::{Entry, RegistryFile, key};
use crate::convert::version::Versioned;
use crate::convert::{named, on_demand, service, source, view};
use crate::feast::core as message;
use crate::kinds::{self, number};
use crate::reflect::descriptor;
use crate::scope::Scope;
use crate::unknown::carry_over;
use prost::Message;
use provender_core::model::{DUMMY_ENTITY, DUMMY_JOIN_KEY, Entity, Object, ObjectKind, Project, ViewKind};
use provender_core::registry::Change;
use provender_core::{Error, Result, Timestamp};
use source::Place;
use std::collections::BTreeSet;
use uuid::Uuid;

impl RegistryFile {
    /// Makes changes, in order, and marks the file as written now by giving it a new version id.
    ///
    /// * A changed object moves to the end of its list, as in Feast. It keeps its created time, its unknown fields and what the model does not carry.
    /// * A data source that is the same already, and a view whose schema stays, are not moved; the source is not touched at all.
    /// * A view whose schema changes gets the next version number and a record in the version history; the number in the change does not count.
    /// * Every project that something is put into gets the `__dummy` entity and, if it has no object of its own, an implicit project.
    ///
    /// # Errors
    /// `Invalid` for an object without name or with what Feast cannot hold, `Unsupported` for a kind that is only kept; both name the object. The
    /// file is then half changed and of no use.
    pub fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<()> {
        let mut edit = Edit { history: self.take_history(), file: self, now, projects: BTreeSet::new() };
        for change in changes {
            edit.change(change)?;
        }
        edit.complete_projects()?;
        let history = edit.history.to_bytes();
        if !history.is_empty() {
            self.push(Entry::new(number::HISTORY, None, &history));
        }
        self.version_id = Uuid::new_v4().to_string();
        self.updated = Some(now);
        Ok(())
    }

    fn take_history(&mut self) -> History {
        let mut history = History::default();
        for slot in &mut self.entries {
            if let Some(entry) = slot.take_if(|entry| entry.number == number::HISTORY) {
                history.read(&entry.value);
            }
        }
        history
    }

    fn remove(&mut self, kind: ObjectKind, project: &str, name: &str) {
        for position in self.index.remove(&key(kind, project, name)).unwrap_or_default() {
            self.entries[position] = None;
        }
    }

    /// Removes whatever belongs to a project.
    fn remove_project(&mut self, project: &str) {
        self.index.retain(|(_, of, _), _| of != project);
        for slot in &mut self.entries {
            slot.take_if(|entry| entry.address.as_ref().is_some_and(|(of, _)| of == project));
        }
    }
}

/// One run of changes.
struct Edit<'a> {
    file: &'a mut RegistryFile,
    history: History,
    now: Timestamp,
    /// Projects that something was put into.
    projects: BTreeSet<String>,
}

impl Edit<'_> {
    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Put { project, object } => {
                self.put(project, object).map_err(|e| {
                    e.with("kind", object.kind()).with("name", object.name()).with("project", project)
                })?;
                self.projects.insert(project.clone());
            }
            // Every project needs it; it goes with the project.
            Change::Delete { kind: ObjectKind::Entity, name, .. } if name == DUMMY_ENTITY => {}
            Change::Delete { project, kind, name } => {
                self.file.remove(*kind, project, name);
                if kind.is_view() {
                    self.history.forget(project, Some(name));
                }
            }
            Change::DeleteProject(project) => {
                self.file.remove_project(project);
                self.history.forget(project, None);
                self.projects.remove(project);
            }
        }
        Ok(())
    }

    fn put(&mut self, project: &str, object: &Object) -> Result<()> {
        if project.is_empty() || object.name().is_empty() {
            return Err(Error::invalid("an object of a registry needs a name and a project"));
        }
        if object.kind() == ObjectKind::Project && object.name() != project {
            return Err(Error::invalid("a project belongs to itself"));
        }
        match object {
            Object::Project(o) => self.replace(project, object, |m: &mut message::Project, scope| {
                named::edit_project(m, o, scope.now);
                Ok(())
            }),
            Object::Entity(o) => self.replace(project, object, |m: &mut message::Entity, scope| {
                named::edit_entity(m, o, scope.project, scope.now);
                Ok(())
            }),
            Object::DataSource(o) => {
                let listed = self.message::<message::DataSource>(project, object);
                if listed.is_some_and(|listed| source::equal(&source::decode(listed), o)) {
                    return Ok(());
                }
                self.replace(project, object, |m, scope| source::edit(m, o, Place::Listed, scope))
            }
            Object::FeatureService(o) => {
                self.replace(project, object, |m: &mut message::FeatureService, scope| {
                    service::edit(m, o, scope);
                    Ok(())
                })
            }
            Object::Permission(o) => self
                .replace(project, object, |m, scope| named::edit_permission(m, o, scope.project, scope.now)),
            Object::FeatureView(o) => match o.kind {
                ViewKind::Batch => self.put_view(project, object, |m: &mut message::FeatureView, scope| {
                    view::edit_meta(m.meta.get_or_insert_default(), o, scope.now);
                    view::edit_spec(m.spec.get_or_insert_default(), o, scope)
                }),
                ViewKind::Stream => {
                    self.put_view(project, object, |m: &mut message::StreamFeatureView, scope| {
                        view::edit_meta(m.meta.get_or_insert_default(), o, scope.now);
                        view::edit_spec(m.spec.get_or_insert_default(), o, scope)
                    })
                }
            },
            Object::OnDemandFeatureView(o) => {
                self.put_view(project, object, |m, scope| on_demand::edit(m, o, scope))
            }
            Object::Other(_) => {
                Err(Error::unsupported("objects of this kind are kept and listed, not written"))
            }
        }
    }

    /// An object's message as the file holds it; `None` if it is new or damaged.
    fn message<M: Message + Default>(&self, project: &str, object: &Object) -> Option<M> {
        M::decode(self.file.find(object.kind(), project, object.name())?).ok()
    }

    /// Edits an object and moves it to the end of its list.
    fn replace<M: Message + Default>(
        &mut self,
        project: &str,
        object: &Object,
        edit: impl FnOnce(&mut M, &Scope<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut message = self.message::<M>(project, object).unwrap_or_default();
        edit(&mut message, &self.scope(project))?;
        let bytes = self.encode(project, object, &message);
        self.append(project, object, &bytes);
        Ok(())
    }

    /// Edits a view in its place or, when its schema changes, as a new version at the end of its list.
    fn put_view<M: Versioned>(
        &mut self,
        project: &str,
        object: &Object,
        edit: impl FnOnce(&mut M, &Scope<'_>) -> Result<()>,
    ) -> Result<()> {
        let former = self.message::<M>(project, object);
        let mut message = former.clone().unwrap_or_default();
        edit(&mut message, &self.scope(project))?;
        let view = View { project, name: object.name(), kind: M::KIND };
        match former.map(|former| former.schema_changed(&message)) {
            Some(false) => {
                let bytes = self.encode(project, object, &message);
                self.overwrite(project, object, &bytes);
                return Ok(());
            }
            Some(true) if self.history.next_number(view) == 0 => {
                let former =
                    self.file.find(object.kind(), project, object.name()).unwrap_or_default().to_vec();
                self.history.add(view, 0, former, self.now);
            }
            _ => {}
        }
        let number = self.history.next_number(view);
        message.set_version(number);
        let bytes = self.encode(project, object, &message);
        self.append(project, object, &bytes);
        self.history.add(view, number, bytes, self.now);
        Ok(())
    }

    /// A message's bytes with the unknown fields that the file holds for the object.
    fn encode(&self, project: &str, object: &Object, message: &impl Message) -> Vec<u8> {
        let bytes = message.encode_to_vec();
        match self.file.find(object.kind(), project, object.name()) {
            Some(former) => carry_over(&descriptor(kinds::message(object.kind())), former, bytes),
            None => bytes,
        }
    }

    fn append(&mut self, project: &str, object: &Object, bytes: &[u8]) {
        self.file.remove(object.kind(), project, object.name());
        self.file.push(entry(project, object, bytes));
    }

    fn overwrite(&mut self, project: &str, object: &Object, bytes: &[u8]) {
        let positions = self.file.index.get(&key(object.kind(), project, object.name()));
        for position in positions.into_iter().flatten() {
            self.file.entries[*position] = Some(entry(project, object, bytes));
        }
    }

    fn scope<'s>(&'s self, project: &'s str) -> Scope<'s> {
        Scope { project, now: self.now, file: self.file }
    }

    /// Gives every project what Feast needs to find in it.
    fn complete_projects(&mut self) -> Result<()> {
        for project in std::mem::take(&mut self.projects) {
            if self.file.find(ObjectKind::Project, &project, &project).is_none() {
                let implicit = Project { name: project.clone(), ..Project::default() };
                self.put(&project, &Object::Project(implicit.into()))?;
                let metadata = message::ProjectMetadata {
                    project: project.clone(),
                    project_uuid: Uuid::new_v4().to_string(),
                };
                let address = Some((project.clone(), project.clone()));
                self.file.push(Entry::new(number::PROJECT_METADATA, address, &metadata.encode_to_vec()));
            }
            if self.file.find(ObjectKind::Entity, &project, DUMMY_ENTITY).is_none() {
                let dummy = Entity {
                    name: DUMMY_ENTITY.into(),
                    join_key: DUMMY_JOIN_KEY.into(),
                    ..Entity::default()
                };
                self.put(&project, &Object::Entity(dummy.into()))?;
            }
        }
        Ok(())
    }
}

fn entry(project: &str, object: &Object, bytes: &[u8]) -> Entry {
    let address = Some((project.to_owned(), object.name().to_owned()));
    Entry::new(kinds::field(object.kind()), address, bytes)
}
