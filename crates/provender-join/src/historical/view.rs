//! A view of a join: its columns found, its source pruned.

use crate::columns::Columns;
use crate::explain::Need;
use crate::instants::{self, is_instant};
use crate::prune::{Limits, Part, Pruning, prune};
use crate::scan::Scan;
use crate::source::{Source, SourceSpec};
use crate::spine::{Entities, Facts};
use crate::winners::{Counts, Rule};
use provender_core::offline::{KnownAt, ViewAudit, ViewJoin, ViewReport};
use provender_core::{Error, RequestContext, Result};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct View {
    pub(super) join: ViewJoin,
    pub(super) source: Arc<Source>,
    pub(super) rule: Rule,
    /// Keys, event time, created time.
    pub(super) scanned: Arc<Columns>,
    pub(super) features: Arc<Columns>,
    /// What is read for all entity rows.
    pub(super) pruning: Pruning,
}

impl View {
    pub(super) fn prepare(
        join: ViewJoin,
        source: Arc<Source>,
        entities: &Entities,
        context: &RequestContext,
    ) -> Result<Self> {
        let ttl = ttl(&join)?;
        entities.check_keys(&join.keys, &source)?;
        check_instants(&source, &join.event_column, join.created_column.as_deref())?;
        for feature in &join.features {
            source.column_type(&feature.column, "feature column")?;
        }
        let mut scanned: Vec<&str> = join.keys.iter().map(|key| key.column.as_str()).collect();
        scanned.push(&join.event_column);
        scanned.extend(join.created_column.as_deref());
        let scanned = Arc::new(Columns::find(&source, &scanned, 0)?);
        let features: Vec<&str> = join.features.iter().map(|feature| feature.column.as_str()).collect();
        let features = Arc::new(Columns::find(&source, &features, features.len())?);
        let rule =
            Rule { ttl, by_created: join.known_at == KnownAt::Created && join.created_column.is_some() };
        let mut view = Self { join, source, rule, scanned, features, pruning: Pruning::default() };
        view.pruning = view.prune(entities.facts(), context)?;
        Ok(view)
    }

    /// What may hold a winner for entity rows of these times and keys.
    pub(super) fn prune(&self, facts: &Facts, context: &RequestContext) -> Result<Pruning> {
        prune(&self.source, &limits(&self.join, self.rule.ttl, facts), context)
    }

    /// The scan of some parts of the source for grouped entity rows.
    pub(super) fn scan<'a>(&'a self, groups: &'a crate::groups::Groups, parts: &'a [Part]) -> Scan<'a> {
        Scan {
            name: &self.join.name,
            source: &self.source,
            columns: &self.scanned,
            keys: self.join.keys.len(),
            groups,
            rule: self.rule,
            parts,
        }
    }

    pub(super) fn key_names(&self) -> Vec<&str> {
        self.join.keys.iter().map(|key| key.name.as_str()).collect()
    }

    pub(super) fn report(&self, counts: &Counts) -> ViewReport {
        counts.report(&self.join.name, self.join.created_column.is_some())
    }

    /// Nothing counted yet.
    pub(super) fn audit(&self) -> ViewAudit {
        ViewAudit::new(self.join.created_column.as_ref().map(|_| self.join.features.len()))
    }

    pub(super) fn need(&self) -> Need<'_> {
        Need {
            name: &self.join.name,
            source: &self.source,
            parts: &self.pruning.parts,
            scanned: &self.scanned,
            features: &self.features,
        }
    }
}

/// Opens the source of a view for entity rows of some times and keys.
///
/// # Errors
/// Those of [`Source::open`]; `Invalid` for a negative ttl.
pub(super) fn open(
    join: &ViewJoin,
    spec: &SourceSpec,
    facts: &Facts,
    context: &RequestContext,
) -> Result<Arc<Source>> {
    let limits = limits(join, ttl(join)?, facts);
    Source::open_within(spec, Some(&limits), context).map(Arc::new)
}

/// The lifetime of a view's rows; `None` for ever.
fn ttl(join: &ViewJoin) -> Result<Option<i64>> {
    match join.ttl {
        Some(ttl) if ttl < 0 => Err(Error::invalid("the ttl is negative").with("ttl", ttl)),
        ttl => Ok(ttl.filter(|ttl| *ttl > 0)),
    }
}

/// What a row must satisfy to win an entity row of some times and keys.
fn limits<'a>(join: &'a ViewJoin, ttl: Option<i64>, facts: &'a Facts) -> Limits<'a> {
    let (first, last) = match (facts.times, ttl) {
        (Some((first, last)), Some(ttl)) => (first.saturating_sub(ttl), last),
        (Some((_, last)), None) => (i64::MIN, last),
        (None, _) => (1, 0),
    };
    let set = |name: &str| facts.keys.get(name);
    let keys = join.keys.iter().filter_map(|key| Some((key.column.as_str(), set(&key.name)?)));
    Limits { event: (&join.event_column, first, last), keys: keys.collect() }
}

/// Checks that the time columns are there and hold instants.
pub(crate) fn check_instants(source: &Source, event: &str, created: Option<&str>) -> Result<()> {
    let columns = [Some((event, "timestamp column")), created.map(|c| (c, "created timestamp column"))];
    for (column, role) in columns.into_iter().flatten() {
        let data_type = source.column_type(column, role)?;
        if !is_instant(data_type) {
            return Err(Error::invalid(format!("the {role} holds no instants"))
                .with("source", source.name())
                .with("column", column)
                .with("type", data_type)
                .with("expected", instants::EXPECTED));
        }
    }
    Ok(())
}
