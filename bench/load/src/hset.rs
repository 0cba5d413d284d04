//! The write floor: what a materialization wrote, written again as HSETs, 500 to a round trip.

use crate::file::Reader;
use crate::redis::{Replies, encode};
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

const BATCH: usize = 500;

/// A key, then its fields and values in turn.
type Hash<'a> = (&'a [u8], Vec<&'a [u8]>);

/// Writes a dump: for each hash its key, the count of its fields, and each field with its value. Only the writing is timed.
pub(crate) fn write(address: &str, dump: &Path) -> Result<()> {
    let bytes = std::fs::read(dump).with_context(|| dump.display().to_string())?;
    let hashes = hashes(&bytes)?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (mut out, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    let began = Instant::now();
    for batch in hashes.chunks(BATCH) {
        out.clear();
        for (key, fields) in batch {
            let words = [&b"HSET"[..], key].into_iter().chain(fields.iter().copied());
            encode(&mut out, fields.len() + 2, words);
        }
        stream.write_all(&out)?;
        let mut replies = Replies::default();
        while replies.whole < batch.len() {
            match stream.read(&mut buffer)? {
                0 => bail!("Redis closed the connection"),
                length => replies.count(&buffer[..length])?,
            }
        }
    }
    println!("{{\"seconds\": {:.4}, \"hashes\": {}}}", began.elapsed().as_secs_f64(), hashes.len());
    Ok(())
}

fn hashes(bytes: &[u8]) -> Result<Vec<Hash<'_>>> {
    let mut reader = Reader(bytes);
    let mut hashes = Vec::new();
    while !reader.0.is_empty() {
        let key = reader.string()?;
        let words = 2 * reader.number()?;
        hashes.push((key, (0..words).map(|_| reader.string()).collect::<Result<_>>()?));
    }
    Ok(hashes)
}
