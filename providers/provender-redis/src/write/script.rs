//! The script that changes fields of a key if some of its fields are still as they were seen.

use crate::lane::{Commands, Reply, garbled, refused};
use provender_core::Result;
use std::sync::LazyLock;

/// `KEYS[1]` the key. Arguments: how many fields are compared, and of each the name and what is expected; how many words are for HSET, and these; how many
/// fields are for HDEL, and these; seconds to live, or 0. Answers 1 if it was done and 0 if not. Lua's stack holds 8,000 words, so longer lists go in parts.
const CODE: &str = "
local key, at = KEYS[1], 2
for _ = 1, tonumber(ARGV[1]) do
  local now, seen = redis.call('HGET', key, ARGV[at]), ARGV[at + 1]
  local how, value = string.sub(seen, 1, 1), string.sub(seen, 2)
  if how == '-' then
    if now then return 0 end
  elseif how == '=' then
    if now ~= value then return 0 end
  elseif not now or string.sub(now, 1, #value) ~= value then
    return 0
  end
  at = at + 2
end
for _, command in ipairs({'HSET', 'HDEL'}) do
  local last = at + tonumber(ARGV[at])
  for first = at + 1, last, 4000 do
    redis.call(command, key, unpack(ARGV, first, math.min(last, first + 3999)))
  end
  at = last + 1
end
if ARGV[at] ~= '0' then redis.call('EXPIRE', key, ARGV[at]) end
return 1";

static SCRIPT: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(CODE));

/// What a field must be like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected<'a> {
    /// Not there, or exactly this.
    Is(Option<&'a [u8]>),
    /// Begins with this.
    Begins(&'a [u8]),
}

/// A field and what it must be like.
pub(crate) type Condition<'a> = (&'a [u8], Expected<'a>);

/// Loads the script; one reply, see [`loaded`].
pub(crate) fn load(out: &mut Commands) {
    out.command(&[b"SCRIPT", b"LOAD", CODE.as_bytes()]);
}

/// Checks the reply to [`load`].
pub(crate) fn loaded(reply: Reply<'_>) -> Result<()> {
    match reply {
        Reply::Error(text) => Err(refused("load a script", text)),
        _ => Ok(()),
    }
}

/// Begins a call: what is compared. The words for HSET follow ([`sets`]), then [`end`].
pub(crate) fn begin(out: &mut Commands, key: (&[u8], &[u8]), conditions: &[Condition<'_>], more: usize) {
    out.begin(3 + 1 + 1 + 2 * conditions.len() + more);
    out.word(b"EVALSHA");
    out.word(SCRIPT.get_hash().as_bytes());
    out.word(b"1");
    out.word_of(key.0, key.1);
    out.number(conditions.len() as u64);
    for (field, expected) in conditions {
        out.word(field);
        match expected {
            Expected::Is(Some(value)) => out.word_of(b"=", value),
            Expected::Is(None) => out.word(b"-"),
            Expected::Begins(value) => out.word_of(b"^", value),
        }
    }
}

/// Ends a call: the fields to delete, and the seconds that the key lives from now on.
pub(crate) fn end(out: &mut Commands, dels: &[&[u8]], key_ttl: Option<u64>) {
    out.number(dels.len() as u64);
    dels.iter().for_each(|field| out.word(field));
    out.number(key_ttl.unwrap_or(0));
}

/// Words of a call beside its conditions, if it sets so many words and deletes so many fields.
pub(crate) fn words(sets: usize, dels: usize) -> usize {
    1 + sets + 1 + dels + 1
}

/// Whether it was done. A script that Redis has forgotten has not run.
pub(crate) fn done(reply: Reply<'_>) -> Result<bool> {
    match reply {
        Reply::Number(done) => Ok(done == 1),
        Reply::Error(text) if is_forgotten(text) => Ok(false),
        Reply::Error(text) => Err(refused("write a key", text)),
        _ => Err(garbled()),
    }
}

/// Whether an error says that Redis does not have the script any more.
pub(crate) fn is_forgotten(text: &[u8]) -> bool {
    text.starts_with(b"NOSCRIPT")
}
