//! The HTTP floor: a server that reads whole requests and answers each with the same bytes.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// Serves until it is killed; a thread a connection.
pub(crate) fn serve(port: u16, body: &Path) -> Result<()> {
    let body = std::fs::read(body).with_context(|| body.display().to_string())?;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer: Arc<[u8]> = [head.as_bytes(), &body].concat().into();
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for stream in listener.incoming() {
        let (stream, answer) = (stream?, Arc::clone(&answer));
        // A client that goes away ends its thread.
        std::thread::spawn(move || answer_all(&stream, &answer));
    }
    Ok(())
}

fn answer_all(stream: &TcpStream, answer: &[u8]) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    let mut length = 0;
    loop {
        line.clear();
        if requests.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        } else if line == "\r\n" {
            body.resize(length, 0);
            requests.read_exact(&mut body)?;
            (&mut &*stream).write_all(answer)?;
        }
    }
}
