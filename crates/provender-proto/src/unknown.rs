//! Keeps what a newer Feast wrote: fields beyond our schema live on when an object is rewritten.

use crate::wire::{self, Field};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use std::collections::{HashMap, VecDeque};

/// The one message that may stand in the same place and yet be another thing, with the number of its name.
const SOURCE: (&str, u32) = ("feast.core.DataSource", 20);

/// Gives a rewritten message the unknown fields of its former bytes, at every depth.
///
/// A sub-message takes over those of the sub-message that was the same thing before: the one in the same field (a data
/// source only if it has kept its name), and in a list or map the one with an equal first field, which is its name or key.
pub(crate) fn carry_over(message: &MessageDescriptor, old: &[u8], new: Vec<u8>) -> Vec<u8> {
    if has_unknown(message, old) { merge(message, old, &new) } else { new }
}

fn merge(message: &MessageDescriptor, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut former = Former::read(message, old);
    let mut out = Vec::with_capacity(new.len() + old.len());
    for field in wire::fields(new).flatten() {
        match former.take(message, &field) {
            Some((child, before)) => wire::put(field.number, &merge(&child, &before, field.value), &mut out),
            None => out.extend_from_slice(field.raw),
        }
    }
    out.extend_from_slice(&former.unknown);
    out
}

/// Whether a message holds, at any depth, a field that its descriptor does not know.
fn has_unknown(message: &MessageDescriptor, bytes: &[u8]) -> bool {
    wire::fields(bytes).flatten().any(|field| match message.get_field(field.number) {
        None => true,
        Some(known) => match known.kind() {
            Kind::Message(child) => has_unknown(&child, field.value),
            _ => false,
        },
    })
}

/// The sub-messages of the former bytes, by field number and identity, and the unknown fields.
struct Former<'a> {
    children: HashMap<(u32, &'a [u8]), VecDeque<&'a [u8]>>,
    unknown: Vec<u8>,
}

impl<'a> Former<'a> {
    fn read(message: &MessageDescriptor, old: &'a [u8]) -> Self {
        let mut former = Self { children: HashMap::new(), unknown: Vec::new() };
        for field in wire::fields(old).flatten() {
            match message.get_field(field.number) {
                None => former.unknown.extend_from_slice(field.raw),
                Some(known) => {
                    if let Kind::Message(child) = known.kind() {
                        let key = (field.number, identity(&child, &known, field.value));
                        former.children.entry(key).or_default().push_back(field.value);
                    }
                }
            }
        }
        former
    }

    /// The descriptor and former bytes of a sub-message of the new bytes, if there was one.
    fn take(
        &mut self,
        message: &MessageDescriptor,
        field: &Field<'a>,
    ) -> Option<(MessageDescriptor, Vec<u8>)> {
        let known = message.get_field(field.number)?;
        let Kind::Message(child) = known.kind() else { return None };
        let same = self.children.get_mut(&(field.number, identity(&child, &known, field.value)))?;
        let before = if known.is_list() || known.is_map() {
            same.pop_front()?.to_vec()
        } else {
            // A single message may be written in parts, which add up.
            same.iter().copied().flatten().copied().collect()
        };
        Some((child, before))
    }
}

/// What tells a sub-message from its likes in the same field.
fn identity<'a>(message: &MessageDescriptor, field: &FieldDescriptor, bytes: &'a [u8]) -> &'a [u8] {
    let number = match message.full_name() {
        name if name == SOURCE.0 => SOURCE.1,
        _ if field.is_list() || field.is_map() => 1,
        _ => return &[],
    };
    wire::fields(bytes).flatten().find(|field| field.number == number).map_or(&[], |field| field.value)
}

#[cfg(test)]
mod tests;
