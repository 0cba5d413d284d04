//! A store that speaks S3 as far as a registry needs it, with faults.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    None,
    /// It stores whatever comes, conditions or not.
    Overlooks,
    /// It makes an object only if there is none, but replaces one whatever `If-Match` says.
    OverlooksMatch,
    /// It does not know conditions and says so.
    Refuses,
    /// It answers the next so many requests with 503.
    Busy(usize),
    /// It stores what the next PUT brings and then closes the connection.
    LosesAnswer,
    /// It takes the credentials for expired.
    Expired,
}

/// A server on loopback; its threads end with the process.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    fault: Fault,
    objects: HashMap<String, (String, Vec<u8>)>,
    writes: usize,
    /// Method and status of every answer.
    log: Vec<(String, u16)>,
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Server {
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { fault, objects: HashMap::new(), writes: 0, log: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared) = (client.unwrap(), Arc::clone(&shared));
                thread::spawn(move || serve(&client, &shared));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// What was answered since the last call.
    pub(crate) fn answers(&self) -> Vec<(String, u16)> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }
}

/// Answers until the client, or a fault, closes the connection.
fn serve(mut client: &TcpStream, state: &Mutex<State>) {
    let mut input = BufReader::new(client);
    while let Some(request) = read(&mut input) {
        let Some((status, tag, body)) = state.lock().unwrap().answer(&request) else { return };
        let length =
            if status == 304 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let head = format!(
            "HTTP/1.1 {status} Status\r\netag: {tag}\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n{length}\r\n"
        );
        if client.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

impl State {
    /// Status, tag and body; `None` closes the connection.
    fn answer(&mut self, request: &Request) -> Option<(u16, String, Vec<u8>)> {
        let answer = self.outcome(request);
        if let Some((status, ..)) = &answer {
            self.log.push((request.method.clone(), *status));
        }
        answer
    }

    fn outcome(&mut self, request: &Request) -> Option<(u16, String, Vec<u8>)> {
        let error = |status, code: &str| {
            Some((status, String::new(), format!("<Error><Code>{code}</Code></Error>").into_bytes()))
        };
        let condition = |name: &str| request.headers.get(name).map(String::as_str);
        let there = self.objects.get(&request.path).cloned();
        match self.fault {
            Fault::Busy(left) if left > 0 => {
                self.fault = Fault::Busy(left - 1);
                return error(503, "SlowDown");
            }
            Fault::Expired => return error(400, "ExpiredToken"),
            Fault::Refuses if condition("if-none-match").or(condition("if-match")).is_some() => {
                return error(501, "NotImplemented");
            }
            _ => {}
        }
        if request.method == "GET" {
            return match there {
                None => error(404, "NoSuchKey"),
                Some((tag, _)) if condition("if-none-match") == Some(tag.as_str()) => {
                    Some((304, tag, Vec::new()))
                }
                Some((tag, bytes)) => Some((200, tag, bytes)),
            };
        }
        let tag = there.map(|(tag, _)| tag);
        let is_stale = self.fault != Fault::OverlooksMatch
            && condition("if-match").is_some_and(|wanted| tag.as_deref() != Some(wanted));
        let is_there = condition("if-none-match").is_some() && tag.is_some();
        if (is_stale || is_there) && self.fault != Fault::Overlooks {
            return error(412, "PreconditionFailed");
        }
        self.writes += 1;
        let tag = format!("\"{}\"", self.writes);
        self.objects.insert(request.path.clone(), (tag.clone(), request.body.clone()));
        if self.fault == Fault::LosesAnswer {
            self.fault = Fault::None;
            return None;
        }
        Some((200, tag, Vec::new()))
    }
}

fn read(input: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    input.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}
