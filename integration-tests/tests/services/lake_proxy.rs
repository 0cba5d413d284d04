//! A proxy on loopback before an object store. It knows HTTP: it notes every request, answers some in the store's place, and cuts answers short.

use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What is asked of the store.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The header `Range`.
    pub(crate) range: Option<String>,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Pass,
    /// The proxy answers with a status and an error's code, as S3 writes them.
    Answer(u16, &'static str),
    /// So many bytes of the answer's body pass, then the connection ends.
    Cut(u64),
    /// No answer comes.
    Hang,
}

/// A request and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) status: u16,
    /// Of the answer's body.
    pub(crate) bytes: u64,
}

type Judge = Box<dyn FnMut(&Request) -> Verdict + Send>;

/// A proxy; its threads end with its connections.
pub(crate) struct StoreProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    judge: Mutex<Judge>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    log: Vec<Exchange>,
    together: usize,
    most_together: usize,
}

/// How long a test waits for a request that must come.
const PATIENCE: Duration = Duration::from_secs(60);

impl StoreProxy {
    /// Starts a proxy before a store on this port; all passes.
    pub(crate) fn new(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            target: SocketAddr::from(([127, 0, 0, 1], port)),
            judge: Mutex::new(Box::new(|_| Verdict::Pass)),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let address = listener.local_addr().unwrap();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (shared, client) = (Arc::clone(&accepting), client.unwrap());
                // A client that has gone is nothing to the proxy.
                thread::spawn(move || drop(shared.serve(&client)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What becomes of requests from now on.
    pub(crate) fn set(&self, judge: impl FnMut(&Request) -> Verdict + Send + 'static) {
        *self.shared.judge.lock().unwrap() = Box::new(judge);
    }

    /// What was asked since the last call, in the order in which it was answered.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.shared.state.lock().unwrap().log)
    }

    /// Waits until an exchange was noted.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Exchange) -> bool) {
        let state = self.shared.state.lock().unwrap();
        let waited = |state: &mut State| !state.log.iter().any(&is_it);
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, waited).unwrap();
        assert!(!waited.1.timed_out(), "the request did not come");
    }

    /// Requests that were under way at one time, at most.
    pub(crate) fn most_together(&self) -> usize {
        self.shared.state.lock().unwrap().most_together
    }
}

/// Head and body of a request or an answer.
struct Message {
    head: Vec<u8>,
    first_line: String,
    length: Option<u64>,
    range: Option<String>,
    authorization: Option<String>,
    is_chunked: bool,
}

impl Shared {
    fn serve(&self, mut client: &TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let mut server = TcpStream::connect(self.target)?;
        server.set_nodelay(true)?;
        let mut asked = BufReader::new(client.try_clone()?);
        let mut answered = BufReader::new(server.try_clone()?);
        while let Some(message) = Message::read(&mut asked)? {
            let mut body = vec![0; message.length.unwrap_or(0) as usize];
            asked.read_exact(&mut body)?;
            let mut words = message.first_line.split(' ').map(str::to_owned);
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let Message { range, authorization, .. } = &message;
            let request =
                Request { method, target, range: range.clone(), authorization: authorization.clone() };
            let verdict = (self.judge.lock().unwrap())(&request);
            self.begin();
            let answer = match verdict {
                Verdict::Answer(status, code) => refuse(&mut client, &request, status, code),
                Verdict::Hang => asked.read(&mut [0]).map(|_| None),
                Verdict::Pass | Verdict::Cut(_) => {
                    server.write_all(&message.head)?;
                    server.write_all(&body)?;
                    let most = if let Verdict::Cut(most) = verdict { most } else { u64::MAX };
                    relay(&mut answered, &mut client, &request, most)
                }
            };
            self.end(request, answer.as_ref().ok().copied().flatten());
            if answer?.is_none() {
                break;
            }
        }
        client.shutdown(Shutdown::Both)
    }

    fn begin(&self) {
        let mut state = self.state.lock().unwrap();
        state.together += 1;
        state.most_together = state.most_together.max(state.together);
    }

    /// Notes what came of a request: status and bytes, if it was answered whole.
    fn end(&self, request: Request, answer: Option<(u16, u64)>) {
        let mut state = self.state.lock().unwrap();
        state.together -= 1;
        let (status, bytes) = answer.unwrap_or((0, 0));
        state.log.push(Exchange { request, status, bytes });
        self.changed.notify_all();
    }
}

impl Message {
    /// The next message's head; `None` at the end of the connection.
    fn read(input: &mut impl BufRead) -> Result<Option<Self>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if input.read_until(b'\n', &mut head)? == 0 {
                return Ok(None);
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let header = |name: &str| {
            let named = text.lines().filter_map(|line| line.split_once(": "));
            named
                .filter(|(other, _)| other.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
                .next()
        };
        Ok(Some(Self {
            first_line: text.lines().next().unwrap().to_owned(),
            length: header("content-length").map(|length| length.parse().unwrap()),
            range: header("range"),
            authorization: header("authorization"),
            is_chunked: header("transfer-encoding").is_some(),
            head,
        }))
    }
}

/// Passes an answer on, at most so many bytes of its body. Its status and length; `None` if it was cut.
fn relay(
    server: &mut impl BufRead,
    client: &mut impl Write,
    request: &Request,
    most: u64,
) -> Result<Option<(u16, u64)>> {
    let message = Message::read(server)?.ok_or(ErrorKind::UnexpectedEof)?;
    let status = message.first_line.split(' ').nth(1).unwrap().parse().unwrap();
    client.write_all(&message.head)?;
    if request.method == "HEAD" || matches!(status, 204 | 304) {
        return Ok(Some((status, 0)));
    }
    if message.is_chunked {
        return Ok(Some((status, relay_chunks(server, client)?)));
    }
    let length = message.length.unwrap_or(0);
    let passed = std::io::copy(&mut server.take(length.min(most)), client)?;
    Ok((passed == length).then_some((status, length)))
}

fn relay_chunks(server: &mut impl BufRead, client: &mut impl Write) -> Result<u64> {
    let mut bytes = 0;
    loop {
        let mut line = String::new();
        server.read_line(&mut line)?;
        client.write_all(line.as_bytes())?;
        let length = u64::from_str_radix(line.trim(), 16).unwrap();
        std::io::copy(&mut server.take(length + 2), client)?;
        bytes += length;
        if length == 0 {
            return Ok(bytes);
        }
    }
}

fn refuse(client: &mut impl Write, request: &Request, status: u16, code: &str) -> Result<Option<(u16, u64)>> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
    );
    let length = body.len();
    let body = if request.method == "HEAD" { String::new() } else { body };
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n"
    );
    client.write_all(format!("{head}{body}").as_bytes())?;
    Ok(Some((status, body.len() as u64)))
}
