//! Reading: one HMGET a key with the fields of all views that share it, all of them in one round trip to each node.

mod command;
mod exchange;
mod packed;
mod rows;

use crate::connect::Servers;
use crate::link::Links;
use crate::schemas::Schemas;
use crate::state::Layouts;
use command::Commands;
use exchange::Exchange;
use provender_core::online::{OnlineRead, OnlineRows, ViewRead};
use provender_core::{RequestContext, Result};
use std::sync::Arc;

/// Answers reads.
#[derive(Debug)]
pub(crate) struct Reader {
    servers: Arc<Servers>,
    links: Links,
    layouts: Arc<Layouts>,
    schemas: Arc<Schemas>,
    commands: Commands,
}

impl Reader {
    /// A reader with at most so many links to each node; connects at the first read.
    pub(crate) fn new(
        servers: Arc<Servers>,
        links: usize,
        layouts: Arc<Layouts>,
        schemas: Arc<Schemas>,
    ) -> Self {
        let links = Links::new(Arc::clone(&servers), links);
        Self { servers, links, layouts, schemas, commands: Commands::default() }
    }

    /// Reads all views of a request.
    ///
    /// # Errors
    /// `Unavailable` if any key could not be read; `Internal` for what is not of the layout.
    pub(crate) async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        let Some(first) = request.views.first() else { return Ok(OnlineRows::default()) };
        let project = &first.table.project;
        if request.views.iter().all(|view| view.table.project == *project) {
            return self.read_project(project, &request.views, &request.context).await;
        }
        // Each project has a layout of its own.
        let mut rows = OnlineRows::default();
        for view in &request.views {
            let view = std::slice::from_ref(view);
            let read = self.read_project(&view[0].table.project, view, &request.context).await?;
            rows.views.extend(read.views);
        }
        Ok(rows)
    }

    /// Reads views of one project.
    async fn read_project(
        &self,
        project: &str,
        views: &[ViewRead],
        context: &RequestContext,
    ) -> Result<OnlineRows> {
        let mut lease = self.layouts.current(project, context).await?;
        loop {
            context.check()?;
            let groups = self.commands.groups(lease.form, views)?;
            let exchange = Exchange { servers: &self.servers, links: &self.links, groups: &groups };
            let replies = exchange.run(views, context).await?;
            // What came late may be from after a change of the layout.
            if lease.has_ended() {
                let now = self.layouts.current(project, context).await?;
                if now.form != lease.form {
                    lease = now;
                    continue;
                }
            }
            return rows::rows(views, &groups, replies, lease.form, &self.schemas, context).await;
        }
    }
}
