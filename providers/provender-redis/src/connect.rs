//! The servers: which there are, which of them has a key, and connections to them.
//!
//! One server, a cluster and a master behind sentinels look the same from outside: a [`Topology`] of master nodes, found at first use and found again when a
//! server says, or its silence suggests, that it has changed.

mod discover;
mod hello;
mod slots;
mod stream;
mod tls;

pub(crate) use slots::Topology;
pub(crate) use stream::Stream;

use crate::config::{Address, RedisConfig, RedisType};
use crate::error::{failed, timed_out};
use provender_core::{Error, Kind, OpenContext, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tls::Tls;
use tokio::time::timeout;

/// After a search for the servers that brought nothing new there is no other for so long.
const PAUSE: Duration = Duration::from_millis(200);

/// Address of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Node {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The servers of a store.
#[derive(Debug)]
pub(crate) struct Servers {
    address: Address,
    kind: RedisType,
    /// Name of the master, as sentinels know it.
    master: String,
    tls: Option<Tls>,
    known: Mutex<Option<Arc<Topology>>>,
    /// Held during a search; the last one, if it brought nothing new.
    search: tokio::sync::Mutex<Option<Fruitless>>,
}

/// A search for the servers that brought nothing new: when it ended, and how it failed if it did.
#[derive(Debug)]
struct Fruitless {
    ended: Instant,
    failure: Option<(Kind, String)>,
}

impl Servers {
    /// Checks the settings and reads the files of TLS. Connects to nothing.
    ///
    /// # Errors
    /// `Invalid` naming the setting or the file.
    pub(crate) fn new(config: &RedisConfig, context: &OpenContext) -> Result<Arc<Self>> {
        let address = config.check()?;
        if config.redis_type == RedisType::Redis && address.nodes.len() > 1 {
            tracing::warn!(
                "redis_type is redis: of the servers in online_store.connection_string the first alone is used"
            );
        }
        let tls = address.tls.as_ref().map(|settings| Tls::new(settings, context)).transpose()?;
        Ok(Arc::new(Self {
            address,
            kind: config.redis_type,
            master: config.sentinel_master.clone(),
            tls,
            known: Mutex::default(),
            search: tokio::sync::Mutex::default(),
        }))
    }

    /// Where and how to connect.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The servers as they were last seen; looks for them at first.
    ///
    /// # Errors
    /// `Unavailable` if none answers, `Denied` if they refuse us.
    pub(crate) async fn topology(&self) -> Result<Arc<Topology>> {
        match self.last_seen() {
            Some(topology) => Ok(topology),
            None => self.search(None).await,
        }
    }

    /// Looks for the servers again, unless somebody else did since `stale` was seen: after MOVED, READONLY or a broken connection.
    ///
    /// # Errors
    /// As [`Servers::topology`].
    pub(crate) async fn refresh(&self, stale: &Arc<Topology>) -> Result<Arc<Topology>> {
        self.search(Some(stale)).await
    }

    /// Notes that a node has said `MOVED slot node`.
    pub(crate) fn moved(&self, slot: u16, node: &Node) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topology) = known.as_ref().filter(|t| t.owner(slot) != Some(node)) {
            *known = Some(Arc::new(topology.with_slot(slot, node)));
        }
    }

    /// A connection of its own to a node, ready for commands. Its driver runs on the current runtime and ends with it.
    ///
    /// # Errors
    /// `Unavailable` if the node cannot be reached in time, `Denied` if it refuses us.
    pub(crate) async fn connect(&self, node: &Node) -> Result<MultiplexedConnection> {
        let info = RedisConnectionInfo::default().set_db(self.address.db);
        self.login(node, info, &self.address.username, &self.address.password).await
    }

    /// A plain or TLS stream to a node, on which nothing has been said yet.
    ///
    /// # Errors
    /// `Unavailable` if the node cannot be reached in time, or its certificate does not convince.
    pub(crate) async fn stream(&self, node: &Node) -> Result<Stream> {
        tokio::runtime::Handle::try_current()
            .map_err(|e| Error::internal("Redis is reached from a tokio runtime only").because(e))?;
        let opening = Stream::open(node, self.tls.as_ref());
        timeout(self.address.connect_timeout, opening).await.map_err(|_| timed_out("connect", node))?
    }

    /// A stream to a node that has taken our credentials, database and name: the next bytes are commands.
    ///
    /// # Errors
    /// `Unavailable` if the node cannot be reached in time or is not ready, `Denied` if it refuses us.
    pub(crate) async fn greeted(&self, node: &Node) -> Result<Stream> {
        let mut stream = self.stream(node).await?;
        let greeting = timeout(self.address.connect_timeout, hello::hello(&mut stream, &self.address));
        greeting.await.map_err(|_| timed_out("connect", node))?.map_err(|e| e.with("node", node))?;
        Ok(stream)
    }

    fn last_seen(&self) -> Option<Arc<Topology>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn search(&self, stale: Option<&Arc<Topology>>) -> Result<Arc<Topology>> {
        let mut last = self.search.lock().await;
        let seen = self.last_seen();
        let recent = last.as_ref().filter(|search| search.ended.elapsed() < PAUSE);
        match (seen, recent) {
            // Somebody else has looked meanwhile, or nothing more can be known yet.
            (Some(seen), recent) if recent.is_some() || !stale.is_some_and(|s| Arc::ptr_eq(s, &seen)) => {
                return Ok(seen);
            }
            (None, Some(Fruitless { failure: Some((kind, message)), .. })) => {
                return Err(Error::new(*kind, message.clone()));
            }
            _ => {}
        }
        let found = self.discover(stale).await;
        let failure = found.as_ref().err().map(|error| (error.kind(), error.to_string()));
        let fruitless = found.as_ref().map_or(true, |found| stale.is_some_and(|stale| **stale == *found));
        *last = fruitless.then(|| Fruitless { ended: Instant::now(), failure });
        let topology = Arc::new(found?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&topology));
        Ok(topology)
    }

    async fn login(
        &self,
        node: &Node,
        info: RedisConnectionInfo,
        username: &Option<String>,
        password: &Option<provender_core::config::Secret<String>>,
    ) -> Result<MultiplexedConnection> {
        let mut info =
            info.set_protocol(ProtocolVersion::RESP2).set_lib_name("provender", env!("CARGO_PKG_VERSION"));
        if let Some(username) = username {
            info = info.set_username(username);
        }
        if let Some(password) = password {
            info = info.set_password(password.expose());
        }
        let settings = AsyncConnectionConfig::new().set_response_timeout(Some(self.address.socket_timeout));
        let stream = self.stream(node).await?;
        let opening = MultiplexedConnection::new_with_config(&info, stream, settings);
        let opened = timeout(self.address.connect_timeout, opening).await;
        let (connection, driver) = opened
            .map_err(|_| timed_out("connect", node))?
            .map_err(|e| failed(e, "connect").with("node", node))?;
        tokio::spawn(driver);
        Ok(connection)
    }
}
