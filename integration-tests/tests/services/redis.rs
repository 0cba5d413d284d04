//! Redis servers of a test's own, on free ports: one, a cluster of three, a master with its replica and three sentinels.

use crate::keyed::until;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// The name that sentinels know the master by.
pub(crate) const MASTER: &str = "mymaster";

/// A server that keeps its data over [`Redis::kill`] and [`Redis::start_again`], once it was told to save.
pub(crate) struct Redis {
    pub(crate) port: u16,
    /// A cluster's nodes talk to each other on a port of their own.
    bus: u16,
    folder: tempfile::TempDir,
    options: Vec<String>,
    process: Option<Child>,
    program: &'static str,
}

impl Redis {
    /// One server.
    pub(crate) fn start(options: &[&str]) -> Self {
        let options = [&["--save", "", "--appendonly", "no"], options].concat();
        Self::launch("redis-server", &options)
    }

    fn launch(program: &'static str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options.iter().map(|&o| o.to_owned()).collect();
        let mut redis = Self { port: free_port(), bus: free_port(), folder, options, process: None, program };
        redis.start_again();
        redis
    }

    /// Starts it on its port, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        // Sentinels and nodes rewrite their configuration: each has a file of its own.
        let file = self.folder.path().join("redis.conf");
        if !file.exists() {
            std::fs::write(&file, "").unwrap();
        }
        let mut command = Command::new(self.program);
        command.arg(file).args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"]);
        command.arg(self.folder.path()).args(&self.options);
        if self.is_node() {
            command.args(["--cluster-port", &self.bus.to_string()]);
        }
        self.process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("Redis answers", || self.ask(&["PING"]) == "PONG");
    }

    fn is_node(&self) -> bool {
        self.options.iter().any(|option| option == "--cluster-enabled")
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// `STOP` leaves it there, but deaf; `CONT` lets it go on.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    /// Writes its data to disk.
    pub(crate) fn save(&self) {
        assert_eq!(self.ask(&["SAVE"]), "OK");
    }

    /// Sends a command; errors are answered like anything else.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// Commands whose words are bytes, which no argument can be.
impl Redis {
    /// HSET of hexadecimal words: a key, then fields and values.
    pub(crate) fn hset_hex(&self, words: &[&str]) {
        let unhex = "local words = {} for i, hex in ipairs(ARGV) do words[i] = string.gsub(hex, '..', function(x) return string.char(tonumber(x, 16)) end) end";
        let script = format!("{unhex} return redis.call('HSET', unpack(words))");
        let answer = self.ask(&[&["EVAL", &script, "0"], words].concat());
        assert_eq!(answer, ((words.len() - 1) / 2).to_string());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Three nodes, a third of the slots each. A node that is away leaves the others working.
pub(crate) fn cluster() -> Vec<Redis> {
    let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
    let options = [&options[..], &["--cluster-require-full-coverage", "no"]].concat();
    let nodes: Vec<Redis> = (0..3).map(|_| Redis::start(&options)).collect();
    let (port, bus) = (nodes[0].port.to_string(), nodes[0].bus.to_string());
    for (number, node) in nodes.iter().enumerate() {
        let slot = |n: usize| n * 16_384 / 3;
        let (from, to) = (slot(number).to_string(), (slot(number + 1) - 1).to_string());
        assert_eq!(node.ask(&["CLUSTER", "ADDSLOTSRANGE", &from, &to]), "OK");
        if number > 0 {
            assert_eq!(node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
        }
    }
    for node in &nodes {
        until("the cluster agrees", || {
            let info = node.ask(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        });
    }
    nodes
}

/// A master, its replica, and three sentinels that watch them.
pub(crate) struct Watched {
    pub(crate) master: Redis,
    pub(crate) replica: Redis,
    pub(crate) sentinels: Vec<Redis>,
}

impl Watched {
    pub(crate) fn start() -> Self {
        let (master, replica) = (Redis::start(&[]), Redis::start(&[]));
        let port = master.port.to_string();
        assert_eq!(replica.ask(&["REPLICAOF", "127.0.0.1", &port]), "OK");
        let sentinels: Vec<Redis> = (0..3).map(|_| Redis::launch("redis-sentinel", &[])).collect();
        for sentinel in &sentinels {
            assert_eq!(sentinel.ask(&["SENTINEL", "MONITOR", MASTER, "127.0.0.1", &port, "2"]), "OK");
            let settings = ["down-after-milliseconds", "500", "failover-timeout", "2000"];
            assert_eq!(sentinel.ask(&[&["SENTINEL", "SET", MASTER], &settings[..]].concat()), "OK");
        }
        for sentinel in &sentinels {
            until("the sentinels know each other and the replica", || {
                let known = sentinel.ask(&["SENTINEL", "MASTER", MASTER]);
                let field = |name: &str| known.lines().skip_while(|line| *line != name).nth(1);
                field("num-other-sentinels") == Some("2") && field("num-slaves") == Some("1")
            });
        }
        Self { master, replica, sentinels }
    }

    /// Waits until the replica has all that was written so far.
    pub(crate) fn replicated(&self) {
        until("the replica has it all", || self.master.ask(&["WAIT", "1", "1000"]) == "1");
    }
}
