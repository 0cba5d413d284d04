//! The closed loop: one thread, any number of connections, each with one request under way.

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Answers before this much time are not counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// What to do.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
}

/// One connection's side of a protocol.
pub(crate) trait Talk {
    /// How many requests go together; the answer is whole when all of theirs are.
    fn together(&self) -> usize {
        1
    }

    /// Appends the next request.
    fn request(&mut self, out: &mut Vec<u8>);

    /// Takes received bytes; may append to what is to be sent.
    ///
    /// # Errors
    /// If these are not bytes of the protocol.
    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Progress>;
}

/// Where the answer stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    Partly,
    Whole,
    /// The answer is whole and says that the request failed.
    Failed,
}

struct Connection<T> {
    stream: TcpStream,
    talk: T,
    out: Vec<u8>,
    sent: usize,
    began: Instant,
}

/// Drives the load and prints its figures.
pub(crate) fn drive<T: Talk>(load: &Load, talk: impl Fn(usize) -> T) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut connections = Vec::new();
    for number in 0..load.connections {
        // Connected first: there is no use in measuring the handshake.
        let stream = std::net::TcpStream::connect(load.address).with_context(|| load.address.to_string())?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        let talk = talk(number);
        connections.push(Connection { stream, talk, out: Vec::new(), sent: 0, began: Instant::now() });
    }
    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs_f64(load.seconds);
    let mut figures = Figures::default();
    let mut buffer = vec![0; 1 << 18];
    for connection in &mut connections {
        connection.next()?;
    }
    let mut events = Events::with_capacity(load.connections.max(8));
    loop {
        let now = Instant::now();
        if now >= end {
            break;
        }
        poll.poll(&mut events, Some(end - now))?;
        for event in &events {
            let connection = &mut connections[event.token().0];
            if event.is_writable() {
                connection.flush()?;
            }
            if event.is_readable() {
                connection.read(&mut buffer, begin, &mut figures)?;
            }
        }
    }
    let together = connections.first().map_or(1, |connection| connection.talk.together());
    figures.print((Instant::now() - begin).as_secs_f64(), together);
    Ok(())
}

impl<T: Talk> Connection<T> {
    fn next(&mut self) -> Result<()> {
        self.began = Instant::now();
        self.talk.request(&mut self.out);
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], begin: Instant, figures: &mut Figures) -> Result<()> {
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let progress = self.talk.receive(&buffer[..length], &mut self.out)?;
            if progress != Progress::Partly {
                figures.count(progress, self.began, begin);
                self.next()?;
            } else if !self.out.is_empty() {
                self.flush()?;
            }
            // A short read has emptied the socket; the next bytes are an event of their own.
            if length < buffer.len() {
                return Ok(());
            }
        }
    }
}

#[derive(Default)]
struct Figures {
    latencies: Vec<Duration>,
    errors: usize,
}

impl Figures {
    fn count(&mut self, progress: Progress, began: Instant, begin: Instant) {
        self.errors += usize::from(progress == Progress::Failed);
        if Instant::now() >= begin {
            self.latencies.push(began.elapsed());
        }
    }

    fn print(&mut self, seconds: f64, together: usize) {
        self.latencies.sort_unstable();
        let at = |part: f64| {
            let index = (self.latencies.len() as f64 * part) as usize;
            self.latencies.get(index).or(self.latencies.last()).map_or(f64::NAN, |l| l.as_secs_f64() * 1e3)
        };
        let count = self.latencies.len() * together;
        println!(
            "{{\"requests\": {count}, \"rps\": {:.2}, \"p50_ms\": {:.4}, \"p99_ms\": {:.4}, \"errors\": {}}}",
            count as f64 / seconds,
            at(0.50),
            at(0.99),
            self.errors
        );
    }
}
