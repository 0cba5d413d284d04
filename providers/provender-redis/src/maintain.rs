//! Long work on what is stored, beside reads and writes: expired rows are removed, the layout is changed.

mod migrate;
mod purge;

use crate::config::Layout;
use crate::lane::Lanes;
use crate::schemas::Schemas;
use crate::state::{Form, Layouts};
use crate::walk::{Target, Walk};
use migrate::Migration;
use provender_core::online::{Maintenance, MaintenanceReport, MaintenanceTask, OnlineTable};
use provender_core::{Error, Result, Timestamp};
use purge::Purge;
use std::sync::Arc;

/// How often a migration looks for rows that a writer left in the old layout who did not know yet.
const PASSES: usize = 8;

/// Works on what is stored.
#[derive(Debug)]
pub(crate) struct Maintainer {
    lanes: Arc<Lanes>,
    layouts: Arc<Layouts>,
    schemas: Arc<Schemas>,
}

impl Maintainer {
    pub(crate) fn new(lanes: Arc<Lanes>, layouts: Arc<Layouts>, schemas: Arc<Schemas>) -> Self {
        Self { lanes, layouts, schemas }
    }

    /// Does a task on the rows of some views.
    ///
    /// # Errors
    /// `Invalid` for an unknown layout, or views of several projects; `Unavailable` if Redis does not answer or the task is cancelled: what is done is done then.
    pub(crate) async fn maintain(&self, maintenance: &Maintenance) -> Result<MaintenanceReport> {
        let Some(first) = maintenance.tables.first() else { return Ok(MaintenanceReport::default()) };
        if maintenance.tables.iter().any(|table| table.project != first.project) {
            return Err(Error::invalid("maintenance is for one project at a time"));
        }
        match &maintenance.task {
            MaintenanceTask::Purge { now, dry_run } => self.purge(maintenance, *now, *dry_run).await,
            MaintenanceTask::MigrateLayout { to } => match to.as_str() {
                "packed" => self.migrate(maintenance, Layout::Packed).await,
                "feast" => self.migrate(maintenance, Layout::Feast).await,
                _ => Err(Error::invalid("unknown layout")
                    .with("layout", to)
                    .with("expected", "packed or feast")),
            },
        }
    }

    async fn purge(
        &self,
        maintenance: &Maintenance,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<MaintenanceReport> {
        let (tables, context) = (&maintenance.tables, &maintenance.context);
        let targets: Vec<Target> = tables.iter().map(Target::of).collect();
        let mut purge = Purge::new(&targets, now, dry_run, context);
        let walk =
            Walk::new(&self.lanes, &targets, context).at(maintenance.rate).telling("look for expired rows");
        let keys = walk.run(&mut purge).await?;
        Ok(MaintenanceReport { keys, rows: purge.rows })
    }

    /// Everybody first learns that rows may be in either layout, then every row is converted, then everybody learns that they are in the new one. Interrupted,
    /// it leaves a store in which both are read; doing it again finishes it, in either direction.
    async fn migrate(&self, maintenance: &Maintenance, to: Layout) -> Result<MaintenanceReport> {
        let (tables, context) = (&maintenance.tables, &maintenance.context);
        let project = &tables[0].project;
        for table in tables {
            self.schemas.keep(table, context).await?;
        }
        crate::reconcile::check(tables.iter().map(Arc::as_ref), Form::Both { to })?;
        self.layouts.begin(project, to, context).await?;
        let targets: Vec<Target> = tables.iter().map(Target::of).collect();
        let mut report = MaintenanceReport { keys: 0, rows: vec![0; tables.len()] };
        for _ in 0..PASSES {
            let mut migration = Migration::new(&targets, to, &self.schemas, context);
            let walk =
                Walk::new(&self.lanes, &targets, context).at(maintenance.rate).telling("change the layout");
            report.keys = report.keys.max(walk.run(&mut migration).await?);
            let converted: u64 = migration.rows.iter().sum();
            report.rows.iter_mut().zip(migration.rows).for_each(|(sum, rows)| *sum += rows);
            if converted == 0 && migration.left == 0 {
                self.layouts.set(project, Form::of(to), context).await?;
                return Ok(report);
            }
        }
        Err(Error::conflict(
            "rows are still being written in the old layout; is Feast still writing to this store?",
        )
        .with("project", project))
    }
}

/// A view among the targets of a walk.
fn table(targets: &[Target], target: usize) -> &OnlineTable {
    &targets[target].table
}
