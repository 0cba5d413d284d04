//! The schemas of packed rows, kept once a project in Redis: a hash with a field a view and fingerprint.

use crate::lane::{Commands, Lanes, Replies, Reply, garbled, refused};
use crate::layout::schema::{Schema, fingerprint};
use provender_core::online::OnlineTable;
use provender_core::{Error, RequestContext, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A writer says again what it writes when it last did so long ago: Redis may have been emptied since.
const REMEMBERED: Duration = Duration::from_secs(1);

/// The schemas of packed rows.
#[derive(Debug)]
pub(crate) struct Schemas {
    lanes: Arc<Lanes>,
    /// By project, view and fingerprint: a schema, and when it was last seen in Redis.
    known: Mutex<HashMap<Name, (Arc<Schema>, Instant)>>,
}

type Name = (String, String, u32);

impl Schemas {
    pub(crate) fn new(lanes: Arc<Lanes>) -> Arc<Self> {
        Arc::new(Self { lanes, known: Mutex::default() })
    }

    /// Keeps the schema of a view, so that the rows that are written next can be read. Returns its fingerprint.
    ///
    /// # Errors
    /// `Invalid` if the view had another schema with the same fingerprint.
    pub(crate) async fn keep(&self, table: &OnlineTable, context: &RequestContext) -> Result<u32> {
        let fingerprint = fingerprint(&table.features);
        let name = (table.project.clone(), table.view.clone(), fingerprint);
        if self.known(&name).is_some_and(|(_, seen)| seen.elapsed() < REMEMBERED) {
            return Ok(fingerprint);
        }
        let schema = Schema::new(&table.features);
        let (key, field) = (key(&table.project), field(&table.view, fingerprint));
        let mut commands = Commands::default();
        commands.command(&[b"HSETNX", &key, &field, &schema.to_bytes()]);
        commands.command(&[b"HGET", &key, &field]);
        let seen = Instant::now();
        let kept = self.lanes.ask(&key, &commands, context, |mut replies| {
            if let Reply::Error(text) = replies.next().map_err(|_| garbled())? {
                return Err(refused("keep the schema of a view", text));
            }
            found(replies)
        });
        if kept.await?.as_ref() != Some(&schema) {
            return Err(Error::invalid("two schemas of a view have the same fingerprint; rename a feature")
                .with("view", &table.view)
                .with("fingerprint", format!("{fingerprint:08x}")));
        }
        self.insert(name, schema, seen);
        Ok(fingerprint)
    }

    /// The schema that a row was written with.
    ///
    /// # Errors
    /// `Internal` if nobody knows it any more.
    pub(crate) async fn find(
        &self,
        table: &OnlineTable,
        fingerprint: u32,
        context: &RequestContext,
    ) -> Result<Arc<Schema>> {
        let name = (table.project.clone(), table.view.clone(), fingerprint);
        if let Some((schema, _)) = self.known(&name) {
            return Ok(schema);
        }
        let (key, field) = (key(&table.project), field(&table.view, fingerprint));
        let mut commands = Commands::default();
        commands.command(&[b"HGET", &key, &field]);
        let seen = Instant::now();
        let schema = self.lanes.ask(&key, &commands, context, found).await?.ok_or_else(|| {
            Error::internal("a packed row has a schema that is not in Redis")
                .with("view", &table.view)
                .with("fingerprint", format!("{fingerprint:08x}"))
                .with("key", String::from_utf8_lossy(&key))
        })?;
        Ok(self.insert(name, schema, seen))
    }

    fn known(&self, name: &Name) -> Option<(Arc<Schema>, Instant)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn insert(&self, name: Name, schema: Schema, seen: Instant) -> Arc<Schema> {
        let schema = Arc::new(schema);
        let entry = (Arc::clone(&schema), seen);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name, entry);
        schema
    }
}

/// The key of a project's schemas.
fn key(project: &str) -> Vec<u8> {
    format!("provender:schemas:{project}").into_bytes()
}

fn field(view: &str, fingerprint: u32) -> Vec<u8> {
    [view.as_bytes(), &[0], &fingerprint.to_le_bytes()].concat()
}

fn found(mut replies: Replies<'_>) -> Result<Option<Schema>> {
    match replies.next().map_err(|_| garbled())? {
        Reply::Nil => Ok(None),
        Reply::Value(bytes) => {
            let damaged = || Error::internal("the schema of a packed row is damaged");
            Schema::read(bytes).map(Some).ok_or_else(damaged)
        }
        Reply::Error(text) => Err(refused("read the schema of a view", text)),
        _ => Err(garbled()),
    }
}
