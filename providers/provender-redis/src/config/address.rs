//! Feast's `connection_string`, with the options of redis-py, and URLs.

use crate::connect::Node;
use provender_core::config::Secret;
use provender_core::{Error, Result};
use std::time::Duration;

const PORT: u16 = 6379;

/// Options of redis-py that tune redis-py itself: accepted, since a working configuration may have them, and without meaning here.
const WITHOUT_MEANING: &[&str] = &[
    "decode_responses",
    "dynamic_startup_nodes",
    "encoding",
    "encoding_errors",
    "health_check_interval",
    "max_connections",
    "protocol",
    "read_from_replicas",
    "reinitialize_steps",
    "require_full_coverage",
    "retry_on_timeout",
    "single_connection_client",
    "skip_full_coverage_check",
    "socket_keepalive",
];

/// Where the servers are and how to talk to them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Address {
    /// Servers, at least one.
    pub(crate) nodes: Vec<Node>,
    /// ACL user; the server's default user if absent.
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret<String>>,
    /// User and password of the sentinels themselves.
    pub(crate) sentinel_username: Option<String>,
    pub(crate) sentinel_password: Option<Secret<String>>,
    /// Number of the database.
    pub(crate) db: i64,
    /// What `CLIENT LIST` shows.
    pub(crate) client_name: String,
    /// How long a server may be silent while it owes an answer.
    pub(crate) socket_timeout: Duration,
    /// How long making a connection may take.
    pub(crate) connect_timeout: Duration,
    /// Absent without TLS.
    pub(crate) tls: Option<TlsSettings>,
}

/// TLS by the names of redis-py.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TlsSettings {
    /// PEM file with the authorities to trust (`ssl_ca_certs`); those of the system if absent.
    pub(crate) ca: Option<String>,
    /// PEM file with this client's certificate (`ssl_certfile`).
    pub(crate) certificate: Option<String>,
    /// PEM file with its key (`ssl_keyfile`).
    pub(crate) key: Option<String>,
    pub(crate) verify: Verify,
}

/// What is checked of a server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Who issued it, and for which name.
    #[default]
    Full,
    /// Who issued it (`ssl_check_hostname=false`).
    Issuer,
    /// Nothing (`ssl_cert_reqs=none`).
    Nothing,
}

impl Address {
    /// Reads `host:port,…,option=value,…` or `redis[s]://[user][:password]@host:port,…[/db][?option=value&…]`.
    ///
    /// # Errors
    /// `Invalid` naming the option; never with a value that might be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut reading = Reading::default();
        match text.trim().split_once("://") {
            Some((scheme, rest)) if !scheme.contains([',', '=']) => reading.url(scheme, rest)?,
            _ => reading.list(text)?,
        }
        reading.finish()
    }
}

/// A connection string while it is read.
struct Reading {
    address: Address,
    ssl: bool,
    tls: TlsSettings,
    check_name: bool,
}

impl Default for Reading {
    fn default() -> Self {
        let address = Address {
            nodes: Vec::new(),
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            db: 0,
            client_name: "provender".to_owned(),
            socket_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            tls: None,
        };
        Self { address, ssl: false, tls: TlsSettings::default(), check_name: true }
    }
}

