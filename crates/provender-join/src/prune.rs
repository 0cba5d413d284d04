//! Leaves out files, row groups and pages that hold no row that could win, by their paths, statistics, bloom filters and page indexes.

mod part;
#[cfg(test)]
mod tests;

pub(crate) use part::Part;

use crate::instants::{instants, is_datetime};
use crate::keys::{KeyRange, KeySet, KeyValues};
use crate::source::{Body, Place, Source, Unit};
use crate::table::{ColumnPlace, LeftOut, TableFiles};
use crate::threads;
use arrow_array::{Array, ArrayRef};
use provender_core::offline::Pruned;
use provender_core::{RequestContext, Result};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// What a row must satisfy to be of interest.
#[derive(Debug)]
pub(crate) struct Limits<'a> {
    /// Event column and its bounds in microseconds, both inclusive.
    pub(crate) event: (&'a str, i64, i64),
    /// Key columns and the keys that are asked for.
    pub(crate) keys: Vec<(&'a str, &'a KeySet)>,
}

/// What is left of a source.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    /// What to read, ascending.
    pub(crate) parts: Vec<Part>,
    /// What was left out.
    pub(crate) pruned: Vec<Pruned>,
}

/// Why a row group was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    TimeOfFolder,
    KeyOfFolder,
    Time,
    Key,
    Bloom,
    Pages,
    Deleted,
}

impl Reason {
    const ALL: [Self; 7] = [
        Self::TimeOfFolder,
        Self::KeyOfFolder,
        Self::Time,
        Self::Key,
        Self::Bloom,
        Self::Pages,
        Self::Deleted,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::TimeOfFolder => "time in the folder's name",
            Self::KeyOfFolder => "join key in the folder's name",
            Self::Time => "statistics of the event time",
            Self::Key => "statistics of the join key",
            Self::Bloom => "bloom filter of the join key",
            Self::Pages => "page index",
            Self::Deleted => "deletion vector",
        }
    }
}

/// Finds what may hold rows within the limits.
///
/// # Errors
/// `Invalid` if a statistic cannot be read; those of reading.
pub(crate) fn prune(source: &Source, limits: &Limits<'_>, context: &RequestContext) -> Result<Pruning> {
    let mut verdicts = Vec::with_capacity(source.units().len());
    for units in source.units().chunk_by(|a, b| a.file == b.file) {
        verdicts.extend(by_statistics(source, units, limits)?);
    }
    let looked = look_closer(source, limits, &verdicts, context)?;
    let mut pruning = Pruning::default();
    let mut pages = (0, 0);
    for (unit, closer) in looked {
        match closer {
            Closer::Left(reason) => verdicts[unit] = Some(reason),
            Closer::Kept { part, all, left } => {
                pages = (pages.0 + all, pages.1 + left);
                pruning.parts.push(part);
            }
        }
    }
    pruning.pruned = tell(source.units(), &verdicts, pages);
    Ok(pruning)
}

/// Which files of a table may hold rows within the limits, as the table itself says, and what is left of them.
///
/// # Errors
/// `Internal` if a bound cannot be read.
pub(crate) fn prune_files(
    table: &dyn TableFiles,
    limits: Option<&Limits<'_>>,
) -> Result<(Vec<usize>, LeftOut)> {
    let mut verdicts: Vec<Option<FileReason>> = vec![None; table.files().len()];
    if let Some(limits) = limits {
        let (event, from, to) = limits.event;
        let times = (event, Wanted::Times(from, to));
        let keys = limits.keys.iter().map(|(column, keys)| (*column, Wanted::Keys(keys)));
        for (column, wanted) in std::iter::once(times).chain(keys) {
            let Some((mins, maxes, by)) = bounds(table, column) else { continue };
            for (verdict, judged) in verdicts.iter_mut().zip(wanted.judge(&mins, &maxes)?) {
                *verdict = verdict.or((judged == Verdict::None).then_some(by));
            }
        }
        if from > to {
            verdicts.fill(Some(FileReason::Statistics));
        }
    }
    let mut left_out = LeftOut::default();
    for (file, _) in table.files().iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_some()) {
        left_out.add(file);
    }
    for by in [FileReason::Partition, FileReason::Statistics] {
        let count = verdicts.iter().filter(|verdict| **verdict == Some(by)).count() as u64;
        if count > 0 {
            left_out.pruned.push(Pruned { what: "files", by: by.text(), count });
        }
    }
    let kept = (0..verdicts.len()).filter(|file| verdicts[*file].is_none()).collect();
    Ok((kept, left_out))
}

/// Why a file of a table was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileReason {
    Partition,
    Statistics,
}

impl FileReason {
    fn text(self) -> &'static str {
        match self {
            Self::Partition => "partition values",
            Self::Statistics => "statistics in the table's log",
        }
    }
}

