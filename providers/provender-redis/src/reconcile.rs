//! Views come and go. Redis needs nothing made for a view; what is checked is that no two names share a field, and what a view leaves behind is removed.

mod remove;

use crate::config::{Layout, RedisConfig};
use crate::lane::{LaneGuard, Lanes};
use crate::layout::names::{feature_field, packed_field};
use crate::schemas::Schemas;
use crate::state::{Form, Layouts};
use crate::walk::{Target, Visit, Walk};
use crate::write::seen::{Seen, ask};
use provender_core::online::{InfraChanges, OnlineTable};
use provender_core::{Error, RequestContext, Result};
use remove::Removal;
use std::collections::HashMap;
use std::sync::Arc;

/// Makes and drops views.
#[derive(Debug)]
pub(crate) struct Reconciler {
    lanes: Arc<Lanes>,
    layouts: Arc<Layouts>,
    schemas: Arc<Schemas>,
    layout: Layout,
    full_scan: bool,
}

impl Reconciler {
    pub(crate) fn new(
        lanes: Arc<Lanes>,
        layouts: Arc<Layouts>,
        schemas: Arc<Schemas>,
        config: &RedisConfig,
    ) -> Self {
        let full_scan = config.full_scan_for_deletion.unwrap_or(true);
        Self { lanes, layouts, schemas, layout: config.layout, full_scan }
    }

    /// Checks the views that stay, and removes what the others leave behind.
    ///
    /// # Errors
    /// `Invalid` naming two features, or two views, that share a field; `Unavailable` if Redis does not answer.
    pub(crate) async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        let kept: Vec<&Arc<OnlineTable>> =
            changes.keep.iter().chain(changes.alter.iter().map(|(_, new)| new)).collect();
        for (project, tables) in by_project(&kept) {
            self.keep(project, &tables, &changes.context).await?;
        }
        self.remove(changes).await
    }

    async fn keep(
        &self,
        project: &str,
        tables: &[&Arc<OnlineTable>],
        context: &RequestContext,
    ) -> Result<()> {
        let form = self.settled(project, tables, context).await?;
        check(tables.iter().map(|table| table.as_ref()), form)?;
        if form != Form::Feast {
            for table in tables {
                self.schemas.keep(table, context).await?;
            }
        }
        Ok(())
    }

    /// How a project is laid out. As the settings want it from now on, if it has no rows in the other layout.
    async fn settled(
        &self,
        project: &str,
        tables: &[&Arc<OnlineTable>],
        context: &RequestContext,
    ) -> Result<Form> {
        let stored = self.layouts.stored(project, context).await?;
        match stored {
            Some(form) if form == Form::of(self.layout) => {}
            // As Feast has it: nothing says so.
            None if self.layout == Layout::Feast => {}
            Some(Form::Both { .. }) => {
                tracing::warn!(
                    project,
                    "the layout is being changed; if no `provender migrate-layout` is running, start it again"
                );
            }
            _ if self.has_others(tables, context).await? => {
                tracing::warn!(
                    project,
                    "rows are in another layout than the settings say: they are served all the same; `provender migrate-layout` converts them"
                );
            }
            None => self.layouts.set(project, Form::of(self.layout), context).await?,
            Some(_) => {
                // Whoever writes to the empty project meanwhile does so where it is found.
                self.layouts.begin(project, self.layout, context).await?;
                if !self.has_others(tables, context).await? {
                    self.layouts.set(project, Form::of(self.layout), context).await?;
                }
            }
        }
        Ok(self.layouts.current(project, context).await?.form)
    }

    /// Whether there is any row in the layout that the settings do not want.
    async fn has_others(&self, tables: &[&Arc<OnlineTable>], context: &RequestContext) -> Result<bool> {
        let targets: Vec<Target> = tables.iter().map(|table| Target::of(table)).collect();
        let mut search = Search { targets: &targets, wanted: self.layout, context, found: false };
        Walk::new(&self.lanes, &targets, context).run(&mut search).await?;
        Ok(search.found)
    }

    async fn remove(&self, changes: &InfraChanges) -> Result<()> {
        let removals: Vec<Removal> = changes
            .drop
            .iter()
            .map(Removal::whole)
            .chain(changes.alter.iter().filter_map(|(old, new)| Removal::between(old, new)))
            .collect();
        if !self.full_scan {
            for removal in &removals {
                tracing::warn!(
                    view = removal.view(),
                    "its values stay in Redis, as full_scan_for_deletion is off"
                );
            }
            return Ok(());
        }
        remove::remove(&self.lanes, &removals, &changes.context).await
    }
}

