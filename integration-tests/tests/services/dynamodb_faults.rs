//! DynamoDB throttling some or all requests and leaving keys and items unprocessed. No answer calls a key missing that could not be read, failures
//! come in time, and the server recovers by itself.

use crate::keyed::{fails, read, recovers, repo, serve, some, under_load};
use crate::support::Repo;
use crate::{Case, DYNAMODB};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) const CASES: &[Case] = &[
    Case::new("keys_that_dynamodb_leaves_unprocessed_are_asked_for_again", &[DYNAMODB], unprocessed),
    Case::new("batches_that_dynamodb_throttles_are_repeated", &[DYNAMODB], throttled_at_times),
    Case::new("reads_fail_in_time_while_dynamodb_throttles_them_all", &[DYNAMODB], throttled_always),
];

/// What is done to requests for items.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Pass,
    /// One of so many is refused as throttled.
    Throttle(usize),
    /// Of a batch of several keys or items, only the first half is worked on.
    Halve,
}

/// A proxy before DynamoDB Local that knows its requests.
struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    rule: Rule,
    requests: usize,
    /// Requests that a rule was applied to.
    spoiled: usize,
}

struct Request {
    head: Vec<String>,
    body: Value,
}

impl Proxy {
    fn start(rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { rule, requests: 0, spoiled: 0 }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared) = (client.unwrap(), Arc::clone(&shared));
                // A client that goes away ends its thread.
                thread::spawn(move || serve_client(&client, &shared));
            }
        });
        Self { address, state }
    }

    fn set(&self, rule: Rule) {
        self.state.lock().unwrap().rule = rule;
    }

    fn spoiled(&self) -> usize {
        self.state.lock().unwrap().spoiled
    }

    /// The repository over tables of this proxy's own.
    fn repo(&self) -> Repo {
        repo(&format!(
            "{{type: dynamodb, region: us-east-1, endpoint_url: 'http://{}', table_name_template: 'faults{}.{{project}}.{{table_name}}'}}",
            self.address,
            self.address.port()
        ))
    }
}

fn serve_client(mut client: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut requests = BufReader::new(client);
    while let Some(request) = read_request(&mut requests)? {
        client.write_all(&answer(request, state)?)?;
    }
    Ok(())
}

fn read_request(stream: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request { head, body: serde_json::from_slice(&body).unwrap() }))
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    let headers = head.iter().filter_map(|line| line.split_once(':'));
    headers.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn answer(mut request: Request, state: &Mutex<State>) -> std::io::Result<Vec<u8>> {
    let target = header(&request.head, "x-amz-target").unwrap_or_default().to_owned();
    let is_of_items = target.ends_with("Item") || target.ends_with("TransactWriteItems");
    let rule = {
        let mut state = state.lock().unwrap();
        state.requests += usize::from(is_of_items);
        match state.rule {
            Rule::Throttle(every) if is_of_items && state.requests.is_multiple_of(every) => state.rule,
            Rule::Halve if target.ends_with("BatchGetItem") || target.ends_with("BatchWriteItem") => {
                state.rule
            }
            _ => Rule::Pass,
        }
    };
    if let Rule::Throttle(_) = rule {
        state.lock().unwrap().spoiled += 1;
        let error = json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "slow down"});
        return Ok(http("400 Bad Request", &error));
    }
    let left = if rule == Rule::Halve { halve(&mut request.body["RequestItems"]) } else { json!({}) };
    let mut answered = forward(&request)?;
    if left.as_object().is_some_and(|tables| !tables.is_empty()) {
        state.lock().unwrap().spoiled += 1;
        let name = if target.ends_with("BatchGetItem") { "UnprocessedKeys" } else { "UnprocessedItems" };
        answered.1[name] = left;
    }
    Ok(http(&answered.0, &answered.1))
}

/// Takes the second half of each table's keys or items out of a request, and answers it.
fn halve(tables: &mut Value) -> Value {
    let mut left = json!({});
    for (table, items) in tables.as_object_mut().unwrap() {
        let list = if items.is_array() { &mut *items } else { &mut items["Keys"] };
        let list = list.as_array_mut().unwrap();
        if list.len() < 2 {
            continue;
        }
        let rest: Vec<Value> = list.split_off(list.len() / 2);
        left[table] = if items.is_array() {
            json!(rest)
        } else {
            let mut keys = items.clone();
            keys["Keys"] = json!(rest);
            keys
        };
    }
    left
}

/// Sends a request on, and answers the status line's end and the body.
fn forward(request: &Request) -> std::io::Result<(String, Value)> {
    let target = DYNAMODB.address().unwrap();
    let mut server = TcpStream::connect(target.strip_prefix("http://").unwrap())?;
    let body = request.body.to_string();
    let replaced = ["content-length", "connection", "expect"];
    let kept = request.head.iter().filter(|line| {
        !replaced.iter().any(|name| line.to_ascii_lowercase().starts_with(&format!("{name}:")))
    });
    let mut head: String = kept.fold(String::new(), |head, line| head + line + "\r\n");
    head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    server.write_all((head + &body).as_bytes())?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head: Vec<String> = String::from_utf8_lossy(&answer[..end]).lines().map(str::to_owned).collect();
    assert_eq!(header(&head, "transfer-encoding"), None, "the answer comes whole");
    let body = serde_json::from_slice(&answer[end + 4..]).unwrap();
    Ok((head[0].split_once(' ').unwrap().1.to_owned(), body))
}

fn http(status: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

fn unprocessed() {
    let proxy = Proxy::start(Rule::Halve);
    let repo = proxy.repo();
    let server = serve(&repo);
    recovers(&server);
    proxy.set(Rule::Pass);
    for n in 0..20 {
        assert_eq!(read(&server, &some(n)), Ok(()), "all was written");
    }
    assert!(proxy.spoiled() > 0);
}

fn throttled_at_times() {
    let proxy = Proxy::start(Rule::Throttle(3));
    let repo = proxy.repo();
    let server = serve(&repo);
    let tally = under_load(&server, || {
        for n in 0..50 {
            assert_eq!(read(&server, &some(n)), Ok(()));
        }
    });
    assert!(tally.right > 0, "{tally:?}");
    assert!(proxy.spoiled() > 10);
}

fn throttled_always() {
    let proxy = Proxy::start(Rule::Pass);
    let repo = proxy.repo();
    let server = serve(&repo);
    recovers(&server);
    let tally = under_load(&server, || {
        proxy.set(Rule::Throttle(1));
        fails(&server);
        for n in 0..5 {
            assert!(read(&server, &some(n)).is_err());
        }
        proxy.set(Rule::Pass);
        recovers(&server);
    });
    assert!(tally.failed > 0, "{tally:?}");
}
