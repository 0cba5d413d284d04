//! Google Cloud Storage's XML interface, as much of it as tests of object stores need: no emulator that can be had speaks it.
//!
//! Objects with generations, conditional puts and gets, ranges, lists in pages, multipart uploads; buckets exist. All in memory, no credentials.
//! <https://cloud.google.com/storage/docs/xml-api/overview>

mod http;

use super::Runner;
use super::daemon::{self, until};
use anyhow::{Context, Result, bail};
use http::{Request, Response};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PORT: u16 = 17642;
const NAME: &str = "gcs-17642";
/// Few, so that tests turn pages.
const PAGE: usize = 100;
/// Nothing that is tested looks at it.
const MODIFIED: (&str, &str) = ("Thu, 01 Jan 2026 00:00:00 GMT", "2026-01-01T00:00:00Z");

/// What tests give to the client as its endpoint.
pub(super) fn url() -> String {
    format!("http://127.0.0.1:{PORT}")
}

/// Starts it, as a process of this program, unless it answers.
pub(super) fn start(_: Runner) -> Result<()> {
    if check().is_ok() {
        return Ok(());
    }
    daemon::stop(NAME)?;
    daemon::start(NAME, Command::new(std::env::current_exe()?).args(["services", "gcs", &PORT.to_string()]))?;
    let otherwise = format!("it does not come up; its log is {}", daemon::log_of(NAME).display());
    until(Duration::from_secs(10), &otherwise, || check().map(|()| true))
}

/// Fails unless it answers.
pub(super) fn check() -> Result<()> {
    let address = (Ipv4Addr::LOCALHOST, PORT).into();
    TcpStream::connect_timeout(&address, Duration::from_secs(2))
        .with_context(|| format!("no answer at {}", url()))?;
    Ok(())
}

/// Serves until the process ends.
pub(crate) fn serve(port: &str) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().context("a port")?))?;
    let store: Arc<Mutex<Store>> = Arc::default();
    for connection in listener.incoming() {
        let store = Arc::clone(&store);
        // A connection that fails is the client's to notice.
        std::thread::spawn(move || {
            http::serve(connection?, |request| {
                store.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
            })
        });
    }
    bail!("nobody listens any more")
}

#[derive(Default)]
struct Store {
    /// By bucket and key.
    objects: BTreeMap<(String, String), Object>,
    uploads: HashMap<String, BTreeMap<usize, Vec<u8>>>,
    /// Grows with every write.
    generation: u64,
}

struct Object {
    bytes: Vec<u8>,
    generation: u64,
}

impl Object {
    fn tag(&self) -> String {
        format!("\"{}\"", self.generation)
    }
}

impl Store {
    fn answer(&mut self, request: Request) -> Response {
        let path = request.path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let place = (bucket.to_owned(), key.to_owned());
        match (request.method.as_str(), request.query.get("uploadId")) {
            ("GET", _) if key.is_empty() => self.list(bucket, &request),
            ("GET" | "HEAD", _) => self.read(&place, &request),
            ("POST", None) if request.query.contains_key("uploads") => self.begin(),
            ("PUT", Some(upload)) => self.part(upload, &request),
            ("POST", Some(upload)) => self.complete(place, upload),
            ("DELETE", Some(upload)) => match self.uploads.remove(upload) {
                Some(_) => Response::new(204),
                None => Response::error(404, "NoSuchUpload"),
            },
            ("PUT", None) => self.put(place, request),
            ("DELETE", None) => match self.objects.remove(&place) {
                Some(_) => Response::new(204),
                None => Response::error(404, "NoSuchKey"),
            },
            _ => Response::error(405, "MethodNotAllowed"),
        }
    }

    fn put(&mut self, place: (String, String), request: Request) -> Response {
        let there = self.objects.get(&place).map_or(0, |object| object.generation);
        match request.headers.get("x-goog-if-generation-match") {
            Some(wanted) if *wanted != there.to_string() => Response::error(412, "PreconditionFailed"),
            _ => self.store(place, request.body),
        }
    }

    fn store(&mut self, place: (String, String), bytes: Vec<u8>) -> Response {
        self.generation += 1;
        let object = Object { bytes, generation: self.generation };
        let response = described(Response::new(200), &object);
        self.objects.insert(place, object);
        response
    }

