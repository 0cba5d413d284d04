//! Entity rows: where they come from, and how they get into memory or onto disk.

use crate::tables;
use futures::executor::block_on_stream;
use provender::engine::manifest::{EntityOrigin, FileRecord};
use provender::engine::{KeyRows, Pinned, Query, Spines};
use provender::storage::{Places, is_url};
use provender::{Error, FeatureStore, RequestContext, Result, Timestamp, frame, version_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The part of --max-memory that entity rows may fill before they go to disk: one in so many.
const ENTITY_SHARE: u64 = 8;

/// What entity rows may take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    /// --max-memory.
    pub(crate) memory: Option<u64>,
    /// --spill-dir.
    pub(crate) folder: Option<PathBuf>,
}

impl Room {
    fn held(&self) -> Option<u64> {
        self.memory.map(|bytes| bytes / ENTITY_SHARE)
    }
}

/// The entity rows that an origin means. Those that are made of the views' own rows are made by [`made`].
pub(crate) async fn rows(
    origin: &EntityOrigin,
    room: &Room,
    store: &FeatureStore,
    context: &RequestContext,
) -> Result<Spines> {
    let instant = |text: &String| Timestamp::parse(text);
    match origin {
        EntityOrigin::File(file) => {
            let (path, room) = (PathBuf::from(&file.path), room.clone());
            blocking(move || of_file(&path, &room)).await
        }
        EntityOrigin::Inline { json } => {
            let spine = frame::read_json(json.as_bytes()).and_then(tables::spine);
            spine.map(Spines::Frame).map_err(|e| e.with("field", "--dataframe"))
        }
        EntityOrigin::Query { sql } => of_query(store, sql, room, context).await,
        EntityOrigin::Snapshot { start, end } => {
            Ok(Spines::Snapshot { start: start.as_ref().map(instant).transpose()?, end: instant(end)? })
        }
        EntityOrigin::Changes { start, end } => {
            Ok(Spines::Changes { start: instant(start)?, end: instant(end)? })
        }
        EntityOrigin::Given => Err(Error::unsupported("the entity rows were handed over by a program")
            .with("expected", "the same rows with --entity-df")),
    }
}

/// A file of entity rows as its manifest names it.
pub(crate) fn file_origin(file: &Path) -> Result<EntityOrigin> {
    let path = absolute(file)?;
    let version = version_of(&Places::default(), &path).map_err(|e| match e.get("file") {
        Some(_) => e,
        None => e.with("file", &path),
    })?;
    Ok(EntityOrigin::File(FileRecord::from(&version)))
}

/// A path that means the same from every folder; URLs stay.
pub(crate) fn absolute(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .ok_or_else(|| Error::invalid("the file's name is not UTF-8").with("file", path.display()))?;
    if is_url(text) {
        return Ok(text.to_owned());
    }
    let path = path.strip_prefix("file://").unwrap_or(path);
    let path = std::path::absolute(path).map_err(|e| Error::io(e, "find", path))?;
    Ok(path.to_string_lossy().into_owned())
}

fn of_file(file: &Path, room: &Room) -> Result<Spines> {
    let named = |e: Error| if e.get("file").is_some() { e } else { e.with("file", file.display()) };
    // What is read ahead takes memory of its own.
    let reader = if room.memory.is_none() { frame::open_ahead(file) } else { frame::open(file) };
    let spine = frame::entity_rows(reader?, room.held(), room.folder.as_deref());
    spine.map(|spine| Spines::Frame(Arc::new(spine))).map_err(named)
}

/// The rows of a query as entity rows.
async fn of_query(store: &FeatureStore, sql: &str, room: &Room, context: &RequestContext) -> Result<Spines> {
    let query = Query {
        sql: sql.to_owned(),
        max_memory: room.memory,
        spill_folder: room.folder.clone(),
        context: context.clone(),
    };
    let spine = provender::entity_sql(store, query, room.held()).await;
    spine.map(|spine| Spines::Frame(Arc::new(spine))).map_err(|error| {
        if error.get("field").is_some() { error } else { error.with("field", "--entity-sql") }
    })
}

/// Makes the entity rows that a request wants to be made: sorted, each once, and on disk where memory is short.
pub(crate) async fn made<'a>(pinned: Pinned<'a>, room: &Room) -> Result<Pinned<'a>> {
    let Some(KeyRows { schema, batches }) = pinned.key_rows().await? else { return Ok(pinned) };
    let room = room.clone();
    let spine = blocking(move || {
        let reader = frame::FrameReader { schema, batches: Box::new(block_on_stream(batches)) };
        // While rows are sorted, what is sorted and what is kept share the room.
        let half = room.held().map(|bytes| bytes / 2);
        let sorted = frame::distinct_rows(reader, half, room.folder.as_deref())?;
        frame::entity_rows(sorted, half, room.folder.as_deref())
    });
    Ok(pinned.with_rows(Arc::new(spine.await?)))
}

/// Runs what blocks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("a working thread stopped").because(e))?
}
