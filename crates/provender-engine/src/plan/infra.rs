//! Tables of the online store, before and after an apply.

use super::{InfraAction, InfraChange};
use provender_core::OnlineStore;
use provender_core::online::{InfraChanges, OnlineTable};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tables of the views that are served online, by view.
pub(super) type Tables = BTreeMap<String, Arc<OnlineTable>>;

type Pair = (Arc<OnlineTable>, Arc<OnlineTable>);

/// What happens to the tables.
#[derive(Debug, Default)]
pub(super) struct Infra {
    create: Vec<Arc<OnlineTable>>,
    keep: Vec<Arc<OnlineTable>>,
    /// Gain features and lose nothing.
    grow: Vec<Pair>,
    /// Lose features, or all values because the keys are others.
    shrink: Vec<Pair>,
    drop: Vec<Arc<OnlineTable>>,
}

impl Infra {
    /// The way from the tables that are there to those that should be.
    pub(super) fn between(before: &Tables, after: &Tables) -> Self {
        let mut infra = Self::default();
        for (view, new) in after {
            match before.get(view) {
                None => infra.create.push(Arc::clone(new)),
                Some(old) if same(old, new) => infra.keep.push(Arc::clone(new)),
                Some(old) if holds(new, old) => infra.grow.push((Arc::clone(old), Arc::clone(new))),
                Some(old) => infra.shrink.push((Arc::clone(old), Arc::clone(new))),
            }
        }
        infra.drop = before
            .iter()
            .filter(|(view, _)| !after.contains_key(*view))
            .map(|(_, t)| Arc::clone(t))
            .collect();
        infra
    }

    /// What a plan says of it.
    pub(super) fn changes(&self, store: &dyn OnlineStore) -> Vec<InfraChange> {
        let change = |action, destructive| {
            move |table: &Arc<OnlineTable>| {
                let (name, view) = (store.describe(table), table.view.clone());
                InfraChange { action, name, view, destructive, removed: None }
            }
        };
        let mut changes: Vec<_> = self.create.iter().map(change(InfraAction::Create, false)).collect();
        changes.extend(self.grow.iter().map(|(_, new)| new).map(change(InfraAction::Alter, false)));
        changes.extend(self.shrink.iter().map(|(_, new)| new).map(change(InfraAction::Alter, true)));
        changes.extend(self.drop.iter().map(change(InfraAction::Drop, true)));
        changes
    }

    /// The part by which no served value is lost.
    pub(super) fn building(&self) -> InfraChanges {
        let keep = self.keep.iter().chain(&self.create).map(Arc::clone).collect();
        InfraChanges { keep, alter: self.grow.clone(), ..InfraChanges::default() }
    }

    /// The part by which served values are lost.
    pub(super) fn destroying(&self) -> InfraChanges {
        InfraChanges { alter: self.shrink.clone(), drop: self.drop.clone(), ..InfraChanges::default() }
    }

    /// Whether served values of a view are lost.
    pub(super) fn destroys(&self, view: &str) -> bool {
        self.shrink.iter().any(|(old, _)| old.view == view)
            || self.drop.iter().any(|table| table.view == view)
    }

    /// Whether any served value is lost.
    pub(super) fn destroys_any(&self) -> bool {
        !self.shrink.is_empty() || !self.drop.is_empty()
    }
}

fn same(old: &OnlineTable, new: &OnlineTable) -> bool {
    holds(new, old) && holds(old, new)
}

/// Whether `outer` has the keys and all the features of `inner`.
fn holds(outer: &OnlineTable, inner: &OnlineTable) -> bool {
    outer.join_keys == inner.join_keys
        && inner.features.iter().all(|feature| outer.features.contains(feature))
}
