//! What a server may be told.

use crate::trace::TraceSink;
use std::sync::Arc;
use std::time::Duration;

/// Where a server listens and what it allows. Every limit has a default that suits one process of some tens of megabytes.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Name or address to listen on. Default `127.0.0.1`.
    pub host: String,
    /// Port to listen on; 0 takes a free one. Default 6566, Feast's.
    pub port: u16,
    /// How often the registry is read again, in the background; zero never does. Default 60 s, that of `feast serve`.
    pub registry_ttl: Duration,
    /// Threads that serve connections; 0 for one a core. Default 0.
    pub workers: usize,
    /// Log each request, at level info on the target `provender::access`. Default on.
    pub access_log: bool,
    /// Who is told of every request; none is traced without. Default nobody.
    pub traces: Option<Arc<dyn TraceSink>>,
    /// Limits on what clients may ask.
    pub limits: Limits,
}

/// Limits on what clients may ask. Who passes one is told which.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one request body; more is 413. Default 16 MiB.
    pub body: usize,
    /// Bytes of all request bodies that are held at once; a request that would pass it is 503. Default 64 MiB.
    pub bodies: usize,
    /// Entity rows of one request for online features; more is 413. Default 10,000.
    pub rows: usize,
    /// Requests that are worked on at once; one more is 503. Default 256.
    pub in_flight: usize,
    /// Reads of the online store that are waited for at once; one more waits for a moment and is 503 then. Default 128.
    pub store_reads: usize,
    /// Connections that are open at once; further ones wait in the kernel's queue. Default 1,000.
    pub connections: usize,
    /// How long a read may take, and how long a write may wait for its store; 503 after that. Default 30 s.
    pub answer: Duration,
    /// How long a client may take to send its next request's headers, then its body (408), and to take in some of an answer. Default 30 s.
    pub client: Duration,
    /// How long a stopping server waits for requests in flight before it cuts them off. Default 30 s.
    pub drain: Duration,
}

impl ServerConfig {
    /// How many threads serve connections.
    pub(crate) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 6566,
            registry_ttl: Duration::from_secs(60),
            workers: 0,
            access_log: true,
            traces: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 16 << 20,
            bodies: 64 << 20,
            rows: 10_000,
            in_flight: 256,
            store_reads: 128,
            connections: 1_000,
            answer: Duration::from_secs(30),
            client: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}
