//! Which offline store joins which views, and where their columns stand in the answer.

use super::HistoricalQuery;
use super::assemble::Pick;
use super::pinned::Sources;
use crate::history::History;
use crate::resolve::{Resolved, ViewUse};
use provender_core::offline::{HistoricalRequest, JoinAudit, KnownAt, Spine, ViewJoin};
use provender_core::{Error, OfflineStore, Result};
use std::sync::Arc;

/// The stores that take part, each with the uses of views that it joins.
#[derive(Debug)]
pub(super) struct Routes {
    parts: Vec<Route>,
    uses: usize,
}

#[derive(Debug)]
struct Route {
    /// Index of the store.
    store: usize,
    /// Indexes of uses, in the order of the request.
    uses: Vec<usize>,
}

impl Routes {
    /// Sends each view to the first store that reads its source.
    pub(super) fn new(uses: &[ViewUse], stores: &[Arc<dyn OfflineStore>]) -> Result<Self> {
        let mut parts: Vec<Route> = Vec::new();
        for (index, view) in uses.iter().enumerate() {
            let store = History::of(&view.view)?.store(&view.name, stores)?;
            match parts.iter_mut().find(|part| part.store == store) {
                Some(part) => part.uses.push(index),
                None => parts.push(Route { store, uses: vec![index] }),
            }
        }
        Ok(Self { parts, uses: uses.len() })
    }

    /// One request a store. They share the memory that the query allows.
    pub(super) fn requests(
        &self,
        resolved: &Resolved,
        query: &HistoricalQuery,
        spine: &Arc<Spine>,
        sources: &Sources<'_>,
    ) -> Result<Vec<(usize, HistoricalRequest)>> {
        let share = self.parts.len().max(1) as u64;
        let request = |part: &Route| {
            let views = part.uses.iter().map(|index| {
                let mut view = view_join(resolved, *index, query.known_at)?;
                view.source = sources.source(*index, part.store, &view.source);
                Ok(view)
            });
            let views = views.collect::<Result<Vec<_>>>()?;
            let by_created = views.iter().find(|view| view.known_at == KnownAt::Created);
            if let Some(view) = by_created.filter(|_| !sources.stores[part.store].capabilities().known_at) {
                return Err(Error::unsupported(
                    "an offline store cannot leave out rows by their created time",
                )
                .with("view", &view.name)
                .with("store", format!("{:?}", sources.stores[part.store]))
                .with("field", "known_at"));
            }
            let request = HistoricalRequest {
                spine: Arc::clone(spine),
                views,
                max_memory: query.max_memory.map(|bytes| bytes / share),
                spill_folder: query.spill_folder.clone(),
                context: query.context.clone(),
            };
            Ok((part.store, request))
        };
        self.parts.iter().map(request).collect()
    }

    /// The entity columns, then the feature columns in the order asked. Input 0 is the entity rows, the others are the stores' answers.
    pub(super) fn picks(&self, resolved: &Resolved, entity_columns: usize) -> Vec<Pick> {
        let mut starts = vec![Pick { input: 0, column: 0 }; self.uses];
        for (index, part) in self.parts.iter().enumerate() {
            let mut column = 0;
            for used in &part.uses {
                starts[*used] = Pick { input: index + 1, column };
                column += resolved.uses[*used].features.len();
            }
        }
        let entity = (0..entity_columns).map(|column| Pick { input: 0, column });
        let features = resolved.columns.iter().map(|column| {
            let start = starts[column.used];
            Pick { input: start.input, column: start.column + column.feature }
        });
        entity.chain(features).collect()
    }

    /// Each view's audit, in the order in which the request names them.
    pub(super) fn audits(&self, parts: Vec<Option<Arc<JoinAudit>>>) -> Vec<Option<(Arc<JoinAudit>, usize)>> {
        let mut views = vec![None; self.uses];
        for (part, audit) in self.parts.iter().zip(parts) {
            for (index, used) in part.uses.iter().enumerate() {
                views[*used] = audit.clone().map(|audit| (audit, index));
            }
        }
        views
    }

    /// Puts what each store says of its views in the order in which the request names them.
    pub(super) fn in_request_order<T>(&self, answers: Vec<Vec<T>>) -> Result<Vec<T>> {
        let mut views: Vec<(usize, T)> = Vec::with_capacity(self.uses);
        for (part, answer) in self.parts.iter().zip(answers) {
            views.extend(part.uses.iter().copied().zip(answer));
        }
        if views.len() != self.uses {
            return Err(Error::internal("an offline store reports on other views than were asked"));
        }
        views.sort_by_key(|(used, _)| *used);
        Ok(views.into_iter().map(|(_, view)| view).collect())
    }
}

pub(super) fn view_join(resolved: &Resolved, index: usize, known_at: Option<KnownAt>) -> Result<ViewJoin> {
    let view = &resolved.uses[index];
    let history = History::of(&view.view)?;
    let features = view.fields().enumerate().map(|(feature, field)| {
        let column = resolved.columns.iter().find(|c| c.used == index && c.feature == feature);
        history.feature(field, column.map_or(&field.name, |c| &c.name))
    });
    Ok(ViewJoin {
        name: view.name.clone(),
        source: history.source.clone(),
        keys: view.keys.iter().map(|k| history.key(&k.name, &k.column, k.value_type)).collect(),
        features: features.collect(),
        event_column: history.event_column.clone(),
        created_column: history.created_column.clone(),
        ttl: view.view.limited_ttl(),
        known_at: known_at.map_or_else(|| history.known_at(), Ok)?,
    })
}
