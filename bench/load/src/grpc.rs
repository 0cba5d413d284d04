//! gRPC over as much of HTTP/2 (RFC 9113) as one unary call at a time takes.

use crate::drive::{Progress, Talk};
use anyhow::{Result, bail};
use std::collections::HashSet;

const PATH: &str = "/feast.serving.ServingService/GetOnlineFeatures";

/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Flags of frames.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The largest flow-control window; answers never wait for it.
const WINDOW: u32 = (1 << 31) - 1;
const FIRST_WINDOW: u32 = 65_535;

/// One connection's calls.
pub(crate) struct Calls<'a> {
    messages: &'a [Vec<u8>],
    headers: Vec<u8>,
    next: usize,
    /// Of the last call; odd numbers are the client's.
    stream: u32,
    /// Calls that are under way at once.
    streams: usize,
    /// Calls that are not answered yet.
    open: usize,
    has_failed: bool,
    /// Bytes of a frame that has arrived in part.
    partly: Vec<u8>,
    /// Received bytes that the server has not been given back.
    used: u32,
    /// Streams that a message has come on.
    answered: HashSet<u32>,
}

impl<'a> Calls<'a> {
    pub(crate) fn new(address: &str, messages: &'a [Vec<u8>], number: usize, streams: usize) -> Self {
        Self {
            messages,
            headers: headers(address),
            next: number * 61,
            stream: 0,
            streams,
            open: 0,
            has_failed: false,
            partly: Vec::new(),
            used: 0,
            answered: HashSet::new(),
        }
    }

    fn frame(&mut self, head: [u8; 9], payload: &[u8], out: &mut Vec<u8>) -> Result<Progress> {
        let [_, _, _, kind, flags, stream @ ..] = head;
        let stream = u32::from_be_bytes(stream);
        match kind {
            DATA => {
                if !payload.is_empty() {
                    self.answered.insert(stream);
                }
                self.used += u32::try_from(payload.len())?;
                if self.used > WINDOW / 2 {
                    frame(out, WINDOW_UPDATE, 0, 0, &self.used.to_be_bytes());
                    self.used = 0;
                }
            }
            SETTINGS if flags & ACK == 0 => frame(out, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(out, PING, ACK, 0, payload),
            RST_STREAM | GOAWAY => bail!("the server gives up: frame {kind}, {payload:?}"),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            // A call that fails has trailers and no message.
            self.has_failed |= !self.answered.remove(&stream);
            self.open -= 1;
            if self.open == 0 {
                return Ok(if self.has_failed { Progress::Failed } else { Progress::Whole });
            }
        }
        Ok(Progress::Partly)
    }
}

impl Talk for Calls<'_> {
    fn together(&self) -> usize {
        self.streams
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        if self.stream == 0 {
            out.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            // SETTINGS_INITIAL_WINDOW_SIZE, for streams; the connection's window is widened by its own frame.
            let window = WINDOW.to_be_bytes();
            frame(out, SETTINGS, 0, 0, &[&[0, 4], &window[..]].concat());
            frame(out, WINDOW_UPDATE, 0, 0, &(WINDOW - FIRST_WINDOW).to_be_bytes());
        }
        (self.open, self.has_failed) = (self.streams, false);
        for _ in 0..self.streams {
            self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
            let message = &self.messages[self.next % self.messages.len()];
            self.next += 1;
            frame(out, HEADERS, END_HEADERS, self.stream, &self.headers);
            let length = (message.len() as u32).to_be_bytes();
            frame(out, DATA, END_STREAM, self.stream, &[&[0], &length[..], message].concat());
        }
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Progress> {
        let mut received = std::mem::take(&mut self.partly);
        received.extend_from_slice(bytes);
        let mut rest = &received[..];
        let mut progress = Progress::Partly;
        while let Some((head, tail)) = rest.split_first_chunk::<9>() {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let Some((payload, tail)) = tail.split_at_checked(length) else { break };
            rest = tail;
            match self.frame(*head, payload, out)? {
                Progress::Partly => {}
                end => progress = end,
            }
        }
        self.partly = rest.to_vec();
        Ok(progress)
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// The header block: names and whole pairs by their number in HPACK's table (RFC 7541), other text as it is.
fn headers(address: &str) -> Vec<u8> {
    let mut out = vec![0x83, 0x86]; // :method POST, :scheme http
    let text = |out: &mut Vec<u8>, text: &str| {
        out.push(text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    };
    out.push(0x04); // :path
    text(&mut out, PATH);
    out.push(0x01); // :authority
    text(&mut out, address);
    out.extend_from_slice(&[0x0f, 0x10]); // content-type
    text(&mut out, "application/grpc");
    out.push(0x00);
    text(&mut out, "te");
    text(&mut out, "trailers");
    out
}
