//! Where credentials and endpoints of object stores come from: every way that can be tried without a cloud.

use crate::lake_bucket::{Bucket, azure, gcs, join, remote_repo, s3};
use crate::lake_proxy::{StoreProxy, Verdict};
use crate::lake_support::words;
use crate::support::{CONFIGURATION, Repo, command};
use crate::{AZURE, Case, GCS, Need, S3};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

const CURL: Need = Need::Program("curl");
const OPENSSL: Need = Need::Program("openssl");

pub(crate) const CASES: &[Case] = &[
    Case::new("credentials_of_s3_come_from_where_the_tools_of_amazon_find_them", &[S3, CURL], chain_of_s3),
    Case::new("the_endpoint_of_a_source_wins_over_the_environment", &[S3], endpoints),
    Case::new("credentials_of_gcs_come_from_a_service_account", &[GCS, OPENSSL], service_account),
    Case::new("credentials_of_azure_are_a_key_a_signature_or_a_connection_string", &[AZURE], keys_of_azure),
];

type Environment<'a> = &'a [(&'a str, &'a str)];

/// A repository with its source in a bucket.
struct Fixture {
    repo: Repo,
    url: String,
}

impl Fixture {
    fn new(bucket: &Bucket) -> Self {
        let folder = bucket.folder();
        Self { repo: remote_repo(bucket, &folder, 100), url: format!("{folder}/rows.parquet") }
    }

    /// Makes a training set, with nothing of any cloud in the environment but this.
    fn run(&self, environment: Environment<'_>) -> Output {
        let out = self.repo.path("out.csv");
        let mut command = command();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"] {
            command.env_remove(name);
        }
        command.env("HOME", self.repo.folder()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(environment.iter().copied());
        command.arg("-c").arg(self.repo.folder()).args(words(&join(&self.repo, out.to_str().unwrap())));
        command.output().unwrap()
    }

    #[track_caller]
    fn ok(&self, environment: Environment<'_>) {
        let output = self.run(environment);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::remove_file(self.repo.path("out.csv")).unwrap();
    }

    /// The store is not to be had: the error says so, and names the source's URL.
    #[track_caller]
    fn denied(&self, environment: Environment<'_>) -> String {
        let output = self.run(environment);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(5), "{error}");
        assert!(error.contains(&self.url) && error.contains("expected:"), "{error}");
        error
    }

    fn store(&self, options: &str) {
        let store = format!("offline_store: {{type: file, storage_options: {{{options}}}}}\n");
        self.repo.write("feature_store.yaml", &format!("{CONFIGURATION}{store}"));
    }

    /// Writes a file of the repository; its path.
    fn file(&self, name: &str, text: &str) -> String {
        self.repo.write(name, text);
        self.repo.path(name).to_str().unwrap().to_owned()
    }
}

/// A server that gives one answer to all requests and notes them.
struct Canned {
    address: SocketAddr,
    seen: Arc<Mutex<String>>,
}

impl Canned {
    fn new(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(String::new())));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let mut input = BufReader::new(client.try_clone().unwrap());
                let (mut head, mut line) = (String::new(), String::new());
                while input.read_line(&mut line).unwrap() > 2 {
                    head.push_str(&std::mem::take(&mut line));
                }
                let length = head.lines().filter_map(|line| line.split_once(": "));
                let length =
                    length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, n)| n);
                let mut body = vec![0; length.map(|n| n.parse::<usize>().unwrap()).next().unwrap_or(0)];
                input.read_exact(&mut body).unwrap();
                noted.lock().unwrap().push_str(&format!("{head}\n{}", String::from_utf8_lossy(&body)));
                let length = answer.len();
                write!(
                    client,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
                )
                .unwrap();
            }
        });
        Self { address, seen }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn seen(&self) -> String {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// Credentials that end in an hour, from MinIO itself: its answer to `AssumeRole`, and key, secret and token.
fn temporary() -> (String, [String; 3]) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--aws-sigv4", "aws:amz:us-east-1:sts", "--user", "minioadmin:minioadmin"]);
    curl.args(["-d", "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600"]).arg(S3.address().unwrap());
    let answer = String::from_utf8(curl.output().unwrap().stdout).unwrap();
    let part = |name: &str| {
        let rest = answer.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{answer}")).1;
        rest.split_once('<').unwrap().0.to_owned()
    };
    let parts = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(part);
    (answer, parts)
}

