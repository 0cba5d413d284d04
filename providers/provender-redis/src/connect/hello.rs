//! The first words on a connection: who we are and which database we mean.

use super::Stream;
use crate::config::Address;
use crate::error::{kind_of, refused};
use crate::resp::command;
use provender_core::{Error, Kind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An answer to a greeting is a short line.
const LONGEST: usize = 16 << 10;

/// Logs in, picks the database and gives the connection a name.
///
/// # Errors
/// `Denied` if the server wants other credentials; `Unavailable` if it is not ready or the connection breaks.
pub(super) async fn hello(stream: &mut Stream, address: &Address) -> Result<()> {
    let mut out = Vec::new();
    let mut steps = Vec::new();
    if let Some(password) = &address.password {
        match &address.username {
            Some(user) => command(&mut out, &["AUTH", user, password.expose()]),
            None => command(&mut out, &["AUTH", password.expose()]),
        }
        steps.push(LOGIN);
    }
    if address.db != 0 {
        command(&mut out, &["SELECT", &address.db.to_string()]);
        steps.push("choose the database");
    }
    command(&mut out, &["CLIENT", "SETNAME", &address.client_name]);
    steps.push(NAME);
    stream.write_all(&out).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    answers(stream, &steps).await
}

const LOGIN: &str = "log in to Redis";
const NAME: &str = "name the connection";

/// Reads one line a step, and nothing more.
async fn answers(stream: &mut Stream, steps: &[&'static str]) -> Result<()> {
    let mut lines = Vec::new();
    while lines.iter().filter(|b| **b == b'\n').count() < steps.len() {
        if lines.len() > LONGEST || stream.read_buf(&mut lines).await.map_err(broken)? == 0 {
            return Err(Error::unavailable("Redis closed the connection at the greeting"));
        }
    }
    let mut rest = &lines[..];
    for step in steps {
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let (line, next) = rest.split_at((end + 1).min(rest.len()));
        rest = next;
        match line.first() {
            Some(b'+') => {}
            Some(b'-') => refusal(&line[1..], step)?,
            _ => return Err(Error::internal("this does not talk like a Redis server")),
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(Error::internal("this does not talk like a Redis server")) }
}

/// A name is a comfort: a user who may not give one may still read.
fn refusal(text: &[u8], step: &'static str) -> Result<()> {
    let text = String::from_utf8_lossy(text);
    let code = text.split_whitespace().next().unwrap_or_default();
    match kind_of(code) {
        Kind::Internal if step == NAME => Ok(()),
        Kind::Denied if step == NAME && code == "NOPERM" => Ok(()),
        // Some servers repeat the words of a command that they refuse.
        _ if step == LOGIN => Err(refused(step, code)),
        _ => Err(refused(step, &text)),
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::unavailable("the connection to Redis broke at the greeting").because(error)
}
