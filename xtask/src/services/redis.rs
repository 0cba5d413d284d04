//! Redis three ways: one server, a cluster of three, and a master with a replica and three sentinels.

use super::daemon::{self, until};
use super::resp::ask;
use super::{Runner, packages};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// The name that sentinels know the master by.
const MASTER_NAME: &str = "mymaster";

/// How long servers may take to come up and to agree with each other.
const PATIENCE: Duration = Duration::from_secs(30);

/// Servers that belong together: they are started whole or not at all.
pub(super) struct Set {
    /// What clients are given.
    ports: &'static [u16],
    /// Further servers that clients find through those.
    behind: &'static [u16],
    /// Started as sentinels, all of `ports`.
    sentinels: bool,
    options: &'static [&'static str],
    /// Makes the set of fresh servers.
    arrange: fn() -> Result<()>,
    /// Whether clients could use it.
    ready: fn() -> Result<bool>,
}

/// One server.
pub(super) const SINGLE: Set = Set {
    ports: &[17600],
    behind: &[],
    sentinels: false,
    options: &[],
    arrange: || Ok(()),
    ready: || Ok(ask(17600, "PING")? == "PONG"),
};

/// Three nodes, a third of the slots each.
pub(super) const CLUSTER: Set = Set {
    ports: &[17601, 17602, 17603],
    behind: &[],
    sentinels: false,
    options: &["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"],
    arrange: arrange_cluster,
    ready: is_cluster_ready,
};

/// Three sentinels; behind them a master and its replica.
pub(super) const SENTINEL: Set = Set {
    ports: &[17621, 17622, 17623],
    behind: &[17611, 17612],
    sentinels: true,
    options: &[],
    arrange: arrange_sentinels,
    ready: are_sentinels_ready,
};

impl Set {
    /// `host:port` of all, with commas, as Feast's connection strings have them.
    pub(super) fn addresses(&self) -> String {
        let addresses: Vec<String> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        addresses.join(",")
    }

    fn all(&self) -> impl Iterator<Item = u16> {
        self.behind.iter().chain(self.ports).copied()
    }

    fn runs(&self) -> bool {
        self.all().all(|port| ask(port, "PING").is_ok())
    }

    fn launch(&self) -> Result<()> {
        packages::ensure(&["redis-server", "redis-sentinel"], &["redis-server", "redis-sentinel"])?;
        for port in self.all() {
            daemon::stop(&name(port))?;
            if ask(port, "PING").is_ok() {
                bail!("something else answers on port {port}");
            }
            let folder = daemon::folder().join(name(port));
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            fs::create_dir_all(&folder)?;
            // Sentinels and nodes rewrite their configuration: each has a file of its own.
            let file = folder.join(format!("{}.conf", name(port)));
            fs::write(&file, "")?;
            let is_sentinel = self.sentinels && self.ports.contains(&port);
            let mut command = Command::new(if is_sentinel { "redis-sentinel" } else { "redis-server" });
            command
                .arg(&file)
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
                .arg(&folder);
            if !is_sentinel {
                command.args(["--save", "", "--appendonly", "no"]).args(self.options);
            }
            daemon::start(&name(port), &mut command)?;
        }
        for port in self.all() {
            let otherwise =
                format!("no answer on port {port}; its log is {}", daemon::log_of(&name(port)).display());
            until(PATIENCE, &otherwise, || Ok(ask(port, "PING").is_ok()))?;
        }
        Ok(())
    }
}

fn name(port: u16) -> String {
    format!("redis-{port}")
}

/// Starts the set and makes it usable, unless it is.
pub(super) fn start(set: &Set, runner: Runner) -> Result<()> {
    if check(set).is_ok() {
        return Ok(());
    }
    if runner == Runner::Native && !set.runs() {
        set.launch()?;
    }
    until(PATIENCE, "the servers do not come up", || Ok(set.runs()))?;
    if !(set.ready)().unwrap_or(false) {
        (set.arrange)()?;
    }
    until(
        PATIENCE,
        "the servers do not agree; `cargo xtask services stop` makes room for fresh ones",
        set.ready,
    )
}

/// Fails unless clients could use the set.
pub(super) fn check(set: &Set) -> Result<()> {
    if !(set.ready)()? {
        bail!("{} is not ready", set.addresses());
    }
    Ok(())
}

fn arrange_cluster() -> Result<()> {
    let [first, ..] = *CLUSTER.ports else { bail!("a cluster has nodes") };
    let nodes = u16::try_from(CLUSTER.ports.len())?;
    for (number, port) in (0_u16..).zip(CLUSTER.ports) {
        let slot = |n: u16| u32::from(n) * 16384 / u32::from(nodes);
        if !ask(*port, "CLUSTER NODES")?.contains("connected 0-") {
            // A node that was given its slots before refuses them: it is arranged already.
            let _ = ask(*port, &format!("CLUSTER ADDSLOTSRANGE {} {}", slot(number), slot(number + 1) - 1));
        }
        if *port != first {
            ask(*port, &format!("CLUSTER MEET 127.0.0.1 {first}"))?;
        }
    }
    Ok(())
}

fn is_cluster_ready() -> Result<bool> {
    for port in CLUSTER.ports {
        let info = ask(*port, "CLUSTER INFO")?;
        if !info.contains("cluster_state:ok") || !info.contains("cluster_known_nodes:3") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn arrange_sentinels() -> Result<()> {
    let [first, second] = *SENTINEL.behind else { bail!("a master and a replica") };
    let is_master = |port| ask(port, "ROLE").is_ok_and(|role| role.starts_with("master"));
    // Roles may have changed since the servers were started.
    let master = if is_master(first) || !is_master(second) { first } else { second };
    let replica = first + second - master;
    ask(replica, &format!("REPLICAOF 127.0.0.1 {master}"))?;
    for port in SENTINEL.ports {
        if ask(*port, &format!("SENTINEL MASTER {MASTER_NAME}")).is_err() {
            ask(*port, &format!("SENTINEL MONITOR {MASTER_NAME} 127.0.0.1 {master} 2"))?;
        }
        let settings = "down-after-milliseconds 1000 failover-timeout 3000 parallel-syncs 1";
        ask(*port, &format!("SENTINEL SET {MASTER_NAME} {settings}"))?;
    }
    Ok(())
}

/// Every sentinel knows the same living master, its replica and the other sentinels.
fn are_sentinels_ready() -> Result<bool> {
    for port in SENTINEL.ports {
        let master = ask(*port, &format!("SENTINEL GET-MASTER-ADDR-BY-NAME {MASTER_NAME}"))?;
        let Some((_, master)) = master.split_once('\n') else { return Ok(false) };
        let role = ask(master.parse().context("a port")?, "ROLE")?;
        let known = ask(*port, &format!("SENTINEL MASTER {MASTER_NAME}"))?;
        let field = |name: &str| known.lines().skip_while(|line| *line != name).nth(1).map(str::to_owned);
        let others = field("num-other-sentinels").as_deref() == Some("2");
        if !others || field("num-slaves").as_deref() != Some("1") || !role.starts_with("master") {
            return Ok(false);
        }
    }
    Ok(true)
}
