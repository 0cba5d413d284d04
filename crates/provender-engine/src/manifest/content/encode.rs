//! Values as bytes: the same for equal values, whatever array holds them.

use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryViewType, GenericBinaryType, GenericStringType, StringViewType};
use arrow_array::{Array, ArrayAccessor};
use arrow_buffer::NullBuffer;
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, FieldRef, TimeUnit};
use provender_core::{Error, Result};

/// The name of a type, the same for all types that differ only in how arrays lay their values out. Part of the hash's definition: names never change.
pub(super) fn family(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, values) => family(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".to_owned()
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("list<{}>", family(item.data_type()))
        }
        DataType::Struct(fields) => {
            let field = |field: &FieldRef| format!("{}: {}", field.name(), family(field.data_type()));
            format!("struct<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => format!("map<{}>", family(entries.data_type())),
        DataType::Timestamp(unit, None) => format!("timestamp[{}]", short(*unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("timestamp[{}, {zone}]", short(*unit)),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("time[{}]", short(*unit)),
        DataType::Duration(unit) => format!("duration[{}]", short(*unit)),
        DataType::Decimal32(precision, scale) => format!("decimal32({precision}, {scale})"),
        DataType::Decimal64(precision, scale) => format!("decimal64({precision}, {scale})"),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision}, {scale})"),
        // One word: boolean, int64, float32, date32, null, …
        other => other.to_string().to_ascii_lowercase(),
    }
}

fn short(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// Where bytes go: `scratch` is emptied into `sink` when it is long.
pub(super) struct Out<'a> {
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) sink: &'a mut dyn FnMut(&[u8]),
}

/// Bytes that are gathered before they go to the sink.
const STEP: usize = 64 << 10;

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.scratch.extend_from_slice(bytes);
        if self.scratch.len() >= STEP {
            self.flush();
        }
    }

    /// Bytes that are many already.
    fn pass(&mut self, bytes: &[u8]) {
        if bytes.len() < STEP {
            self.put(bytes);
        } else {
            self.flush();
            (self.sink)(bytes);
        }
    }

    pub(super) fn flush(&mut self) {
        (self.sink)(self.scratch);
        self.scratch.clear();
    }

    /// A number of things that follow, or of bytes.
    fn length(&mut self, length: usize) {
        self.put(&(length as u64).to_le_bytes());
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.pass(bytes);
    }
}

/// Puts the values that are not null, one after the other.
///
/// # Errors
/// `Internal` for an array that Arrow cannot read.
pub(super) fn values(array: &dyn Array, nulls: Option<&NullBuffer>, out: &mut Out<'_>) -> Result<()> {
    let rows = Rows { nulls: nulls.filter(|nulls| nulls.null_count() > 0), length: array.len() };
    match array.data_type() {
        DataType::Null => Ok(()),
        DataType::Boolean => {
            let array = array.as_boolean();
            rows.each(|row| {
                out.put(&[u8::from(array.value(row))]);
                Ok(())
            })
        }
        data_type if data_type.primitive_width().is_some() => fixed(array, &rows, out),
        DataType::FixedSizeBinary(_) => sized(array.as_fixed_size_binary(), &rows, out),
        DataType::Utf8 => sized(array.as_bytes::<GenericStringType<i32>>(), &rows, out),
        DataType::LargeUtf8 => sized(array.as_bytes::<GenericStringType<i64>>(), &rows, out),
        DataType::Binary => sized(array.as_bytes::<GenericBinaryType<i32>>(), &rows, out),
        DataType::LargeBinary => sized(array.as_bytes::<GenericBinaryType<i64>>(), &rows, out),
        DataType::Utf8View => sized(array.as_byte_view::<StringViewType>(), &rows, out),
        DataType::BinaryView => sized(array.as_byte_view::<BinaryViewType>(), &rows, out),
        DataType::List(_) => rows.each(|row| whole(&array.as_list::<i32>().value(row), out)),
        DataType::LargeList(_) => rows.each(|row| whole(&array.as_list::<i64>().value(row), out)),
        DataType::FixedSizeList(..) => rows.each(|row| whole(&array.as_fixed_size_list().value(row), out)),
        DataType::Map(..) => rows.each(|row| whole(&array.as_map().value(row), out)),
        DataType::Struct(_) => {
            let sides = array.as_struct().columns();
            rows.each(|row| sides.iter().try_for_each(|side| whole(&side.slice(row, 1), out)))
        }
        DataType::Dictionary(_, plain) => values(&cast(&array.slice(0, array.len()), plain)?, nulls, out),
        _ => displayed(array, &rows, out),
    }
}

