//! From what Redis and the network say to kinds, in one place.

use crate::connect::Node;
use provender_core::online::ViewRead;
use provender_core::{Error, Kind};
use redis::RedisError;

/// What an error of the crate means for the caller.
pub(crate) fn failed(error: RedisError, action: &'static str) -> Error {
    if error.is_timeout() {
        return Error::unavailable(format!("cannot {action}: Redis did not answer in time")).because(error);
    }
    let kind = match error.kind() {
        redis::ErrorKind::AuthenticationFailed => Kind::Denied,
        redis::ErrorKind::Io | redis::ErrorKind::ClusterConnectionNotFound => Kind::Unavailable,
        _ => error.code().map_or(Kind::Internal, kind_of),
    };
    Error::new(kind, format!("cannot {action}: {}", reason(kind))).because(error)
}

/// What the first word of an error reply means for the caller.
pub(crate) fn kind_of(code: &str) -> Kind {
    match code {
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => Kind::Denied,
        "LOADING" | "CLUSTERDOWN" | "TRYAGAIN" | "MASTERDOWN" | "READONLY" | "MOVED" | "ASK" | "BUSY"
        | "OOM" | "NOREPLICAS" | "MISCONF" | "UNKILLABLE" => Kind::Unavailable,
        _ => Kind::Internal,
    }
}

fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Denied => "Redis denied it",
        Kind::Unavailable => "Redis is not available",
        _ => "Redis refused",
    }
}

/// A server that cannot be reached.
pub(crate) fn unreachable(error: std::io::Error, node: &Node) -> Error {
    Error::unavailable("cannot connect to Redis").with("node", node).because(error)
}

/// A server that took too long.
pub(crate) fn timed_out(action: &'static str, node: &Node) -> Error {
    Error::unavailable(format!("cannot {action}: Redis did not answer in time")).with("node", node)
}

/// An error reply to `action`.
pub(crate) fn refused(action: &'static str, text: &str) -> Error {
    let kind = kind_of(text.split_whitespace().next().unwrap_or_default());
    Error::new(kind, format!("cannot {action}: {}", reason(kind))).with("reply", text.trim())
}

/// A key that holds something else than a hash.
pub(crate) fn wrong_type(key: &[u8]) -> Error {
    Error::internal("a key in Redis is not a hash").with("key", hex(key))
}

/// Bytes that no writer of the layout leaves behind.
pub(crate) fn damaged(what: &'static str, view: &ViewRead, row: usize) -> Error {
    Error::internal(format!("damaged online store: {what}"))
        .with("view", &view.table.view)
        .with("entity key", hex(view.keys.key(row)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `MOVED slot host:port` or `ASK slot host:port`: whether it is the latter, the slot, and the node. Without a host it is that of the node that was asked.
pub(crate) fn moved_to(text: &str, asked: &Node) -> Option<(bool, u16, Node)> {
    let mut words = text.split_whitespace();
    let ask = match words.next()? {
        "ASK" => true,
        "MOVED" => false,
        _ => return None,
    };
    let slot = words.next()?.parse().ok()?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    let host = if host.is_empty() { &asked.host } else { host };
    Some((ask, slot, Node::new(host, port.parse().ok()?)))
}