/// What a table says of a column in each file.
fn bounds(table: &dyn TableFiles, name: &str) -> Option<(ArrayRef, ArrayRef, FileReason)> {
    let column = table.columns().iter().find(|column| column.field.name() == name)?;
    match &column.place {
        ColumnPlace::Table(values) => Some((values.clone(), values.clone(), FileReason::Partition)),
        ColumnPlace::File(_) => table.bounds(name).map(|(mins, maxes)| (mins, maxes, FileReason::Statistics)),
    }
}

/// Which row groups of a file are left out by what is in memory already.
fn by_statistics(source: &Source, units: &[Unit], limits: &Limits<'_>) -> Result<Vec<Option<Reason>>> {
    let (event, from, to) = limits.event;
    let mut verdicts = vec![(from > to).then_some(Reason::Time); units.len()];
    if let Some(Statistics { mins, maxes, of_folder }) = statistics(source, units, event) {
        let reason = if of_folder { Reason::TimeOfFolder } else { Reason::Time };
        for (verdict, judged) in verdicts.iter_mut().zip(Wanted::Times(from, to).judge(&mins, &maxes)?) {
            *verdict = verdict.or((judged == Verdict::None).then_some(reason));
        }
    }
    for (column, keys) in &limits.keys {
        let Some(Statistics { mins, maxes, of_folder }) = statistics(source, units, column) else { continue };
        let reason = if of_folder { Reason::KeyOfFolder } else { Reason::Key };
        for (verdict, judged) in verdicts.iter_mut().zip(Wanted::Keys(keys).judge(&mins, &maxes)?) {
            *verdict = verdict.or((judged == Verdict::None).then_some(reason));
        }
    }
    Ok(verdicts)
}

/// What the values of a column are held against.
#[derive(Clone, Copy, Debug)]
enum Wanted<'a> {
    /// First and last time.
    Times(i64, i64),
    Keys(&'a KeySet),
}

/// What bounds say of the values between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// None is wanted.
    None,
    Unknown,
    /// All lie where the wanted ones do: a closer look at them tells nothing more.
    All,
}

impl Wanted<'_> {
    /// Judges each pair of bounds.
    fn judge(self, mins: &ArrayRef, maxes: &ArrayRef) -> Result<Vec<Verdict>> {
        match self {
            // Text sorts otherwise than the instants it stands for.
            Self::Times(..) if !is_datetime(mins.data_type()) => Ok(vec![Verdict::Unknown; mins.len()]),
            Self::Times(from, to) => {
                let (mins, maxes) = (instants(mins)?, instants(maxes)?);
                let bounds =
                    |i| (mins.is_valid(i) && maxes.is_valid(i)).then(|| (mins.value(i), maxes.value(i)));
                let judge = |(min, max): (i64, i64)| match () {
                    () if min > to || max < from => Verdict::None,
                    () if from <= min && max <= to => Verdict::All,
                    () => Verdict::Unknown,
                };
                Ok((0..mins.len()).map(|i| bounds(i).map_or(Verdict::Unknown, judge)).collect())
            }
            Self::Keys(keys) => {
                (0..mins.len()).map(|i| Ok(judge_keys(keys, between(mins, maxes, i)?))).collect()
            }
        }
    }
}

fn judge_keys(keys: &KeySet, held: Option<KeyRange>) -> Verdict {
    match held {
        Some(held) if !keys.may_lie_in(&held) => Verdict::None,
        Some(held) if keys.covers(&held) => Verdict::All,
        _ => Verdict::Unknown,
    }
}

fn between(mins: &ArrayRef, maxes: &ArrayRef, at: usize) -> Result<Option<KeyRange>> {
    let range = |values: &ArrayRef| KeyValues::of(&values.slice(at, 1)).map(|value| value.range());
    Ok(match (range(mins)?, range(maxes)?) {
        (Some(min), Some(max)) => min.union(max),
        _ => None,
    })
}

/// Smallest and largest value of a column in each of a file's units.
struct Statistics {
    mins: ArrayRef,
    maxes: ArrayRef,
    /// The path says it: all rows have the one value.
    of_folder: bool,
}

fn statistics(source: &Source, units: &[Unit], column: &str) -> Option<Statistics> {
    let file = units.first()?.file;
    let body = &source.files()[file].body;
    let values = match source.place(file, column) {
        Place::File(root) => {
            let Body::Parquet(body) = body else { return None };
            let row_groups: Vec<_> = units.iter().map(|unit| unit.row_group).collect();
            let (mins, maxes) = body.statistics(body.schema().field(root).name(), &row_groups)?;
            return Some(Statistics { mins, maxes, of_folder: false });
        }
        Place::Constant(constant) => &source.partitions()[constant].1,
        Place::Null | Place::Missing => return None,
    };
    let file = arrow_array::UInt64Array::from_value(file as u64, units.len());
    let constant = arrow_select::take::take(values, &file, None).ok()?;
    Some(Statistics { mins: constant.clone(), maxes: constant, of_folder: true })
}

/// What a look at a row group's filters and page index says.
enum Closer {
    Left(Reason),
    Kept {
        part: Part,
        /// Pages looked at.
        all: u64,
        /// Those of them that may hold rows.
        left: u64,
    },
}

