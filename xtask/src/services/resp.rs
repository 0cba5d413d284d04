//! As much of Redis' protocol as it takes to arrange servers.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Sends one command to a server on loopback; arrays are answered as their elements in lines.
///
/// # Errors
/// No server, an error reply, or no reply within two seconds.
pub(super) fn ask(port: u16, command: &str) -> Result<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let asked = || -> Result<String> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let words: Vec<&str> = command.split(' ').collect();
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request += &format!("${}\r\n{word}\r\n", word.len());
        }
        (&stream).write_all(request.as_bytes())?;
        reply(&mut BufReader::new(stream))
    };
    asked().with_context(|| format!("{command} at 127.0.0.1:{port}"))
}

fn reply(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else { bail!("connection closed") };
    match kind {
        "-" => bail!("{rest}"),
        "$" if rest == "-1" => Ok(String::new()),
        "$" => {
            let mut bytes = vec![0; rest.parse::<usize>()? + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(bytes.len() - 2);
            Ok(String::from_utf8(bytes)?)
        }
        "*" => {
            let elements = (0..rest.parse::<usize>()?).map(|_| reply(stream));
            Ok(elements.collect::<Result<Vec<_>>>()?.join("\n"))
        }
        _ => Ok(rest.to_owned()),
    }
}
