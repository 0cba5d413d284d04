//! The newest row of each key in a window.

use super::{Coalesce, Window, coalesce};
use crate::ahead::Ahead;
use crate::columns::Columns;
use crate::keys::{EncodedIndex, Encoder, KeyValues, NO_GROUP, WholeMap};
use crate::reader::{Chunk, Pick};
use crate::slots::{Candidate, position, unit_and_row};
use crate::threads;
use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use foldhash::fast::FixedState;
use provender_core::{Error, Result};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Parts of the table of keys, each with a lock of its own.
const SHARDS: usize = 64;

impl Window {
    /// Finds the newest row of each key, by event time, created time (null smallest) and place; their values are read as the batches are taken, in the source's
    /// order. Rows with a null key are left out and counted. Memory is that of the keys.
    ///
    /// # Errors
    /// Those of reading; `Unavailable` when cancelled.
    pub fn latest(self, threads: usize) -> Result<Latest> {
        let mut stored: Vec<&str> = self.request.keys.iter().map(|key| key.column.as_str()).collect();
        stored.push(&self.request.event_column);
        stored.extend(self.request.created_column.as_deref());
        let columns = Arc::new(Columns::find(&self.source, &stored, 0)?);
        let keyed = Keyed::new();
        let total = self.rows();
        let done = AtomicU64::new(0);
        let task = format!("scan {}", self.source.name()).into();
        let context = &self.request.context;
        threads::for_each(threads, self.parts.len(), context, Buckets::default, |buckets, index| {
            let part = &self.parts[index];
            let mut numbers = part.numbers();
            for chunk in self.source.read(part.unit, &columns, Pick::ranges(part.selection()))? {
                let chunk = chunk?;
                context.check()?;
                let rows = numbers.next(chunk.rows);
                let positions = rows.into_iter().flat_map(|(rows, first)| (first..).take(rows.len()));
                let positions: Vec<u64> = positions.map(|row| position(part.unit, row)).collect();
                let offered = self.offer(&chunk, &positions, &keyed, buckets);
                offered.map_err(|error| self.source.located(part.unit, error))?;
                let done = done.fetch_add(chunk.rows as u64, Ordering::Relaxed) + chunk.rows as u64;
                context.progress.report(&task, done, Some(total));
            }
            Ok(())
        })?;
        let winners = keyed.into_positions();
        Ok(Latest::new(self, winners, threads))
    }

    /// Deals the rows of a chunk out to the shards of their keys.
    fn offer(&self, chunk: &Chunk, positions: &[u64], keyed: &Keyed, buckets: &mut Buckets) -> Result<()> {
        let times = self.times(chunk)?;
        let (event, created) = (&times[0], times.get(1));
        let keys = &chunk.columns[..self.request.keys.len()];
        let named = |(array, key): (_, &provender_core::offline::KeyColumn)| {
            KeyValues::exact(array)
                .map_err(|e| e.with("source", self.source.name()).with("column", &key.column))
        };
        let keys = keys.iter().zip(&self.request.keys).map(named).collect::<Result<Vec<_>>>()?;
        let mut finder = KeyFinder::new(&keys);
        let (mut rows, mut null_keys) = (0, 0);
        for row in 0..chunk.rows {
            if event.is_null(row) || !self.holds(event.value(row)) {
                continue;
            }
            rows += 1;
            match finder.shard(row) {
                Some(shard) => buckets.0[shard].push(row as u32),
                None => null_keys += 1,
            }
        }
        self.counters.add(rows, null_keys);
        let candidate = |row: usize| Candidate {
            event: event.value(row),
            created: created.filter(|created| created.is_valid(row)).map_or(i64::MIN, |c| c.value(row)),
            position: positions[row],
        };
        for (shard, bucket) in
            keyed.shards.iter().zip(&mut buckets.0).filter(|(_, bucket)| !bucket.is_empty())
        {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for row in bucket.drain(..) {
                let row = row as usize;
                let best = shard.best(&mut finder, row).ok_or_else(too_many)?;
                *best = candidate(row).max(*best);
            }
        }
        Ok(())
    }
}

fn too_many() -> Error {
    Error::unsupported("more than four billion keys in one window")
}

