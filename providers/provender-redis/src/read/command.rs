//! What is asked of each key. The part of a command that is the same for all keys is kept from request to request.

use crate::layout::names::{feature_field, packed_field, time_field};
use crate::layout::schema::fingerprint;
use crate::resp::{word, word_length, words};
use crate::state::Form;
use provender_core::online::{OnlineTable, ViewRead};
use provender_core::{EntityKeys, Error, Result};
use std::sync::{Arc, Mutex, PoisonError};

/// Combinations of views and features that are kept.
const MOST_KEPT: usize = 64;

/// Views whose keys are the same: they are read with one command a key.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) keys: Arc<EntityKeys>,
    /// Indexes of the views in the request.
    pub(super) views: Vec<usize>,
    pub(super) fields: Arc<Fields>,
}

/// The fields that are asked of a key.
#[derive(Debug)]
pub(super) struct Fields {
    form: Form,
    /// What the fields are of. Held, so that nothing else can have these addresses.
    of: Vec<(Arc<OnlineTable>, Arc<[usize]>)>,
    /// A command up to the length of its key, and from behind the entity key to the end.
    head: Vec<u8>,
    tail: Vec<u8>,
    project: usize,
    /// Values in a reply.
    pub(super) width: usize,
    /// Of each view, in the group's order.
    pub(super) columns: Vec<Columns>,
}

/// What is known of a view's values in a reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Index of its first value.
    pub(super) first: usize,
    /// What its packed rows are marked with that have the features of now. 0 in Feast's layout.
    pub(super) fingerprint: u32,
}

/// The [`Fields`] that were needed last.
#[derive(Debug, Default)]
pub(super) struct Commands(Mutex<Vec<Arc<Fields>>>);

impl Commands {
    /// Sorts views into groups of equal keys.
    ///
    /// # Errors
    /// `Internal` if a feature is asked for that its view does not have.
    pub(super) fn groups(&self, form: Form, views: &[ViewRead]) -> Result<Vec<Group>> {
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (index, view) in views.iter().enumerate() {
            let belongs = |group: &&mut Vec<usize>| {
                let first = &views[group[0]];
                let same = Arc::ptr_eq(&first.keys, &view.keys) || first.keys == view.keys;
                same && first.table.project == view.table.project
            };
            match members.iter_mut().find(belongs) {
                Some(group) => group.push(index),
                None => members.push(vec![index]),
            }
        }
        members.into_iter().map(|members| self.group(form, views, members)).collect()
    }

    fn group(&self, form: Form, views: &[ViewRead], members: Vec<usize>) -> Result<Group> {
        let keys = Arc::clone(&views[members[0]].keys);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|fields| fields.is_of(form, views, &members));
        let fields = match known {
            Some(fields) => Arc::clone(fields),
            None => {
                let fields = Arc::new(Fields::new(form, members.iter().map(|i| &views[*i]))?);
                if kept.len() == MOST_KEPT {
                    kept.remove(0);
                }
                kept.push(Arc::clone(&fields));
                fields
            }
        };
        Ok(Group { keys, views: members, fields })
    }
}

impl Fields {
    fn new<'a>(form: Form, views: impl Iterator<Item = &'a ViewRead> + Clone) -> Result<Self> {
        let (mut fields, mut width, mut columns) = (Vec::new(), 0, Vec::new());
        for view in views.clone() {
            let first = width;
            let mut mark = 0;
            let name = &view.table.view;
            if form != Form::Packed {
                for feature in &*view.features {
                    let unknown = || Error::internal("a read names a feature that its view does not have");
                    let (feature, _) = view.table.features.get(*feature).ok_or_else(unknown)?;
                    word(&mut fields, &feature_field(name, feature));
                }
                word(&mut fields, &time_field(name));
                width += view.features.len() + 1;
            }
            if form != Form::Feast {
                word(&mut fields, &packed_field(name));
                width += 1;
                mark = fingerprint(&view.table.features);
            }
            columns.push(Columns { first, fingerprint: mark });
        }
        let project = views.clone().next().map_or("", |view| &view.table.project).as_bytes();
        let mut head = Vec::new();
        words(&mut head, width + 2);
        word(&mut head, b"HMGET");
        let tail = [project, b"\r\n", &fields].concat();
        let of = views.map(|view| (Arc::clone(&view.table), Arc::clone(&view.features))).collect();
        Ok(Self { form, of, head, tail, project: project.len(), width, columns })
    }

    fn is_of(&self, form: Form, views: &[ViewRead], members: &[usize]) -> bool {
        let same = |(of, index): (&(Arc<OnlineTable>, Arc<[usize]>), &usize)| {
            let view = &views[*index];
            Arc::ptr_eq(&of.0, &view.table) && Arc::ptr_eq(&of.1, &view.features)
        };
        self.form == form && self.of.len() == members.len() && self.of.iter().zip(members).all(same)
    }
}

impl Group {
    /// Number of keys.
    pub(super) fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Appends the command for a key.
    pub(super) fn encode(&self, out: &mut Vec<u8>, row: usize) {
        let (key, fields) = (self.keys.key(row), &*self.fields);
        out.extend_from_slice(&fields.head);
        word_length(out, key.len() + fields.project);
        out.extend_from_slice(key);
        out.extend_from_slice(&fields.tail);
    }

    /// Makes room for the commands of so many keys.
    pub(super) fn reserve(&self, out: &mut Vec<u8>, rows: usize) {
        let fields = &*self.fields;
        let key = self.keys.iter().next().map_or(0, <[u8]>::len);
        out.reserve(rows * (fields.head.len() + fields.tail.len() + key + 8));
    }

    /// The whole key of a row, as Redis has it, in place of what `out` holds.
    pub(super) fn put_key<'b>(&self, row: usize, out: &'b mut Vec<u8>) -> &'b [u8] {
        out.clear();
        out.extend_from_slice(self.keys.key(row));
        out.extend_from_slice(&self.fields.tail[..self.fields.project]);
        out
    }
}