/// Looks at bloom filters and page indexes of the row groups that statistics keep, file by file on all threads.
fn look_closer(
    source: &Source,
    limits: &Limits<'_>,
    verdicts: &[Option<Reason>],
    context: &RequestContext,
) -> Result<Vec<(usize, Closer)>> {
    let mut files: Vec<Vec<usize>> = Vec::new();
    for (unit, _) in verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_none()) {
        let file = |unit: usize| source.units()[unit].file;
        match files.last_mut().filter(|units| file(units[0]) == file(unit)) {
            Some(units) => units.push(unit),
            None => files.push(vec![unit]),
        }
    }
    let looked = Mutex::new(Vec::with_capacity(verdicts.len()));
    let look = |(): &mut (), index: usize| {
        let found = look_at_file(source, limits, &files[index])
            .map_err(|error: provender_core::Error| source.located(files[index][0], error))?;
        looked.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        Ok(())
    };
    threads::for_each(source.threads(), files.len(), context, || (), look)?;
    let mut looked = looked.into_inner().unwrap_or_else(PoisonError::into_inner);
    looked.sort_unstable_by_key(|(unit, _)| *unit);
    Ok(looked)
}

fn look_at_file(source: &Source, limits: &Limits<'_>, units: &[usize]) -> Result<Vec<(usize, Closer)>> {
    let whole = |unit: &usize| match Part::whole(*unit, source) {
        part if part.rows() == 0 => Closer::Left(Reason::Deleted),
        part => Closer::Kept { part, all: 0, left: 0 },
    };
    let file = source.units()[units[0]].file;
    let Body::Parquet(body) = &source.files()[file].body else {
        return Ok(units.iter().map(|unit| (*unit, whole(unit))).collect());
    };
    let units_here: Vec<Unit> = units.iter().map(|unit| source.units()[*unit]).collect();
    let mut looked: Vec<Closer> = units.iter().map(whole).collect();
    for (column, keys) in &limits.keys {
        let Some(column) = source.stored_name(file, column) else { continue };
        for (closer, Unit { row_group, .. }) in looked.iter_mut().zip(&units_here) {
            if body.has_bloom_filter(column, *row_group)
                && !body.may_hold(&source.open_file(file)?, column, *row_group, keys.few())?
            {
                *closer = Closer::Left(Reason::Bloom);
            }
        }
    }
    let (event, from, to) = limits.event;
    by_pages(source, &units_here, (event, Wanted::Times(from, to)), &mut looked)?;
    for (column, keys) in &limits.keys {
        by_pages(source, &units_here, (column, Wanted::Keys(keys)), &mut looked)?;
    }
    Ok(units.iter().copied().zip(looked).collect())
}

/// Cuts row groups of a file down to the pages of a column that may hold what is wanted.
fn by_pages(
    source: &Source,
    units: &[Unit],
    (column, wanted): (&str, Wanted<'_>),
    looked: &mut [Closer],
) -> Result<()> {
    let file = units[0].file;
    let Body::Parquet(body) = &source.files()[file].body else { return Ok(()) };
    let judged = match statistics(source, units, column) {
        Some(Statistics { mins, maxes, .. }) => wanted.judge(&mins, &maxes)?,
        None => vec![Verdict::Unknown; units.len()],
    };
    let is_open = |i: &usize| judged[*i] == Verdict::Unknown && matches!(looked[*i], Closer::Kept { .. });
    let open: Vec<usize> = (0..looked.len()).filter(is_open).collect();
    let row_groups: Vec<usize> = open.iter().map(|i| units[*i].row_group).collect();
    let Some(stored) = source.stored_name(file, column) else { return Ok(()) };
    let Some(pages) = body.pages(|| source.open_file(file), stored, &row_groups)? else { return Ok(()) };
    for (at, pages) in open.into_iter().zip(pages) {
        let Closer::Kept { part, all, left } = &mut looked[at] else { continue };
        let judged = wanted.judge(&pages.mins, &pages.maxes)?;
        let kept = pages.rows.iter().zip(&judged).filter(|(_, verdict)| **verdict != Verdict::None);
        let ranges: Vec<Range<u32>> = kept.map(|(rows, _)| rows.clone()).collect();
        *all += judged.len() as u64;
        *left += ranges.len() as u64;
        part.cut(&ranges);
        if part.rows() == 0 {
            looked[at] = Closer::Left(Reason::Pages);
        }
    }
    Ok(())
}

/// What was left out, with the reasons.
fn tell(units: &[Unit], verdicts: &[Option<Reason>], pages: (u64, u64)) -> Vec<Pruned> {
    let mut pruned = Vec::new();
    for reason in Reason::ALL {
        let left_out = |at: &usize| verdicts[*at] == Some(reason);
        let count = (0..units.len()).filter(left_out).count() as u64;
        if count > 0 {
            pruned.push(Pruned { what: "row groups", by: reason.text(), count });
        }
    }
    if pages.0 > pages.1 {
        pruned.push(Pruned { what: "pages", by: Reason::Pages.text(), count: pages.0 - pages.1 });
    }
    pruned
}