    fn read(&self, place: &(String, String), request: &Request) -> Response {
        let Some(object) = self.objects.get(place) else { return Response::error(404, "NoSuchKey") };
        let header = |name: &str| request.headers.get(name);
        if header("if-match").is_some_and(|tag| *tag != object.tag()) {
            return Response::error(412, "PreconditionFailed");
        }
        if header("if-none-match").is_some_and(|tag| *tag == object.tag()) {
            return described(Response::new(304), object);
        }
        let size = object.bytes.len();
        let Some(range) = header("range") else {
            return described(Response::new(200).with_body(object.bytes.clone()), object);
        };
        match http::range(range, size) {
            Some(range) => {
                let content = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                let response = Response::new(206).with_body(object.bytes[range].to_vec());
                described(response.with("Content-Range", content), object)
            }
            None => Response::error(416, "InvalidRange"),
        }
    }

    fn list(&self, bucket: &str, request: &Request) -> Response {
        let query = |name: &str| request.query.get(name).map_or("", String::as_str);
        let (prefix, after) = (query("prefix"), query("continuation-token").max(query("start-after")));
        let delimiter = query("delimiter");
        let (mut keys, mut folders) = (Vec::new(), Vec::new());
        let mut next = None;
        let of_bucket = self.objects.range((bucket.to_owned(), prefix.to_owned())..);
        for ((_, key), object) in of_bucket.take_while(|((b, key), _)| b == bucket && key.starts_with(prefix))
        {
            let folder = key[prefix.len()..].split_once(delimiter).filter(|_| !delimiter.is_empty());
            if let Some((name, _)) = folder {
                let folder = format!("{prefix}{name}{delimiter}");
                if folders.last() != Some(&folder) {
                    folders.push(folder);
                }
            } else if key.as_str() > after {
                if keys.len() == PAGE {
                    next = keys.last().map(|(key, _): &(&String, _)| (*key).clone());
                    break;
                }
                keys.push((key, object));
            }
        }
        Response::new(200).with_body(listing(&keys, &folders, next.as_deref()).into_bytes())
    }

    fn begin(&mut self) -> Response {
        self.generation += 1;
        let upload = format!("upload-{}", self.generation);
        let body = format!(
            "<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        );
        self.uploads.insert(upload, BTreeMap::new());
        Response::new(200).with_body(body.into_bytes())
    }

    fn part(&mut self, upload: &str, request: &Request) -> Response {
        let number = request.query.get("partNumber").and_then(|number| number.parse().ok());
        match (self.uploads.get_mut(upload), number) {
            (Some(parts), Some(number)) => {
                parts.insert(number, request.body.clone());
                Response::new(200).with("ETag", format!("\"part-{number}\""))
            }
            _ => Response::error(404, "NoSuchUpload"),
        }
    }

    fn complete(&mut self, place: (String, String), upload: &str) -> Response {
        let Some(parts) = self.uploads.remove(upload) else { return Response::error(404, "NoSuchUpload") };
        let stored = self.store(place, parts.into_values().flatten().collect());
        let body = format!(
            "<CompleteMultipartUploadResult><ETag>\"{}\"</ETag></CompleteMultipartUploadResult>",
            self.generation
        );
        stored.with_body(body.into_bytes())
    }
}

fn described(response: Response, object: &Object) -> Response {
    response
        .with("ETag", object.tag())
        .with("Last-Modified", MODIFIED.0.to_owned())
        .with("x-goog-generation", object.generation.to_string())
}

fn listing(keys: &[(&String, &Object)], folders: &[String], next: Option<&str>) -> String {
    let mut xml = String::from("<ListBucketResult>");
    for (key, object) in keys {
        let (key, tag, size) = (http::escaped(key), http::escaped(&object.tag()), object.bytes.len());
        // Writing to a string does not fail.
        let _ = write!(
            xml,
            "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{tag}</ETag><LastModified>{}</LastModified></Contents>",
            MODIFIED.1
        );
    }
    for folder in folders {
        let _ = write!(xml, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", http::escaped(folder));
    }
    if let Some(next) = next {
        let _ = write!(xml, "<NextContinuationToken>{}</NextContinuationToken>", http::escaped(next));
    }
    xml + "</ListBucketResult>"
}
