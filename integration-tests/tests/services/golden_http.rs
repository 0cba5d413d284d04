//! Every request that was recorded from Feast 0.66's server over Redis, sent to ours over the same registry and a Redis filled with the recorded
//! bytes, in the same order.
//!
//! `compat: feast` is on. Over Redis, unlike over SQLite, Feast calls a key that it did not find PRESENT; here it is NOT_FOUND over every store.

use crate::feast::{Feast, honest, make_data};
use crate::recorded::{Tally, Told, body};
use crate::redis::Redis;
use crate::support::{Repo, Server};
use crate::{Case, FEAST, REDIS_SERVER};
use serde_json::Value;

pub(crate) const CASES: &[Case] = &[Case::new(
    "requests_recorded_over_redis_are_answered_as_feast_answers_them",
    &[FEAST, REDIS_SERVER],
    replay,
)];

/// Records that are no request to this server.
const NOT_ASKED: [&str; 2] = ["push_offline_effect", "response_headers"];

const CONFIGURATION: &str = "\
project: interop
provider: local
compat: feast
entity_key_serialization_version: 3
registry: data/registry.db
";

fn replay() {
    let redis = Redis::start(&[]);
    let repo = repo(&redis);
    fill(&redis);
    let server = Server::start(repo.folder(), &[]);
    let recorded: Value = serde_json::from_str(include_str!("../../testdata/redis/http_redis.json")).unwrap();
    let mut tally = Tally::default();
    for pair in recorded["pairs"].as_array().unwrap() {
        if NOT_ASKED.contains(&pair["name"].as_str().unwrap()) {
            continue;
        }
        let request = &pair["request"];
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let answer = server.ask(method, path, &body(request));
        let content_type = answer.content_type.as_deref();
        tally.compare(pair, Told { status: answer.status, content_type, text: &answer.text }, honest);
    }
    tally.assert(57);
}

/// The recorded repository: its registry and its files.
fn repo(redis: &Redis) -> Repo {
    let online = format!("online_store: {{type: redis, connection_string: '127.0.0.1:{}'}}\n", redis.port);
    let repo = Repo::new(&format!("{CONFIGURATION}{online}"), "");
    let registry = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/provender-server/testdata/registry.db");
    std::fs::copy(registry, repo.path("data/registry.db")).unwrap();
    make_data(&Feast::here(), &repo);
    repo
}

/// Writes the recorded hashes, byte for byte.
fn fill(redis: &Redis) {
    let dump: Value = serde_json::from_str(include_str!("../../testdata/redis/redis_dump.json")).unwrap();
    for hash in dump["keys"].as_array().unwrap() {
        let fields = hash["fields"].as_array().unwrap().iter();
        let fields = fields.flat_map(|field| [&field["field_hex"], &field["value_hex"]]);
        let words: Vec<&str> =
            std::iter::once(&hash["key_hex"]).chain(fields).map(|word| word.as_str().unwrap()).collect();
        redis.hset_hex(&words);
    }
}