impl Reading {
    fn list(&mut self, text: &str) -> Result<()> {
        let mut options = false;
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                // Feast reads values as JSON where they are: a quoted text is the text.
                Some((name, value)) => {
                    self.option(name.trim(), &unquoted(value))?;
                    options = true;
                }
                // It may be the rest of a password, which no message may show.
                None if options && !part.contains(':') => {
                    return Err(invalid("something without a name follows an option").with(
                        "expected",
                        "host:port or option=value; a password with a comma needs the form of a URL, with %2C for it",
                    ));
                }
                None => self.address.nodes.push(node(part)?),
            }
        }
        Ok(())
    }

    fn url(&mut self, scheme: &str, rest: &str) -> Result<()> {
        self.ssl = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(invalid("unknown scheme").with("expected", "redis:// or rediss://")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (hosts, db) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            for (option, value) in [("username", name), ("password", password)] {
                if !value.is_empty() {
                    self.option(option, &percent_decoded(value, option)?)?;
                }
            }
        }
        if !db.is_empty() {
            self.option("db", db)?;
        }
        for part in hosts.split(',').filter(|p| !p.is_empty()) {
            self.address.nodes.push(node(part)?);
        }
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.option(name, &percent_decoded(value, "an option of the URL")?)?;
        }
        Ok(())
    }

    fn option(&mut self, name: &str, value: &str) -> Result<()> {
        let text = || value.to_owned();
        match name {
            "username" => self.address.username = Some(text()).filter(|t| t != "null"),
            "password" => self.address.password = Some(text()).filter(|t| t != "null").map(Secret::new),
            "sentinel_username" => self.address.sentinel_username = Some(text()),
            "sentinel_password" => self.address.sentinel_password = Some(Secret::new(text())),
            "client_name" => self.address.client_name = client_name(value)?,
            "db" => self.address.db = number(name, value, "a database number, such as 0")?,
            "socket_timeout" => self.address.socket_timeout = seconds(name, value)?,
            "socket_connect_timeout" => self.address.connect_timeout = seconds(name, value)?,
            "ssl" => self.ssl = boolean(name, value)?,
            "ssl_ca_certs" => self.tls.ca = Some(text()),
            "ssl_certfile" => self.tls.certificate = Some(text()),
            "ssl_keyfile" => self.tls.key = Some(text()),
            "ssl_check_hostname" => self.check_name = boolean(name, value)?,
            "ssl_cert_reqs" => self.tls.verify = requirement(value)?,
            _ if WITHOUT_MEANING.contains(&name) => {}
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Address> {
        if self.address.nodes.is_empty() {
            return Err(invalid("no server is named").with("expected", FORM));
        }
        if self.tls.verify == Verify::Full && !self.check_name {
            self.tls.verify = Verify::Issuer;
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            let error = invalid("a client certificate needs its key, and a key its certificate");
            return Err(error.with("expected", "both ssl_certfile and ssl_keyfile"));
        }
        if !self.ssl && self.tls != TlsSettings::default() {
            return Err(
                invalid("TLS is set up but not switched on").with("expected", "ssl=true or rediss://")
            );
        }
        self.address.tls = self.ssl.then_some(self.tls);
        Ok(self.address)
    }
}

const FORM: &str = "host:port,option=value,… or redis://user:password@host:port/db";

fn invalid(message: &'static str) -> Error {
    Error::invalid(message).with("at", "online_store.connection_string")
}

fn unknown(name: &str) -> Error {
    const KNOWN: [&str; 14] = [
        "username",
        "password",
        "sentinel_username",
        "sentinel_password",
        "client_name",
        "db",
        "socket_timeout",
        "socket_connect_timeout",
        "ssl",
        "ssl_ca_certs",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_check_hostname",
        "ssl_cert_reqs",
    ];
    // A part of a password that holds a comma would look like an option: only what is like a name is repeated.
    let like_a_name = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let error = invalid("unknown option");
    let error = if like_a_name { error.with("option", name).suggest(name, KNOWN) } else { error };
    error.with("known options", KNOWN.join(", "))
}

fn bad(option: &str, expected: &'static str) -> Error {
    invalid("an option has a value that does not fit").with("option", option).with("expected", expected)
}

/// `host`, `host:port`, `[ipv6]:port`.
fn node(text: &str) -> Result<Node> {
    let wrong = || invalid("not a server").with("expected", "host:port");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(PORT), str::parse).map_err(|_| wrong())?;
    if host.is_empty() || host.contains(['@', '/', ' ']) {
        return Err(wrong());
    }
    Ok(Node::new(host, port))
}

fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    inner.filter(|v| !v.contains(['"', '\\'])).unwrap_or(value).to_owned()
}

fn boolean(option: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(bad(option, "true or false")),
    }
}

fn number(option: &str, value: &str, expected: &'static str) -> Result<i64> {
    value.parse().ok().filter(|n| *n >= 0).ok_or_else(|| bad(option, expected))
}

fn seconds(option: &str, value: &str) -> Result<Duration> {
    let seconds = value.parse::<f64>().ok().filter(|s| *s > 0.0 && *s <= 86_400.0);
    seconds.map(Duration::from_secs_f64).ok_or_else(|| bad(option, "seconds, such as 5 or 0.5"))
}

fn requirement(value: &str) -> Result<Verify> {
    match value.to_ascii_lowercase().as_str() {
        "required" | "optional" => Ok(Verify::Full),
        "none" => Ok(Verify::Nothing),
        _ => Err(bad("ssl_cert_reqs", "required, optional or none")),
    }
}

/// Redis takes printable ASCII without blanks.
fn client_name(value: &str) -> Result<String> {
    match value.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(value.to_owned()),
        false => Err(bad("client_name", "letters, digits and signs without blanks")),
    }
}

fn percent_decoded(text: &str, option: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        bytes.push(match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => (high * 16 + low) as u8,
                _ => return Err(bad(option, "percent-encoded text")),
            },
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad(option, "percent-encoded UTF-8"))
}
