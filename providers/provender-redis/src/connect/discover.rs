//! Looking for the servers: by a cluster's own map, or by asking sentinels.

use super::{Node, Servers, Topology};
use crate::config::RedisType;
use crate::error::failed;
use futures::future::{BoxFuture, FutureExt as _, select_ok};
use provender_core::{Error, Result};
use redis::{FromRedisValue as _, RedisConnectionInfo, Value};
use std::sync::Arc;

impl Servers {
    /// The servers as they are now. `stale` adds nodes that may be asked.
    pub(super) async fn discover(&self, stale: Option<&Arc<Topology>>) -> Result<Topology> {
        let named = &self.address.nodes;
        match self.kind {
            RedisType::Redis => Ok(Topology::single(named[0].clone())),
            RedisType::RedisSentinel => first(named.iter().map(|node| self.ask_sentinel(node).boxed())).await,
            RedisType::RedisCluster => {
                let known = stale.map_or(&[][..], |topology| topology.masters());
                let known = known.iter().filter(|node| !named.contains(node));
                first(known.chain(named).map(|node| self.ask_node(node).boxed())).await
            }
        }
    }

    /// The map of the cluster, as one node knows it.
    async fn ask_node(&self, node: &Node) -> Result<Topology> {
        let mut connection = self.connect(node).await?;
        let reply = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await;
        let ranges: Vec<Vec<Value>> = reply.map_err(|e| failed(e, "ask for the slots").with("node", node))?;
        let ranges = ranges.into_iter().map(|range| slot_range(range, node)).collect::<Option<Vec<_>>>();
        match ranges {
            Some(ranges) if !ranges.is_empty() => Ok(Topology::cluster(ranges)),
            Some(_) => Err(Error::unavailable("the Redis cluster serves no slot").with("node", node)),
            None => Err(Error::internal("CLUSTER SLOTS answered in an unknown shape").with("node", node)),
        }
    }

    /// The master, if this sentinel knows it and it agrees that it is one.
    async fn ask_sentinel(&self, sentinel: &Node) -> Result<Topology> {
        let info = RedisConnectionInfo::default();
        let Self { address, master, .. } = self;
        let mut connection =
            self.login(sentinel, info, &address.sentinel_username, &address.sentinel_password).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        let answer = question.query_async::<Option<(String, u16)>>(&mut connection).await;
        let answer = answer.map_err(|e| failed(e, "ask a sentinel").with("node", sentinel))?;
        let (host, port) = answer.ok_or_else(|| {
            Error::invalid("the sentinel knows no such master")
                .with("node", sentinel)
                .with("at", "online_store.sentinel_master")
                .with("value", master)
        })?;
        let node = Node::new(&host, port);
        let mut connection = self.connect(&node).await?;
        let role = redis::cmd("ROLE").query_async::<Vec<Value>>(&mut connection).await;
        let role = role.map_err(|e| failed(e, "ask for the role").with("node", &node))?;
        match role.into_iter().next().map(String::from_redis_value) {
            Some(Ok(role)) if role == "master" => Ok(Topology::single(node)),
            _ => Err(Error::unavailable("the Redis master is being replaced").with("node", node)),
        }
    }
}

/// The first answer that is one; if there is none, the last error.
async fn first<'a>(asked: impl Iterator<Item = BoxFuture<'a, Result<Topology>>>) -> Result<Topology> {
    select_ok(asked).await.map(|(topology, _)| topology)
}

/// `first, last, [host, port, …], replicas…`. Without a host it is the node that was asked.
fn slot_range(range: Vec<Value>, asked: &Node) -> Option<(u16, u16, Node)> {
    let mut range = range.into_iter();
    let first = u16::from_redis_value(range.next()?).ok()?;
    let last = u16::from_redis_value(range.next()?).ok()?;
    let mut master = Vec::<Value>::from_redis_value(range.next()?).ok()?.into_iter();
    let host = Option::<String>::from_redis_value(master.next()?).ok()?;
    let host = host.filter(|h| !h.is_empty() && h != "?").unwrap_or_else(|| asked.host.to_string());
    let port = u16::from_redis_value(master.next()?).ok()?;
    Some((first, last, Node::new(&host, port)))
}
