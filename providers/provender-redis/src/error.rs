//! From what Redis and the network say to kinds, in one place.

use crate::connect::Node;
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
