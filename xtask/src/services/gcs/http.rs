//! HTTP/1.1 as far as one client needs it: bodies of known length, connections that stay open.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::ops::Range;

pub(super) struct Request {
    pub(super) method: String,
    /// Unescaped.
    pub(super) path: String,
    /// Unescaped.
    pub(super) query: HashMap<String, String>,
    /// Names in lower case.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

pub(super) struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Response {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        Self::new(status).with_body(format!("<Error><Code>{code}</Code></Error>").into_bytes())
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}

/// Answers the requests of a connection until it is closed.
pub(super) fn serve(stream: TcpStream, mut answer: impl FnMut(Request) -> Response) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    while let Some(request) = read(&mut input)? {
        let is_head = request.method == "HEAD";
        let response = answer(request);
        let mut bytes = format!("HTTP/1.1 {} Status\r\n", response.status).into_bytes();
        for (name, value) in &response.headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        if !matches!(response.status, 204 | 304) {
            write!(bytes, "Content-Length: {}\r\n", response.body.len())?;
        }
        bytes.extend_from_slice(b"\r\n");
        if !is_head {
            bytes.extend_from_slice(&response.body);
        }
        output.write_all(&bytes)?;
    }
    Ok(())
}

fn read(input: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut words = line.split_ascii_whitespace();
    let (method, target) = words.next().zip(words.next()).ok_or_else(malformed)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = pairs.map(|(name, value)| (unescaped(name), unescaped(&value.replace('+', " ")))).collect();
    let (method, path) = (method.to_owned(), unescaped(path));
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length =
        headers.get("content-length").map_or(Ok(0), |length| length.parse()).map_err(|_| malformed())?;
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(Request { method, path, query, headers, body }))
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text between XML tags.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The bytes that a header such as `bytes=3-7`, `bytes=3-` or `bytes=-4` means; `None` if there is none of them.
pub(super) fn range(header: &str, size: usize) -> Option<Range<usize>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first..size.min(last.saturating_add(1)),
        (Ok(first), Err(_)) => first..size,
        (Err(_), Ok(count)) => size.saturating_sub(count)..size,
        _ => return None,
    };
    (!range.is_empty()).then_some(range)
}