/// Row numbers of a chunk by shard, kept between chunks to save the allocation.
struct Buckets(Vec<Vec<u32>>);

impl Default for Buckets {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Vec::new()).collect())
    }
}

/// The key of each row of a chunk: a number, or bytes.
enum KeyFinder<'a> {
    Whole(&'a arrow_array::Int64Array),
    Encoded(Encoder<'a>, FixedState),
}

impl<'a> KeyFinder<'a> {
    fn new(keys: &'a [KeyValues]) -> Self {
        match keys {
            [KeyValues::Whole(values)] => Self::Whole(values),
            // A seed of its own: inside a shard the table must not see hashes that agree in the bits that chose the shard.
            keys => Self::Encoded(Encoder::new(keys), FixedState::with_seed(1)),
        }
    }

    /// The shard of a row's key; `None` if it is null.
    fn shard(&mut self, row: usize) -> Option<usize> {
        let hash = match self {
            Self::Whole(values) => {
                values.is_valid(row).then(|| (values.value(row) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            }
            Self::Encoded(encoder, hasher) => encoder.encode(row).map(|key| hasher.hash_one(key)),
        };
        hash.map(|hash| (hash >> (u64::BITS - SHARDS.trailing_zeros())) as usize)
    }
}

/// The best row of every key seen so far.
struct Keyed {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    whole: WholeMap,
    encoded: EncodedIndex,
    best: Vec<Candidate>,
}

impl Keyed {
    fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Positions of the winners, ascending.
    fn into_positions(self) -> Vec<u64> {
        let shards =
            self.shards.into_iter().map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut positions: Vec<u64> =
            shards.flat_map(|shard| shard.best.into_iter().map(|best| best.position)).collect();
        positions.sort_unstable();
        positions
    }
}

impl Shard {
    /// The best row of the key of a row so far; `None` if there is no number left for a new key.
    fn best(&mut self, finder: &mut KeyFinder<'_>, row: usize) -> Option<&mut Candidate> {
        let number = match finder {
            KeyFinder::Whole(values) => {
                let next = u32::try_from(self.best.len()).ok().filter(|next| *next != NO_GROUP)?;
                *self.whole.entry(values.value(row)).or_insert(next)
            }
            KeyFinder::Encoded(encoder, _) => self.encoded.intern(encoder.encode(row)?)?,
        };
        if number as usize == self.best.len() {
            self.best.push(Candidate::NONE);
        }
        self.best.get_mut(number as usize)
    }
}

/// The newest rows of a window, batch by batch.
pub struct Latest {
    schema: SchemaRef,
    keys: usize,
    ahead: Ahead,
    failed: bool,
}

impl Latest {
    fn new(window: Window, winners: Vec<u64>, threads: usize) -> Self {
        let (schema, keys) = (Arc::clone(&window.schema), winners.len());
        let ahead = Ahead::new(Pieces(winners.into_iter().peekable()), threads, move |(unit, rows), give| {
            let mut batches = Coalesce::new(&window.schema, give);
            for chunk in window.source.read(unit, &window.columns, Pick::Rows(&rows))? {
                window.request.context.check()?;
                if !batches.push(window.batch(&chunk?)?)? {
                    return Ok(());
                }
            }
            batches.flush().map(drop)
        });
        Self { schema, keys, ahead, failed: false }
    }

    /// Number of keys, which is the number of rows to come at first.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }
}

/// The winners by unit: its number, and their rows in it.
struct Pieces(std::iter::Peekable<std::vec::IntoIter<u64>>);

impl Iterator for Pieces {
    type Item = (usize, Vec<u32>);

    fn next(&mut self) -> Option<Self::Item> {
        let (unit, _) = unit_and_row(*self.0.peek()?);
        let mut rows = Vec::new();
        while let Some(position) = self.0.next_if(|position| unit_and_row(*position).0 == unit) {
            rows.push(unit_and_row(position).1);
        }
        Some((unit, rows))
    }
}

impl Iterator for Latest {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = coalesce(&self.schema, || self.ahead.next_batch()).transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}

impl std::fmt::Debug for Latest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Latest").field("keys", &self.keys).finish_non_exhaustive()
    }
}
