//! Servers that a test starts for itself.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that ends with the test.
pub(crate) struct Own {
    pub(crate) port: u16,
    process: Child,
    _folder: TempDir,
}

impl Own {
    /// Starts `redis-server` with these options, which may name `{port}`, and waits until something listens.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::run(options, "").await
    }

    /// Starts a sentinel with these lines in its file.
    pub(crate) async fn sentinel(lines: &str) -> Self {
        Self::run(&["--port", "{port}", "--sentinel"], lines).await
    }

    async fn run(options: &[&str], lines: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        // sentinels and nodes of clusters rewrite their file
        let file = folder.path().join("redis.conf");
        std::fs::write(&file, lines).unwrap();
        let process = Command::new("redis-server")
            .arg(&file)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .args(options.iter().map(|option| option.replace("{port}", &port.to_string())))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let own = Self { port, process, _folder: folder };
        until(|| TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        own
    }

    /// What `redis-cli` prints for these words.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["--no-auth-warning", "-p", &self.port.to_string()]).args(words);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for something that other processes bring about.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "what a test waits for does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A certificate authority with files in a folder of its own.
pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Self { folder };
        authority.make("ca", "basicConstraints=critical,CA:TRUE", &[]);
        authority
    }

    /// Files of a certificate and its key for this machine.
    pub(crate) fn issue(&self, name: &str) -> [String; 2] {
        let (certificate, key) = (self.file("ca.crt"), self.file("ca.key"));
        let by = ["-CA", path(&certificate), "-CAkey", path(&key), "-addext", "basicConstraints=CA:FALSE"];
        self.make(name, "subjectAltName=IP:127.0.0.1", &by);
        [format!("{name}.crt"), format!("{name}.key")].map(|name| path(&self.file(&name)).to_owned())
    }

    /// The file of its own certificate.
    pub(crate) fn certificate(&self) -> String {
        path(&self.file("ca.crt")).to_owned()
    }

    fn make(&self, name: &str, extension: &str, more: &[&str]) {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", &format!("/CN={name}"), "-addext", extension, "-keyout"])
            .arg(self.file(&format!("{name}.key")))
            .arg("-out")
            .arg(self.file(&format!("{name}.crt")))
            .args(more)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
