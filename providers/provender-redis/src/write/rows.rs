//! The rows of a batch as commands, in the layout of their project.

use super::script::{self, Condition, Expected};
use super::seen::{Fields, Seen};
use crate::config::{Layout, WriteMode};
use crate::lane::Commands;
use crate::layout::{packed, time};
use crate::resp;
use crate::state::{self, Form};
use provender_core::online::{OnlineTable, WriteColumns};
use provender_core::{Result, Timestamp};

/// What rows are written like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) form: Form,
    /// Of the view's features; for packed rows.
    pub(super) fingerprint: u32,
    pub(super) mode: WriteMode,
}

/// The rows of a batch.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    columns: &'a WriteColumns<'a>,
    project: &'a str,
    pub(super) shape: Shape,
    key_ttl: Option<u64>,
    fields: Fields,
    /// The feature's fields, as they are sent.
    features: Vec<Vec<u8>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        columns: &'a WriteColumns<'a>,
        table: &'a OnlineTable,
        shape: Shape,
        key_ttl: Option<u64>,
    ) -> Self {
        let fields = Fields::of(table);
        let encoded = |field: &[u8; 4]| {
            let mut word = Vec::new();
            resp::word(&mut word, field);
            word
        };
        let features = fields.features.iter().map(encoded).collect();
        Self { columns, project: &table.project, shape, key_ttl, fields, features }
    }

    /// A row's key, in two pieces.
    pub(super) fn key(&self, row: usize) -> (&[u8], &[u8]) {
        (self.columns.keys.value(row), self.project.as_bytes())
    }

    /// Watches the keys of rows, and what says how they are laid out.
    pub(super) fn watch(&self, out: &mut Commands, rows: &[usize]) {
        out.begin(2 + rows.len());
        out.word(b"WATCH");
        out.word(&state::key(self.project));
        rows.iter().for_each(|row| {
            let (entity, project) = self.key(*row);
            out.word_of(entity, project);
        });
    }

    /// Asks how old a row is.
    pub(super) fn ask(&self, out: &mut Commands, row: usize) {
        let (entity, project) = self.key(row);
        let asked = self.fields.asked(self.shape.form);
        out.begin(2 + asked.len());
        out.word(b"HMGET");
        out.word_of(entity, project);
        asked.iter().for_each(|field| out.word(field));
    }

    /// Whether a row is not older than what was seen.
    pub(super) fn replaces(&self, row: usize, seen: &Seen<'_>) -> Result<bool> {
        let age = seen.age()?;
        Ok(age.is_none_or(|stored| stored <= self.columns.age(row)))
    }

    /// Writes a row. Returns how many commands that takes.
    pub(super) fn put(&self, out: &mut Commands, row: usize) -> usize {
        let (entity, project) = self.key(row);
        out.begin(2 + self.set_words(row));
        out.word(b"HSET");
        out.word_of(entity, project);
        self.sets(out, row);
        let mut commands = 1;
        let dels = self.dels();
        if !dels.is_empty() {
            out.begin(2 + dels.len());
            out.word(b"HDEL");
            out.word_of(entity, project);
            dels.iter().for_each(|field| out.word(field));
            commands += 1;
        }
        if let Some(seconds) = self.key_ttl {
            out.begin(3);
            out.word(b"EXPIRE");
            out.word_of(entity, project);
            out.number(seconds);
            commands += 1;
        }
        commands
    }

    /// Writes a row if it is still as old as was seen.
    pub(super) fn put_if(&self, out: &mut Commands, row: usize, seen: &Seen<'_>) -> Result<()> {
        let (sets, dels) = (self.set_words(row), self.dels());
        let conditions = self.fields.conditions(self.shape.form, seen)?;
        script::begin(out, self.key(row), &conditions, script::words(sets, dels.len()));
        out.number(sets as u64);
        self.sets(out, row);
        script::end(out, &dels, self.key_ttl);
        Ok(())
    }

    /// What is left of the layout that a project is taken out of.
    fn dels(&self) -> Vec<&[u8]> {
        match self.shape.form {
            Form::Both { to: Layout::Packed } => self.fields.all_in(Layout::Feast),
            Form::Both { to: Layout::Feast } => self.fields.all_in(Layout::Packed),
            Form::Feast | Form::Packed => Vec::new(),
        }
    }

    fn set_words(&self, row: usize) -> usize {
        match self.shape.form.target() {
            Layout::Packed => 2,
            Layout::Feast => 2 * (self.features.len() + 1 + usize::from(self.keeps_created(row))),
        }
    }

    /// The created time is kept for newest-wins alone, and where there is one. Without one, the time 0 is marked as meant: to Feast it is none.
    fn keeps_created(&self, row: usize) -> bool {
        let (event, created) = self.columns.age(row);
        self.shape.mode == WriteMode::Newest && (created.is_some() || event == Timestamp(0))
    }

    fn sets(&self, out: &mut Commands, row: usize) {
        let (event, created) = self.columns.age(row);
        let values = self.columns.values.iter().map(|column| column.value(row));
        match self.shape.form.target() {
            Layout::Packed => {
                out.word(&self.fields.packed);
                out.word_with(|row| {
                    packed::put_header(row, self.shape.fingerprint, event, created);
                    values.for_each(|value| packed::put_cell(row, Some(value)));
                });
            }
            Layout::Feast => {
                // The times come first: Redis searches small hashes from the front, and they are asked for before every write.
                out.word(&self.fields.time);
                out.word_with(|bytes| time::put_event(bytes, event));
                if self.keeps_created(row) {
                    out.word(&self.fields.created);
                    out.word_with(|bytes| time::put_created(bytes, event, created));
                }
                for (field, value) in self.features.iter().zip(values) {
                    out.encoded(field);
                    out.word(value);
                }
            }
        }
    }
}

impl Fields {
    /// That the fields which say how old a row is are still as they were seen.
    pub(crate) fn conditions<'a>(&'a self, form: Form, seen: &Seen<'a>) -> Result<Vec<Condition<'a>>> {
        let mut conditions = Vec::with_capacity(3);
        if form != Form::Packed {
            conditions.push((&self.time[..], Expected::Is(seen.time)));
            conditions.push((&self.created[..], Expected::Is(seen.created)));
        }
        if form != Form::Feast {
            let expected = match seen.packed.zip(seen.packed_header()?) {
                Some((row, header)) => Expected::Begins(&row[..header.len]),
                None => Expected::Is(None),
            };
            conditions.push((&self.packed[..], expected));
        }
        Ok(conditions)
    }
}
