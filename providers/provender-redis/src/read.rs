//! Reading: one HMGET a key with the fields of all views that share it, all of them in one round trip to each node.

mod command;
mod exchange;
mod rows;
#[cfg(test)]
mod tests;

use crate::connect::Servers;
use crate::link::Links;
use command::{Commands, Form};
use exchange::Exchange;
use provender_core::Result;
use provender_core::online::{OnlineRead, OnlineRows};
use std::sync::Arc;

/// Answers reads.
#[derive(Debug)]
pub(crate) struct Reader {
    servers: Arc<Servers>,
    links: Links,
    commands: Commands,
}

impl Reader {
    /// A reader with at most so many links to each node; connects at the first read.
    pub(crate) fn new(servers: Arc<Servers>, links: usize) -> Self {
        Self { links: Links::new(Arc::clone(&servers), links), servers, commands: Commands::default() }
    }

    /// Reads all views of a request.
    ///
    /// # Errors
    /// `Unavailable` if any key could not be read; `Internal` for what is not of the layout.
    pub(crate) async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        request.context.check()?;
        let groups = self.commands.groups(Form::Feast, &request.views)?;
        let exchange = Exchange { servers: &self.servers, links: &self.links, groups: &groups };
        let replies = exchange.run(&request.views, &request.context).await?;
        rows::feast(&request.views, &groups, replies)
    }
}
