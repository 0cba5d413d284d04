//! What a key held of a view when it was asked.

use crate::config::Layout;
use crate::lane::{Commands, Replies, Reply, garbled, refused};
use crate::layout::packed::Header;
use crate::layout::{names, time};
use crate::state::Form;
use provender_core::online::{Age, OnlineTable};
use provender_core::{Error, Result, Timestamp};

/// The names of a view's fields.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) time: Vec<u8>,
    pub(crate) created: Vec<u8>,
    pub(crate) packed: [u8; 5],
    pub(crate) features: Vec<[u8; 4]>,
}

impl Fields {
    pub(crate) fn of(table: &OnlineTable) -> Self {
        let feature = |(name, _): &(String, _)| names::feature_field(&table.view, name);
        Self {
            time: names::time_field(&table.view),
            created: names::created_field(&table.view),
            packed: names::packed_field(&table.view),
            features: table.features.iter().map(feature).collect(),
        }
    }

    /// The fields of a layout, all of them.
    pub(crate) fn all_in(&self, layout: Layout) -> Vec<&[u8]> {
        match layout {
            Layout::Packed => vec![&self.packed],
            Layout::Feast => {
                let features = self.features.iter().map(|field| &field[..]);
                features.chain([&self.time[..], &self.created]).collect()
            }
        }
    }

    /// The fields that say how old a row is.
    pub(crate) fn asked(&self, form: Form) -> Vec<&[u8]> {
        match form {
            Form::Feast => vec![&self.time, &self.created],
            Form::Packed => vec![&self.packed],
            Form::Both { .. } => vec![&self.time, &self.created, &self.packed],
        }
    }
}

/// Asks how old rows are: each a key and the fields of a view.
pub(crate) fn ask<'a>(rows: impl Iterator<Item = (&'a [u8], &'a Fields)>, form: Form) -> Commands {
    let mut commands = Commands::default();
    for (key, fields) in rows {
        let asked = fields.asked(form);
        commands.begin(2 + asked.len());
        commands.word(b"HMGET");
        commands.word(key);
        asked.iter().for_each(|field| commands.word(field));
    }
    commands
}

/// The fields that say how old a row is, as they were; `None` for one that was not there or not asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) time: Option<&'a [u8]>,
    pub(crate) created: Option<&'a [u8]>,
    pub(crate) packed: Option<&'a [u8]>,
}

impl<'a> Seen<'a> {
    /// Reads the reply to HMGET of [`Fields::asked`]; `Err` inside with the text of an error.
    ///
    /// # Errors
    /// If it is no such reply.
    pub(crate) fn read(replies: &mut Replies<'a>, form: Form) -> Result<Result<Self, &'a [u8]>> {
        match replies.next().map_err(|_| garbled())? {
            Reply::Array(_) => Self::values(replies, form).map(Ok),
            Reply::Error(text) => Ok(Err(text)),
            _ => Err(garbled()),
        }
    }

    /// The same of a key that was found and not made: `None` if it is of another type, and so somebody else's.
    ///
    /// # Errors
    /// What Redis says.
    pub(crate) fn find(replies: &mut Replies<'a>, form: Form) -> Result<Option<Self>> {
        match Self::read(replies, form)? {
            Ok(seen) => Ok(Some(seen)),
            Err(text) if text.starts_with(b"WRONGTYPE") => Ok(None),
            Err(text) => Err(refused("read a key", text)),
        }
    }

    fn values(replies: &mut Replies<'a>, form: Form) -> Result<Self> {
        let mut next = || replies.value().map_err(|_| garbled());
        let mut seen = Self::default();
        if form != Form::Packed {
            (seen.time, seen.created) = (next()?, next()?);
        }
        if form != Form::Feast {
            seen.packed = next()?;
        }
        Ok(seen)
    }

    /// How old the row is in Feast's layout; `None` if there is none.
    ///
    /// # Errors
    /// `Internal` if the field holds something else.
    pub(crate) fn feast_age(&self) -> Result<Option<Age>> {
        let Some(bytes) = self.time else { return Ok(None) };
        let event = time::event(bytes).ok_or_else(|| damaged("an event time"))?;
        // Feast may have written the row since, and leaves our field as it was.
        let ours = self.created.and_then(time::created).filter(|(of, _)| *of == event);
        Ok(match ours {
            Some((_, created)) => Some((event, created)),
            None if event == Timestamp(0) => None,
            None => Some((event, None)),
        })
    }

    /// How old the packed row is; `None` if there is none.
    ///
    /// # Errors
    /// `Internal` if the field holds something else.
    pub(crate) fn packed_age(&self) -> Result<Option<Age>> {
        Ok(self.packed_header()?.map(|header| (header.event, header.created)))
    }

    /// The beginning of the packed row.
    pub(crate) fn packed_header(&self) -> Result<Option<Header>> {
        let header = |row| Header::read(row).ok_or_else(|| damaged("a packed row"));
        self.packed.map(header).transpose()
    }

    /// How old the row is, in whichever layout.
    pub(crate) fn age(&self) -> Result<Option<Age>> {
        Ok(self.feast_age()?.max(self.packed_age()?))
    }
}

fn damaged(what: &'static str) -> Error {
    Error::internal(format!("damaged online store: {what} is none"))
}