/// The rows whose values are put.
struct Rows<'a> {
    nulls: Option<&'a NullBuffer>,
    length: usize,
}

impl Rows<'_> {
    fn each(&self, mut put: impl FnMut(usize) -> Result<()>) -> Result<()> {
        match self.nulls {
            None => (0..self.length).try_for_each(put),
            Some(nulls) => nulls.valid_indices().try_for_each(&mut put),
        }
    }

    /// Runs of rows without a null between them.
    fn runs(&self, mut put: impl FnMut(usize, usize)) {
        match self.nulls {
            None => put(0, self.length),
            Some(nulls) => nulls.valid_slices().for_each(|(start, end)| put(start, end)),
        }
    }
}

/// An array as rows of its own: their number, their values, and which of them are not null.
fn whole(array: &dyn Array, out: &mut Out<'_>) -> Result<()> {
    let nulls = array.logical_nulls();
    out.length(array.len());
    values(array, nulls.as_ref(), out)?;
    let mut valid = Vec::new();
    add_valid(&mut valid, 0, array.len(), nulls.as_ref());
    out.put(&valid);
    Ok(())
}

/// Adds a bit for each of `length` rows after the first `rows`, set where there is a value.
pub(super) fn add_valid(valid: &mut Vec<u8>, rows: usize, length: usize, nulls: Option<&NullBuffer>) {
    valid.resize((rows + length).div_ceil(8), 0);
    Rows { nulls: nulls.filter(|nulls| nulls.null_count() > 0), length }
        .runs(|start, end| set(valid, rows + start, rows + end));
}

/// Sets bits from `start` to before `end`.
fn set(bits: &mut [u8], start: usize, end: usize) {
    let (first, last) = (start.next_multiple_of(8).min(end), (end / 8 * 8).max(start));
    if first < last {
        bits[first / 8..last / 8].fill(0xff);
    }
    for bit in (start..first).chain(last.max(first)..end) {
        bits[bit / 8] |= 1 << (bit % 8);
    }
}

/// Values of a fixed width, as Arrow lays them out: little endian.
fn fixed(array: &dyn Array, rows: &Rows<'_>, out: &mut Out<'_>) -> Result<()> {
    let data = array.to_data();
    let broken = || Error::internal("a column of numbers is shorter than it says");
    let width = array.data_type().primitive_width().ok_or_else(broken)?;
    let start = data.offset() * width;
    let buffer = data.buffers().first().ok_or_else(broken)?.as_slice();
    let bytes = buffer.get(start..start + array.len() * width).ok_or_else(broken)?;
    rows.runs(|start, end| out.pass(&bytes[start * width..end * width]));
    Ok(())
}

/// Values of any length, each with its length before it.
#[allow(clippy::needless_pass_by_value, reason = "an accessor is a reference already")]
fn sized<A: ArrayAccessor>(array: A, rows: &Rows<'_>, out: &mut Out<'_>) -> Result<()>
where
    A::Item: AsRef<[u8]>,
{
    rows.each(|row| {
        out.sized(array.value(row).as_ref());
        Ok(())
    })
}

/// Values of types that are rare, as Arrow prints them.
fn displayed(array: &dyn Array, rows: &Rows<'_>, out: &mut Out<'_>) -> Result<()> {
    let options = FormatOptions::default();
    let texts = ArrayFormatter::try_new(array, &options)?;
    rows.each(|row| {
        out.sized(texts.value(row).try_to_string()?.as_bytes());
        Ok(())
    })
}
