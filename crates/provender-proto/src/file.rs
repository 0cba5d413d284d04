//! The registry file: one serialized `feast.core.Registry`, taken apart.

mod apply;
mod history;

use crate::codec::FeastCodec;
use crate::convert::time;
use crate::kinds::{self, number};
use crate::wire::{self, Field};
use bytes::Bytes;
use prost::Message;
use prost::encoding::WireType;
use provender_core::model::ObjectKind;
use provender_core::registry::{RegistrySnapshot, Stored};
use provender_core::{Error, Result, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// The `registry_schema_version` that Feast writes, and the newest that is understood.
const SCHEMA_VERSION: u32 = 1;

/// A registry file in memory.
///
/// Every object's bytes stay as they are until that object is changed, and so does everything that is unknown here.
#[derive(Default)]
pub struct RegistryFile {
    version_id: String,
    updated: Option<Timestamp>,
    /// Entries in file order; `None` where one was removed.
    entries: Vec<Option<Entry>>,
    /// Positions of the objects; several when a file holds an object more than once, of which the last counts.
    index: HashMap<Key, Vec<usize>>,
}

type Key = (ObjectKind, String, String);

/// One top-level field, the header aside.
struct Entry {
    number: u32,
    /// (project, name), for an object or another thing that belongs to a project.
    address: Option<(String, String)>,
    value: Bytes,
    /// Key and value.
    raw: Bytes,
}

impl RegistryFile {
    /// Takes a file apart. Objects are not decoded: a damaged one spoils only itself.
    ///
    /// # Errors
    /// `Invalid` for bytes that are no registry, or only a part of one; `Unsupported` for one of a newer schema. The caller adds the path.
    pub fn parse(bytes: &Bytes) -> Result<Self> {
        let mut file = Self::default();
        let mut schema_version = None;
        for field in wire::fields(bytes) {
            let field = field.map_err(|e| not_a_registry(bytes, e.offset).because(e))?;
            if kinds::is_known(field.number) && field.wire_type != WireType::LengthDelimited {
                let offset = field.raw.as_ptr() as usize - bytes.as_ptr() as usize;
                return Err(not_a_registry(bytes, offset));
            }
            match field.number {
                number::SCHEMA_VERSION => {
                    schema_version = Some(String::from_utf8_lossy(field.value).into_owned())
                }
                number::VERSION_ID => file.version_id = String::from_utf8_lossy(field.value).into_owned(),
                number::LAST_UPDATED => {
                    file.updated =
                        prost_types::Timestamp::decode(field.value).ok().and_then(|t| time::decode(Some(&t)));
                }
                _ => file.push(Entry::of(bytes, &field)),
            }
        }
        check_schema(schema_version.as_deref())?;
        // Almost any text can be read as some field or other; a registry says its schema or holds an object with a name.
        if schema_version.is_none() && !file.index.keys().any(|(_, _, name)| !name.is_empty()) {
            return Err(not_a_registry(bytes, 0));
        }
        Ok(file)
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut fields: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut put = |number, value: &[u8]| wire::put(number, value, fields.entry(number).or_default());
        put(number::SCHEMA_VERSION, SCHEMA_VERSION.to_string().as_bytes());
        put(number::VERSION_ID, self.version_id.as_bytes());
        if let Some(updated) = self.updated {
            put(number::LAST_UPDATED, &time::encode(updated).encode_to_vec());
        }
        for entry in self.entries.iter().flatten() {
            fields.entry(entry.number).or_default().extend_from_slice(&entry.raw);
        }
        fields.into_values().flatten().collect()
    }

    /// The objects, decoded when first asked for. One without a readable name and project is kept but, as in Feast, not seen.
    #[must_use]
    pub fn snapshot(&self) -> RegistrySnapshot {
        let codec: Arc<FeastCodec> = Arc::default();
        let objects = self.entries.iter().flatten().filter_map(|entry| {
            let (kind, (project, name)) = (kinds::of_field(entry.number)?, entry.address.as_ref()?);
            if project.is_empty() || name.is_empty() {
                return None;
            }
            let (project, name) = (project.as_str().into(), name.as_str().into());
            Some(Arc::new(Stored::lazy(kind, project, name, entry.value.clone(), codec.clone())))
        });
        RegistrySnapshot::new(objects, self.updated)
    }

    /// The bytes of an object.
    pub(crate) fn find(&self, kind: ObjectKind, project: &str, name: &str) -> Option<&[u8]> {
        let position = *self.index.get(&key(kind, project, name))?.last()?;
        Some(&self.entries[position].as_ref()?.value)
    }

    fn push(&mut self, entry: Entry) {
        if let (Some(kind), Some((project, name))) = (kinds::of_field(entry.number), &entry.address) {
            self.index.entry(key(kind, project, name)).or_default().push(self.entries.len());
        }
        self.entries.push(Some(entry));
    }
}

impl Entry {
    fn of(file: &Bytes, field: &Field<'_>) -> Self {
        Self {
            number: field.number,
            address: kinds::address(field.number, field.value),
            value: file.slice_ref(field.value),
            raw: file.slice_ref(field.raw),
        }
    }

    fn new(number: u32, address: Option<(String, String)>, value: &[u8]) -> Self {
        let mut raw = Vec::with_capacity(value.len() + 8);
        wire::put(number, value, &mut raw);
        let raw = Bytes::from(raw);
        Self { number, address, value: raw.slice(raw.len() - value.len()..), raw }
    }
}

impl fmt::Debug for RegistryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().flatten().count();
        write!(f, "RegistryFile(version {}, {entries} entries)", self.version_id)
    }
}

fn key(kind: ObjectKind, project: &str, name: &str) -> Key {
    (kind, project.to_owned(), name.to_owned())
}

fn not_a_registry(bytes: &Bytes, offset: usize) -> Error {
    let message = match bytes.len() {
        0 => "the registry file is empty",
        _ => "not a registry file, or only a part of one",
    };
    Error::invalid(message)
        .with("at", format!("byte {offset} of {}", bytes.len()))
        .with("expected", "a serialized feast.core.Registry")
}

fn check_schema(version: Option<&str>) -> Result<()> {
    let Some(text) = version else { return Ok(()) };
    match text.parse::<u32>() {
        Ok(version) if version <= SCHEMA_VERSION => Ok(()),
        Ok(_) => Err(Error::unsupported("the registry was written by a newer version")
            .with("registry_schema_version", text)
            .with("expected", SCHEMA_VERSION)),
        Err(_) => Err(Error::invalid("not a registry file")
            .with("registry_schema_version", format!("{text:?}"))
            .with("expected", SCHEMA_VERSION)),
    }
}
