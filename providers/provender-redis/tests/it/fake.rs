//! A server that answers as the test says.

use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A command, by its words.
pub(crate) type Command = Vec<Vec<u8>>;

/// What the server does about a command.
pub(crate) enum Act {
    /// Sends this text.
    Say(String),
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Says nothing.
    Hang,
    /// Cuts the connection.
    Cut,
    /// What every server does: greetings are fine, what is asked for is not there.
    Usual,
}

/// A listening server.
pub(crate) struct Fake {
    listener: TcpListener,
    pub(crate) port: u16,
}

/// First words of the commands that a playing server has seen.
pub(crate) type Seen = Arc<Mutex<Vec<String>>>;

impl Fake {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    /// Starts to answer. Each command is acted on by the script.
    pub(crate) fn play(self, script: impl Fn(&Command) -> Act + Send + Sync + 'static) -> Seen {
        let (seen, script) = (Seen::default(), Arc::new(script));
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = self.listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&all)));
            }
        });
        seen
    }
}

async fn serve(stream: TcpStream, script: Arc<impl Fn(&Command) -> Act>, seen: Seen) {
    let mut stream = BufReader::new(stream);
    while let Some(command) = command(&mut stream).await {
        let name = String::from_utf8_lossy(&command[0]).to_uppercase();
        seen.lock().unwrap().push(name.clone());
        let reply = match script(&command) {
            Act::Say(reply) => reply.into_bytes(),
            Act::Send(reply) => reply,
            Act::Hang => continue,
            Act::Cut => return,
            Act::Usual => usual(&name, &command).into_bytes(),
        };
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

fn usual(name: &str, command: &Command) -> String {
    match name {
        "HMGET" => values(&vec![None; command.len() - 2]),
        "GET" | "HGET" => "$-1\r\n".to_owned(),
        "ROLE" => "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n".to_owned(),
        _ => "+OK\r\n".to_owned(),
    }
}

async fn command(stream: &mut BufReader<TcpStream>) -> Option<Command> {
    let words = number(stream).await?;
    let mut command = Vec::new();
    for _ in 0..words {
        let len = number(stream).await?;
        let mut word = vec![0; len + 2];
        stream.read_exact(&mut word).await.ok()?;
        word.truncate(len);
        command.push(word);
    }
    Some(command)
}

async fn number(stream: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.get(1..)?.trim().parse().ok()
}

/// A reply of values.
pub(crate) fn values(values: &[Option<&str>]) -> String {
    let value = |v: &Option<&str>| match v {
        Some(v) => format!("${}\r\n{v}\r\n", v.len()),
        None => "$-1\r\n".to_owned(),
    };
    format!("*{}\r\n{}", values.len(), values.iter().map(value).collect::<String>())
}

/// A reply of bytes.
pub(crate) fn bytes(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut reply = format!("*{}\r\n", values.len()).into_bytes();
    for value in values {
        reply.extend(value.map_or(b"$-1\r\n".to_vec(), bulk));
    }
    reply
}

/// One value.
pub(crate) fn bulk(value: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

/// The answer to an HMGET of one feature and its event time: a short string, written at second 100.
pub(crate) fn row(text: &str) -> String {
    values(&[Some(&format!("\x12{}{text}", char::from(text.len() as u8))), Some("\x08\x64")])
}

/// The answer to CLUSTER SLOTS: ranges, and the port of the node that has each.
pub(crate) fn slots(ranges: &[(u16, u16, u16)]) -> String {
    let range = |(first, last, port): &(u16, u16, u16)| {
        format!("*3\r\n:{first}\r\n:{last}\r\n*3\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$2\r\nid\r\n")
    };
    format!("*{}\r\n{}", ranges.len(), ranges.iter().map(range).collect::<String>())
}

pub(crate) fn is(command: &Command, name: &str) -> bool {
    command[0].eq_ignore_ascii_case(name.as_bytes())
}

pub(crate) fn count(seen: &Seen, name: &str) -> usize {
    seen.lock().unwrap().iter().filter(|c| *c == name).count()
}

/// Runs a test on a runtime of its own.
pub(crate) fn play(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}
