//! What a view leaves behind is looked for and removed.

use crate::config::Layout;
use crate::lane::{Commands, LaneGuard, Lanes, Reply, garbled, refused};
use crate::layout::names::feature_field;
use crate::walk::{Target, Visit, Walk};
use provender_core::online::{OnlineTable, removal_task};
use provender_core::{RequestContext, Result};
use std::sync::Arc;

/// Fields to remove from the keys of a view.
#[derive(Debug)]
pub(super) struct Removal {
    target: Target,
    fields: Vec<Vec<u8>>,
}

impl Removal {
    /// All fields of a view, in either layout.
    pub(super) fn whole(table: &Arc<OnlineTable>) -> Self {
        let target = Target::of(table);
        let all = [Layout::Feast, Layout::Packed].map(|layout| target.fields.all_in(layout));
        let fields = all.iter().flatten().map(|field| field.to_vec()).collect();
        Self { target, fields }
    }

    /// The fields of features that a view no longer has, or has with another type: should one come back, it was never written. With other join keys everything
    /// goes: the old keys are never read again. Packed rows know their features by name and type, and stay.
    pub(super) fn between(old: &Arc<OnlineTable>, new: &OnlineTable) -> Option<Self> {
        let join_keys = |table: &OnlineTable| {
            let mut names = table.join_keys.clone();
            names.sort_unstable();
            names
        };
        if join_keys(old) != join_keys(new) {
            return Some(Self::whole(old));
        }
        let gone = old.features.iter().filter(|feature| !new.features.contains(feature));
        let fields: Vec<_> = gone.map(|(name, _)| feature_field(&old.view, name).to_vec()).collect();
        (!fields.is_empty()).then(|| Self { target: Target::of(old), fields })
    }

    pub(super) fn view(&self) -> &str {
        &self.target.table.view
    }
}

/// Removes the fields, one walk a project, and tells how many rows of each view had any.
pub(super) async fn remove(lanes: &Lanes, removals: &[Removal], context: &RequestContext) -> Result<()> {
    let mut projects: Vec<&str> = removals.iter().map(|r| r.target.table.project.as_str()).collect();
    projects.sort_unstable();
    projects.dedup();
    for project in projects {
        let (targets, fields): (Vec<Target>, Vec<&[Vec<u8>]>) = removals
            .iter()
            .filter(|r| r.target.table.project == project)
            .map(|r| (Target::of(&r.target.table), &r.fields[..]))
            .unzip();
        let mut remover = Remover { fields, rows: vec![0; targets.len()], context };
        Walk::new(lanes, &targets, context).run(&mut remover).await?;
        for (target, rows) in targets.iter().zip(remover.rows) {
            tracing::info!(view = target.table.view, rows, "values removed from Redis");
            context.progress.report(&removal_task(&target.table.view), rows, None);
        }
    }
    Ok(())
}

struct Remover<'a> {
    /// Of each target.
    fields: Vec<&'a [Vec<u8>]>,
    rows: Vec<u64>,
    context: &'a RequestContext,
}

impl Visit for Remover<'_> {
    async fn visit(&mut self, lane: &mut LaneGuard, found: &[(&[u8], usize)]) -> Result<bool> {
        let mut commands = Commands::default();
        for (key, target) in found {
            commands.begin(2 + self.fields[*target].len());
            commands.word(b"HDEL");
            commands.word(key);
            self.fields[*target].iter().for_each(|field| commands.word(field));
        }
        let mut replies = lane.exchange(&commands, self.context).await?;
        for (_, target) in found {
            match replies.next().map_err(|_| garbled())? {
                Reply::Number(removed) => self.rows[*target] += u64::from(removed > 0),
                // A key of somebody else's that looks like ours.
                Reply::Error(text) if text.starts_with(b"WRONGTYPE") => {}
                Reply::Error(text) => return Err(refused("remove values", text)),
                _ => return Err(garbled()),
            }
        }
        Ok(true)
    }
}
