//! HTTP/1.1: POST with a body, answers with a length.

use crate::drive::{Progress, Talk};
use anyhow::{Context, Result};

/// One request, ready to be sent.
pub(crate) fn encode(address: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /get-online-features HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One connection's requests.
pub(crate) struct Posts<'a> {
    requests: &'a [Vec<u8>],
    next: usize,
    head: Vec<u8>,
    is_ok: bool,
    /// Bytes of the body that are still to come; none before the head is there.
    lacking: Option<usize>,
}

impl<'a> Posts<'a> {
    pub(crate) fn new(requests: &'a [Vec<u8>], number: usize) -> Self {
        Self { requests, next: number * 61, head: Vec::new(), is_ok: false, lacking: None }
    }

    /// Takes what belongs to the head; the rest is answered.
    fn head<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = self.head.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(&[]) };
        let head = std::str::from_utf8(&self.head[..end])?;
        self.is_ok = head.split(' ').nth(1) == Some("200");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse())
        });
        self.lacking = Some(length.context("an answer without content-length")??);
        self.head.clear();
        Ok(&bytes[end + 4 - before..])
    }
}

impl Talk for Posts<'_> {
    fn request(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.requests[self.next % self.requests.len()]);
        self.next += 1;
    }

    fn receive(&mut self, bytes: &[u8], _: &mut Vec<u8>) -> Result<Progress> {
        let body = if self.lacking.is_none() { self.head(bytes)? } else { bytes };
        let Some(lacking) = &mut self.lacking else { return Ok(Progress::Partly) };
        *lacking -= body.len();
        if *lacking > 0 {
            return Ok(Progress::Partly);
        }
        self.lacking = None;
        Ok(if self.is_ok { Progress::Whole } else { Progress::Failed })
    }
}