fn by_project<'a>(tables: &[&'a Arc<OnlineTable>]) -> HashMap<&'a str, Vec<&'a Arc<OnlineTable>>> {
    let mut projects: HashMap<&str, Vec<_>> = HashMap::new();
    for table in tables {
        let same = projects.entry(&table.project).or_default();
        if !same.iter().any(|known: &&Arc<OnlineTable>| known.view == table.view) {
            same.push(*table);
        }
    }
    projects
}

/// Refuses features, or views, that share a field in the layouts of a project.
///
/// # Errors
/// `Invalid` naming both.
pub(crate) fn check<'a>(tables: impl Iterator<Item = &'a OnlineTable> + Clone, form: Form) -> Result<()> {
    if form != Form::Packed {
        let features = tables.clone().flat_map(|t| t.features.iter().map(|(name, _)| (&*t.view, &**name)));
        let shown = |(view, name): &(&str, &str)| format!("{view}:{name}");
        distinct("features", features, |(view, name)| feature_field(view, name), shown)?;
    }
    if form != Form::Feast {
        distinct("views", tables.map(|t| &*t.view), |view| packed_field(view), |view| (*view).to_owned())?;
    }
    Ok(())
}

/// Refuses names that share a field: one would silently take the place of the other.
fn distinct<T: Copy, F: std::hash::Hash + Eq>(
    what: &'static str,
    names: impl Iterator<Item = T>,
    field: impl Fn(&T) -> F,
    shown: impl Fn(&T) -> String,
) -> Result<()> {
    let mut taken: HashMap<F, T> = HashMap::new();
    for name in names {
        if let Some(other) = taken.insert(field(&name), name) {
            return Err(Error::invalid("two names share a field in Redis; rename one of them")
                .with(what, format!("{}, {}", shown(&other), shown(&name))));
        }
    }
    Ok(())
}

/// Looks for any row in another layout.
struct Search<'a> {
    targets: &'a [Target],
    wanted: Layout,
    context: &'a RequestContext,
    found: bool,
}

impl Visit for Search<'_> {
    async fn visit(&mut self, lane: &mut LaneGuard, found: &[(&[u8], usize)]) -> Result<bool> {
        let form = Form::Both { to: self.wanted };
        let commands = ask(found.iter().map(|(key, target)| (*key, &self.targets[*target].fields)), form);
        let mut replies = lane.exchange(&commands, self.context).await?;
        for _ in found {
            let seen = Seen::find(&mut replies, form)?.unwrap_or_default();
            let other = if self.wanted == Layout::Packed { seen.time } else { seen.packed };
            self.found |= other.is_some();
        }
        Ok(!self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::{Kind, ValueType};

    fn view(name: &str, features: &[&str]) -> OnlineTable {
        OnlineTable {
            project: "shop".to_owned(),
            view: name.to_owned(),
            join_keys: vec!["id".to_owned()],
            features: features.iter().map(|name| ((*name).to_owned(), ValueType::INT64)).collect(),
            ttl: None,
            tags: Default::default(),
        }
    }

    #[test]
    fn features_that_share_a_field_are_refused_by_name() {
        // Both hash to e0362846.
        let tables = [view("stats", &["f5728", "other", "f9010"])];
        let error = check(tables.iter(), Form::Feast).unwrap_err();
        assert_eq!((error.kind(), error.get("features")), (Kind::Invalid, Some("stats:f5728, stats:f9010")));
        assert!(check(tables.iter(), Form::Packed).is_ok());
    }

    #[test]
    fn views_that_share_a_field_are_refused_where_rows_are_packed() {
        // Both hash to 38840b8f.
        let tables = [view("view_2569", &["a"]), view("view_103589", &["a"])];
        let error = check(tables.iter(), Form::Both { to: Layout::Feast }).unwrap_err();
        assert_eq!((error.kind(), error.get("views")), (Kind::Invalid, Some("view_2569, view_103589")));
        assert!(check(tables.iter(), Form::Feast).is_ok());
    }
}
