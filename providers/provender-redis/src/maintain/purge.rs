//! Rows whose event time is further back than the lifetime of their view.

use super::table;
use crate::config::Layout;
use crate::lane::{Commands, LaneGuard, garbled};
use crate::layout::time;
use crate::state::Form;
use crate::walk::{Target, Visit};
use crate::write::script;
use crate::write::seen::{Seen, ask};
use provender_core::{RequestContext, Result, Timestamp};

/// Rows may be in either layout, whatever the settings say.
const EITHER: Form = Form::Both { to: Layout::Feast };

/// Counts expired rows, and removes them unless only counting was asked for.
pub(super) struct Purge<'a> {
    targets: &'a [Target],
    now: Timestamp,
    dry_run: bool,
    context: &'a RequestContext,
    /// Of each target.
    pub(super) rows: Vec<u64>,
}

impl<'a> Purge<'a> {
    pub(super) fn new(
        targets: &'a [Target],
        now: Timestamp,
        dry_run: bool,
        context: &'a RequestContext,
    ) -> Self {
        Self { targets, now, dry_run, context, rows: vec![0; targets.len()] }
    }

    /// Whether the newest that is known of a row is too old. The reader's bound: a row that is exactly as old as the lifetime is served.
    fn is_expired(&self, target: usize, seen: &Seen<'_>) -> Result<bool> {
        let Some(ttl) = table(self.targets, target).ttl else { return Ok(false) };
        // An event time of 0 in Feast's layout is none to its writers, but expired all the same.
        let feasts = seen.time.and_then(time::event);
        let event = seen.packed_age()?.map(|(event, _)| event).max(feasts);
        Ok(event.is_some_and(|event| event.0 < self.now.0.saturating_sub(ttl)))
    }
}

impl Visit for Purge<'_> {
    async fn visit(&mut self, lane: &mut LaneGuard, found: &[(&[u8], usize)]) -> Result<bool> {
        let asked = ask(found.iter().map(|(key, target)| (*key, &self.targets[*target].fields)), EITHER);
        let mut replies = lane.exchange(&asked, self.context).await?;
        let mut commands = Commands::default();
        let mut expired = Vec::new();
        for (key, target) in found {
            let Some(seen) = Seen::find(&mut replies, EITHER)? else { continue };
            if !self.is_expired(*target, &seen)? {
                continue;
            }
            if expired.is_empty() {
                script::load(&mut commands);
            }
            let fields = &self.targets[*target].fields;
            let dels = [fields.all_in(Layout::Feast), fields.all_in(Layout::Packed)].concat();
            let conditions = fields.conditions(EITHER, &seen)?;
            script::begin(&mut commands, (key, b""), &conditions, script::words(0, dels.len()));
            commands.number(0);
            script::end(&mut commands, &dels, None);
            expired.push(*target);
        }
        if self.dry_run {
            expired.iter().for_each(|target| self.rows[*target] += 1);
        } else if !expired.is_empty() {
            let mut replies = lane.exchange(&commands, self.context).await?;
            script::loaded(replies.next().map_err(|_| garbled())?)?;
            for target in expired {
                // A row that somebody has written in between is not expired any more.
                let removed = script::done(replies.next().map_err(|_| garbled())?)?;
                self.rows[target] += u64::from(removed);
            }
        }
        Ok(true)
    }
}
