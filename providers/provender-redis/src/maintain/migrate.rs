//! Rows from one layout into the other, key by key, beside readers and writers.

use super::table;
use crate::config::Layout;
use crate::lane::{Commands, LaneGuard, Replies, garbled};
use crate::layout::schema::fingerprint;
use crate::layout::{packed, time};
use crate::schemas::Schemas;
use crate::state::Form;
use crate::walk::{Target, Visit};
use crate::write::script;
use crate::write::seen::Seen;
use provender_core::{Error, RequestContext, Result};

/// Converts rows. A row that is in both layouts keeps the newer of the two.
pub(super) struct Migration<'a> {
    targets: &'a [Target],
    to: Layout,
    schemas: &'a Schemas,
    context: &'a RequestContext,
    /// Converted, of each target.
    pub(super) rows: Vec<u64>,
    /// Rows that somebody wrote while they were being converted.
    pub(super) left: u64,
}

/// What a key holds of a view.
#[derive(Clone, Copy, Debug)]
struct Row<'r> {
    key: &'r [u8],
    target: usize,
    seen: Seen<'r>,
}

impl<'a> Migration<'a> {
    pub(super) fn new(
        targets: &'a [Target],
        to: Layout,
        schemas: &'a Schemas,
        context: &'a RequestContext,
    ) -> Self {
        Self { targets, to, schemas, context, rows: vec![0; targets.len()], left: 0 }
    }

    fn form(&self) -> Form {
        Form::Both { to: self.to }
    }

    /// Asks for everything that a key has of a view in either layout.
    fn ask(&self, found: &[(&[u8], usize)]) -> Commands {
        let mut commands = Commands::default();
        for (key, target) in found {
            let fields = &self.targets[*target].fields;
            let asked = fields.asked(self.form());
            commands.begin(2 + asked.len() + fields.features.len());
            commands.word(b"HMGET");
            commands.word(key);
            asked.iter().for_each(|field| commands.word(field));
            fields.features.iter().for_each(|field| commands.word(field));
        }
        commands
    }

    /// Appends what converts a row; `false` if there is nothing to convert.
    async fn convert(&self, row: &Row<'_>, values: &[Option<&[u8]>], out: &mut Commands) -> Result<bool> {
        let target = &self.targets[row.target];
        let (feast, packed) = (row.seen.feast_age()?, row.seen.packed_age()?);
        let sets = match self.to {
            Layout::Packed if row.seen.time.is_none() && values.iter().all(Option::is_none) => {
                return Ok(false);
            }
            Layout::Packed if row.seen.time.is_none() || packed.is_some() && packed >= feast => {
                Sets::default()
            }
            Layout::Packed => self.packed(row, values)?,
            Layout::Feast if packed.is_none() => return Ok(false),
            Layout::Feast if feast >= packed => Sets::default(),
            Layout::Feast => self.feasts(row).await?,
        };
        let from = if self.to == Layout::Packed { Layout::Feast } else { Layout::Packed };
        let dels = target.fields.all_in(from);
        let conditions = target.fields.conditions(self.form(), &row.seen)?;
        script::begin(out, (row.key, b""), &conditions, script::words(sets.0.len(), dels.len()));
        out.number(sets.0.len() as u64);
        sets.0.iter().for_each(|word| out.word(word));
        script::end(out, &dels, None);
        Ok(true)
    }

    fn packed(&self, row: &Row<'_>, values: &[Option<&[u8]>]) -> Result<Sets> {
        let target = &self.targets[row.target];
        // A time of 0 that is not marked is none to writers; to readers it is a row all the same.
        let (event, created) = match row.seen.feast_age()? {
            Some(age) => age,
            None => (row.seen.time.and_then(time::event).unwrap_or_default(), None),
        };
        let mut bytes = Vec::new();
        packed::put_header(&mut bytes, fingerprint(&target.table.features), event, created);
        values.iter().for_each(|value| packed::put_cell(&mut bytes, *value));
        Ok(Sets(vec![target.fields.packed.to_vec(), bytes]))
    }

    async fn feasts(&self, row: &Row<'_>) -> Result<Sets> {
        let target = &self.targets[row.target];
        let (Some(bytes), Some(header)) = (row.seen.packed, row.seen.packed_header()?) else {
            return Ok(Sets::default());
        };
        let schema = self.schemas.find(&target.table, header.schema, self.context).await?;
        let cells: Vec<_> = packed::cells(bytes, &header).collect::<Result<_, _>>().map_err(|_| damaged())?;
        if cells.len() != schema.len() {
            return Err(damaged().with("view", &target.table.view));
        }
        let mut sets = Vec::new();
        for ((name, value_type), field) in target.table.features.iter().zip(&target.fields.features) {
            let cell = schema.position(name, *value_type).and_then(|at| cells[at].clone());
            if let Some(range) = cell {
                sets.extend([field.to_vec(), bytes[range].to_vec()]);
            }
        }
        let mut word = Vec::new();
        time::put_event(&mut word, header.event);
        sets.extend([target.fields.time.clone(), word]);
        let mut word = Vec::new();
        time::put_created(&mut word, header.event, header.created);
        sets.extend([target.fields.created.clone(), word]);
        Ok(Sets(sets))
    }
}

/// The values of a view's features in Feast's layout.
type Values<'r> = Vec<Option<&'r [u8]>>;

/// Words for HSET.
#[derive(Debug, Default)]
struct Sets(Vec<Vec<u8>>);

fn damaged() -> Error {
    Error::internal("damaged online store: a packed row is none")
}

impl Visit for Migration<'_> {
    async fn visit(&mut self, lane: &mut LaneGuard, found: &[(&[u8], usize)]) -> Result<bool> {
        let mut replies = lane.exchange(&self.ask(found), self.context).await?;
        let mut commands = Commands::default();
        script::load(&mut commands);
        let mut converted = Vec::new();
        for (key, target) in found {
            let features = table(self.targets, *target).features.len();
            let Some((seen, values)) = read(&mut replies, self.form(), features)? else { continue };
            let row = Row { key, target: *target, seen };
            let done = self.convert(&row, &values, &mut commands).await;
            if done.map_err(|e| e.with("view", &table(self.targets, *target).view))? {
                converted.push(*target);
            }
        }
        if converted.is_empty() {
            return Ok(true);
        }
        let mut replies = lane.exchange(&commands, self.context).await?;
        script::loaded(replies.next().map_err(|_| garbled())?)?;
        for target in converted {
            match script::done(replies.next().map_err(|_| garbled())?)? {
                true => self.rows[target] += 1,
                false => self.left += 1,
            }
        }
        Ok(true)
    }
}

/// Reads a reply to [`Migration::ask`]; `None` for a key of another type.
fn read<'r>(
    replies: &mut Replies<'r>,
    form: Form,
    features: usize,
) -> Result<Option<(Seen<'r>, Values<'r>)>> {
    let Some(seen) = Seen::find(replies, form)? else { return Ok(None) };
    let values = (0..features).map(|_| replies.value().map_err(|_| garbled()));
    Ok(Some((seen, values.collect::<Result<_>>()?)))
}
