//! The read floor: for each entity row of a request one HMGET with the fields of all its views, sent in one piece. Replies are only counted.

use crate::drive::{Progress, Talk};
use crate::file::Reader;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// The commands, encoded for every key.
pub(crate) struct Plan {
    commands: Vec<Vec<u8>>,
    rows: usize,
}

impl Plan {
    /// A file of fields and keys, each a count and as many strings.
    pub(crate) fn load(path: &Path, rows: usize) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let mut reader = Reader(&bytes);
        let fields = (0..reader.number()?).map(|_| reader.string()).collect::<Result<Vec<_>>>()?;
        let keys = (0..reader.number()?).map(|_| reader.string()).collect::<Result<Vec<_>>>()?;
        let command = |key: &&[u8]| {
            let words = [&b"HMGET"[..], key].into_iter().chain(fields.iter().copied());
            let mut out = Vec::new();
            encode(&mut out, fields.len() + 2, words);
            out
        };
        Ok(Self { commands: keys.iter().map(command).collect(), rows })
    }
}

/// Appends one command.
pub(crate) fn encode<'a>(out: &mut Vec<u8>, count: usize, words: impl Iterator<Item = &'a [u8]>) {
    out.extend_from_slice(format!("*{count}\r\n").as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// One connection's reads.
pub(crate) struct Reads<'a> {
    plan: &'a Plan,
    random: u64,
    replies: Replies,
}

impl<'a> Reads<'a> {
    pub(crate) fn new(plan: &'a Plan, number: usize) -> Self {
        Self {
            plan,
            random: 0x9E37_79B9_7F4A_7C15 ^ ((number as u64 + 1) << 17),
            replies: Replies::default(),
        }
    }

    /// xorshift: any key, as likely as any other.
    fn key(&mut self) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 20) as usize % self.plan.commands.len()
    }
}

impl Talk for Reads<'_> {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.replies.whole = 0;
        for _ in 0..self.plan.rows {
            let key = self.key();
            out.extend_from_slice(&self.plan.commands[key]);
        }
    }

    fn receive(&mut self, bytes: &[u8], _: &mut Vec<u8>) -> Result<Progress> {
        self.replies.count(bytes)?;
        Ok(if self.replies.whole < self.plan.rows { Progress::Partly } else { Progress::Whole })
    }
}

/// Counts replies, which may arrive in any pieces: arrays of strings, strings and numbers.
#[derive(Default)]
pub(crate) struct Replies {
    /// Whole replies so far.
    pub(crate) whole: usize,
    /// Elements that the array under way still lacks.
    lacking: usize,
    /// Bytes of a string that are still to come, its line end included.
    skip: usize,
    /// A header that has arrived in part.
    line: Vec<u8>,
}

impl Replies {
    pub(crate) fn count(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                if self.skip == 0 {
                    self.element();
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            if self.line.is_empty() {
                self.header(&bytes[..end])?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.header(&line)?;
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<()> {
        let number = || -> Result<i64> { Ok(std::str::from_utf8(line[1..].trim_ascii_end())?.parse()?) };
        match line.first() {
            Some(b'*') => self.lacking = usize::try_from(number()?)?,
            Some(b'$') => match usize::try_from(number()?) {
                Ok(length) => self.skip = length + 2,
                Err(_) => self.element(),
            },
            Some(b':' | b'+') => self.element(),
            _ => bail!("Redis answers {}", String::from_utf8_lossy(line)),
        }
        Ok(())
    }

    fn element(&mut self) {
        self.lacking = self.lacking.saturating_sub(1);
        self.whole += usize::from(self.lacking == 0);
    }
}
