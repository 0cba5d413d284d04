//! `feature_view_version_history`: one record a view and version.

use crate::convert::time::encode;
use crate::feast::core::FeatureViewVersionRecord;
use crate::kinds::text;
use crate::wire;
use prost::Message;
use prost::encoding::{WireType, decode_varint};
use provender_core::Timestamp;
use uuid::Uuid;

/// Field number of the records.
const RECORDS: u32 = 1;

/// The history, taken apart; records that do not change keep their bytes.
#[derive(Default)]
pub(super) struct History {
    records: Vec<Record>,
    /// Whatever else stood there.
    rest: Vec<u8>,
}

struct Record {
    project: String,
    view: String,
    number: i32,
    value: Vec<u8>,
}

/// A view as a record names it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) project: &'a str,
    pub(super) name: &'a str,
    /// `feature_view`, `stream_feature_view` or `on_demand_feature_view`.
    pub(super) kind: &'static str,
}

impl History {
    /// Adds what one field of the file holds.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for field in wire::fields(bytes) {
            match field {
                Ok(f) if f.number == RECORDS && f.wire_type == WireType::LengthDelimited => {
                    self.records.push(Record::of(f.value));
                }
                Ok(f) => self.rest.extend_from_slice(f.raw),
                Err(damage) => self.rest.extend_from_slice(&bytes[damage.offset..]),
            }
        }
    }

    /// The number of a view's next version; 0 for its first.
    pub(super) fn next_number(&self, view: View<'_>) -> i32 {
        let numbers = self.records.iter().filter(|r| r.is_of(view.project, view.name)).map(|r| r.number);
        numbers.max().map_or(0, |newest| newest.saturating_add(1))
    }

    /// Records a version of a view.
    pub(super) fn add(&mut self, view: View<'_>, number: i32, bytes: Vec<u8>, now: Timestamp) {
        let record = FeatureViewVersionRecord {
            feature_view_name: view.name.to_owned(),
            project_id: view.project.to_owned(),
            version_number: number,
            feature_view_type: view.kind.to_owned(),
            feature_view_proto: bytes,
            created_timestamp: Some(encode(now)),
            description: String::new(),
            version_id: Uuid::new_v4().to_string(),
        };
        let (project, view) = (view.project.to_owned(), view.name.to_owned());
        self.records.push(Record { project, view, number, value: record.encode_to_vec() });
    }

    /// Drops the records of a view, or of a whole project.
    pub(super) fn forget(&mut self, project: &str, view: Option<&str>) {
        self.records.retain(|r| !(r.project == project && view.is_none_or(|view| r.view == view)));
    }

    /// The message's bytes; empty if there is nothing to keep.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.records.iter().for_each(|record| wire::put(RECORDS, &record.value, &mut out));
        out.extend_from_slice(&self.rest);
        out
    }
}

impl Record {
    fn of(value: &[u8]) -> Self {
        let number = wire::fields(value).map_while(Result::ok).filter(|f| f.number == 3).last();
        let number = number.and_then(|f| decode_varint(&mut &*f.value).ok()).unwrap_or(0);
        Self { project: text(value, 2), view: text(value, 1), number: number as i32, value: value.to_vec() }
    }

    fn is_of(&self, project: &str, view: &str) -> bool {
        self.project == project && self.view == view
    }
}
