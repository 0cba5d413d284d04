//! The rules of the join, written as simply as can be.

/// A row on either side: its keys, and for feature rows its times.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) keys: Vec<Option<i64>>,
    /// Event time, or the time of an entity row.
    pub(crate) time: Option<i64>,
    pub(crate) created: Option<i64>,
}

impl Row {
    fn has_key(&self, keys: &[Option<i64>]) -> bool {
        self.keys.iter().zip(keys).all(|(a, b)| a.is_some() && a == b)
    }

    /// Newest first by event, then created with null the smallest.
    fn order(&self) -> (Option<i64>, i64) {
        (self.time, self.created.unwrap_or(i64::MIN))
    }
}

/// What an entity row gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The n-th feature row.
    Matched(usize),
    Expired,
    Unmatched,
}

pub(crate) fn point_in_time(entity: &Row, rows: &[Row], ttl: Option<i64>, known_at_created: bool) -> Outcome {
    let Some(at) = entity.time else { return Outcome::Unmatched };
    let visible = |row: &Row| {
        row.has_key(&entity.keys)
            && row.time.is_some_and(|event| event <= at)
            && !(known_at_created && row.created.is_some_and(|created| created > at))
    };
    let newest = (0..rows.len()).filter(|i| visible(&rows[*i])).max_by_key(|i| (rows[*i].order(), *i));
    match newest {
        None => Outcome::Unmatched,
        Some(i) if ttl.is_some_and(|ttl| rows[i].time.unwrap() < at - ttl) => Outcome::Expired,
        Some(i) => Outcome::Matched(i),
    }
}

/// Rows of the window that are the newest of their key, ascending; and how many rows have a null key.
pub(crate) fn latest(rows: &[Row], start: i64, end: i64) -> (Vec<usize>, u64) {
    let inside: Vec<usize> =
        (0..rows.len()).filter(|i| rows[*i].time.is_some_and(|t| (start..=end).contains(&t))).collect();
    let (keyed, null): (Vec<_>, Vec<_>) =
        inside.into_iter().partition(|i| rows[*i].keys.iter().all(Option::is_some));
    let beaten = |i: usize| {
        keyed.iter().any(|j| rows[*j].keys == rows[i].keys && (rows[*j].order(), *j) > (rows[i].order(), i))
    };
    (keyed.iter().copied().filter(|i| !beaten(*i)).collect(), null.len() as u64)
}