fn chain_of_s3() {
    let fixture = Fixture::new(&s3());
    let address = S3.address().unwrap();
    let endpoint = [("AWS_ENDPOINT_URL_S3", address.as_str()), ("AWS_REGION", "us-east-1")];
    let with = |more: Environment<'_>| fixture.ok(&[&endpoint[..], more].concat());
    let (answer, [key, secret, token]) = temporary();
    assert!(fixture.denied(&endpoint).contains("no credentials"));

    with(&[("AWS_ACCESS_KEY_ID", &key), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_SESSION_TOKEN", &token)]);

    let text = format!(
        "[team]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\naws_session_token = {token}\n"
    );
    let path = fixture.file("credentials", &text);
    with(&[("AWS_SHARED_CREDENTIALS_FILE", &path), ("AWS_PROFILE", "team")]);

    let process = serde_json::json!({"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token});
    let printed = fixture.file("printed.json", &process.to_string());
    let path = fixture.file("config", &format!("[profile tool]\ncredential_process = cat {printed}\n"));
    with(&[("AWS_CONFIG_FILE", &path), ("AWS_PROFILE", "tool")]);

    let end = "2099-01-01T00:00:00Z";
    let body =
        serde_json::json!({"AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": end});
    let container = Canned::new(body.to_string());
    let url = container.url();
    with(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "open sesame"),
    ]);
    assert!(container.seen().contains("open sesame"));

    // MinIO has no roles, and Amazon's library wants one that looks like theirs.
    let answer = answer.replace("<Arn></Arn>", "<Arn>arn:aws:sts::123456789012:assumed-role/reader/me</Arn>");
    let sts = Canned::new(answer.replace("AssumeRole", "AssumeRoleWithWebIdentity"));
    let (url, path) = (sts.url(), fixture.file("token", "who-i-am"));
    let role = "arn:aws:iam::123456789012:role/reader";
    with(&[("AWS_ENDPOINT_URL_STS", &url), ("AWS_WEB_IDENTITY_TOKEN_FILE", &path), ("AWS_ROLE_ARN", role)]);
    let asked = sts.seen();
    assert!(asked.contains("AssumeRoleWithWebIdentity") && asked.contains("who-i-am"), "{asked}");
}

fn endpoints() {
    let fixture = Fixture::new(&s3());
    let address = S3.address().unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "minioadmin"), ("AWS_SECRET_ACCESS_KEY", "minioadmin")];
    let with = |more: Environment<'_>| fixture.ok(&[&keys[..], more].concat());
    with(&[("FEAST_S3_ENDPOINT_URL", &address)]);
    // Nothing listens on port 9.
    let nowhere = "http://127.0.0.1:9";
    with(&[
        ("AWS_ENDPOINT_URL_S3", &address),
        ("AWS_ENDPOINT_URL", nowhere),
        ("FEAST_S3_ENDPOINT_URL", nowhere),
    ]);
    fixture.store(&format!("aws_endpoint: '{address}'"));
    with(&[("AWS_ENDPOINT_URL_S3", nowhere), ("AWS_ENDPOINT_URL", nowhere)]);

    fixture.store(&format!("aws_endpoint: '{nowhere}'"));
    let definitions = std::fs::read_to_string(fixture.repo.path("features.yaml")).unwrap();
    let overridden = definitions
        .replace("timestamp_field", &format!("s3_endpoint_override: '{address}'\ntimestamp_field"));
    fixture.repo.write("features.yaml", &overridden);
    fixture.repo.ok(&["apply", "--skip-source-validation"]);
    with(&[("AWS_ENDPOINT_URL", nowhere)]);
}

fn service_account() {
    let fixture = Fixture::new(&gcs());
    let port = GCS.address().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let proxy = StoreProxy::new(port);
    // Signed by the account: three parts, of which the second says who it is.
    proxy.set(|request| {
        match request.authorization.as_deref().and_then(|text| text.strip_prefix("Bearer ")) {
            Some(token)
                if token.split('.').filter(|part| part.len() > 40 || part.starts_with("ey")).count() == 3 =>
            {
                Verdict::Pass
            }
            _ => Verdict::Answer(401, "AuthenticationRequired"),
        }
    });
    let key =
        Command::new("openssl").args(["genpkey", "-algorithm", "RSA", "-quiet"]).output().unwrap().stdout;
    let account = serde_json::json!({
        "type": "service_account",
        "private_key": String::from_utf8(key).unwrap(),
        "private_key_id": "1",
        "client_email": "reader@features.iam.gserviceaccount.com",
        "client_id": "2",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    let path = fixture.file("account.json", &account.to_string());
    let url = format!("google_base_url: '{}'", proxy.url());
    fixture.store(&url);
    fixture.ok(&[("GOOGLE_APPLICATION_CREDENTIALS", &path)]);
    fixture.ok(&[("GOOGLE_SERVICE_ACCOUNT", &path)]);
    fixture.store(&format!("{url}, google_service_account: '{path}'"));
    fixture.ok(&[]);
    fixture.store(&format!("{url}, google_skip_signature: true"));
    fixture.denied(&[]);
}

/// Signatures of Azurite's account that allow everything, until the year 2099 and until 2021; its key is no secret.
const SIGNATURE: &str = "sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&st=2020-01-01T00%3A00%3A00Z&se=2099-01-01T00%3A00%3A00Z&spr=https%2Chttp&sig=jmze8VnhesjfZsgRkLlRuJ8bAaAx5td1p0aOvHkcQow%3D";
const EXPIRED: &str = "sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&st=2020-01-01T00%3A00%3A00Z&se=2021-01-01T00%3A00%3A00Z&spr=https%2Chttp&sig=Y5s%2BMou5bUvpudUZhxn%2F3VWCjbJu2ZZJ5s16m6uSKgo%3D";

fn keys_of_azure() {
    let bucket = azure();
    let fixture = Fixture::new(&bucket);
    let setting = |name: &str| bucket.settings[name].as_str().unwrap().to_owned();
    let (account, key) = (setting("azure_storage_account_name"), setting("azure_storage_account_key"));
    let endpoint = setting("azure_storage_endpoint");
    let place = [("AZURE_STORAGE_ACCOUNT_NAME", account.as_str()), ("AZURE_STORAGE_ENDPOINT", &endpoint)];
    fixture.ok(&[&place[..], &[("AZURE_STORAGE_ACCOUNT_KEY", &key)]].concat());
    fixture.ok(&[&place[..], &[("AZURE_STORAGE_SAS_KEY", SIGNATURE)]].concat());
    fixture.denied(&[&place[..], &[("AZURE_STORAGE_SAS_KEY", EXPIRED)]].concat());
    let (_, text) = &bucket.environment[0];
    fixture.ok(&[("AZURE_STORAGE_CONNECTION_STRING", text)]);
    let text = format!("BlobEndpoint={endpoint};AccountName={account};SharedAccessSignature={SIGNATURE}");
    fixture.ok(&[("AZURE_STORAGE_CONNECTION_STRING", &text)]);
}
