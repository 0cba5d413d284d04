//! Delta tables: what Spark and the package deltalake write is read as they read it, and they read what is written here as it is read here.

use crate::feast::Feast;
use crate::support::Repo;
use crate::{Case, FEAST, Need};
use serde_json::{Value, json};
use std::path::Path;

/// Delta's libraries for Spark.
const SPARK: Need = Need::Service("PROVENDER_TEST_DELTA_JARS");

pub(crate) const CASES: &[Case] = &[
    Case::new("spark_and_provender_read_each_others_delta_tables", &[FEAST, SPARK], spark_and_we_agree),
    Case::new("deltalake_and_provender_read_each_others_delta_tables", &[FEAST], deltalake_and_we_agree),
];

const CONFIGURATION: &str = "\
project: p
registry: data/registry.db
online_store: {type: sqlite, path: data/online.db}
offline_store: {type: file}
offline_stores: [{type: delta}]
";

/// A table, its features, and the stored names of those that have others.
struct Table {
    name: &'static str,
    features: &'static str,
    mapping: &'static str,
    /// A row to push, beside its id and times.
    row: fn() -> Value,
}

const PLAIN: &str = "{name: rate, dtype: Float64}, {name: trips, dtype: Int32}, {name: name, dtype: String}, {name: list, dtype: Array(Int64)}";
const MAPPED: &str = "{name: conv_rate, dtype: Float64}, {name: odd, dtype: String}, {name: shard, dtype: Int64}, {name: gone, dtype: String}";
const ODD: &str = "{conv rate: conv_rate, 'odd name,;{}': odd}";

fn plain_row() -> Value {
    json!({ "rate": -0.5, "trips": 7, "name": "né", "list": [1, 2] })
}

fn mapped_row() -> Value {
    json!({ "conv_rate": 2.5, "odd": "x", "shard": 9, "gone": null })
}

fn rate_row() -> Value {
    json!({ "rate": 1.25 })
}

const OF_SPARK: [Table; 8] = [
    Table { name: "plain", features: PLAIN, mapping: "{}", row: plain_row },
    Table { name: "deleted", features: PLAIN, mapping: "{}", row: plain_row },
    Table { name: "mapped_name", features: MAPPED, mapping: ODD, row: mapped_row },
    Table { name: "mapped_id", features: MAPPED, mapping: ODD, row: mapped_row },
    Table {
        name: "partitioned",
        features: "{name: rate, dtype: Float64}, {name: region, dtype: String}",
        mapping: "{}",
        row: || json!({ "rate": 0.0, "region": "a/b=c %é" }),
    },
    Table {
        name: "evolved",
        features: "{name: rate, dtype: Float64}, {name: early, dtype: Float64}, {name: trips, dtype: Int32}, {name: name, dtype: String}",
        mapping: "{}",
        row: || json!({ "rate": 1.0, "early": 2.0, "trips": 3, "name": "z" }),
    },
    Table { name: "checkpointed", features: "{name: rate, dtype: Float64}", mapping: "{}", row: rate_row },
    Table { name: "checkpointed_v2", features: "{name: rate, dtype: Float64}", mapping: "{}", row: rate_row },
];

const OF_DELTALAKE: [Table; 4] = [
    Table {
        name: "plain",
        features: "{name: rate, dtype: Float64}, {name: name, dtype: String}, {name: list, dtype: Array(Int64)}",
        mapping: "{}",
        row: || json!({ "rate": 0.5, "name": null, "list": [0] }),
    },
    Table {
        name: "partitioned",
        features: "{name: rate, dtype: Float64}, {name: region, dtype: String}, {name: name, dtype: String}",
        mapping: "{}",
        row: || json!({ "rate": 4.5, "region": "us east", "name": "n" }),
    },
    Table {
        name: "evolved",
        features: "{name: rate, dtype: Float64}, {name: name, dtype: String}",
        mapping: "{}",
        row: || json!({ "rate": 3.0, "name": "n" }),
    },
    Table {
        name: "rewritten",
        features: "{name: rate, dtype: Float64}, {name: name, dtype: String}, {name: list, dtype: Array(Int64)}",
        mapping: "{}",
        row: || json!({ "rate": 3.0, "name": "n", "list": [4] }),
    },
];

fn definitions(folder: &str, tables: &[Table]) -> String {
    let mut yaml = "kind: Entity\nname: row\njoin_keys: [id]\nvalue_type: INT64\n".to_owned();
    for Table { name, features, mapping, .. } in tables {
        yaml += &format!(
            "---\nkind: FileSource\nname: {name}_rows\npath: tables/{folder}/{name}\nfile_format: delta\ntimestamp_field: event_timestamp\n\
             field_mapping: {mapping}\n---\nkind: PushSource\nname: {name}_push\nbatch_source: {name}_rows\n\
             ---\nkind: FeatureView\nname: {name}\nentities: [row]\nschema: [{features}]\nsource: {name}_push\n\
             ---\nkind: FeatureService\nname: {name}_all\nfeatures: [{name}]\n"
        );
    }
    yaml
}

/// Every row of a table as a training set.
fn read(repo: &Repo, name: &str, out: &str, more: &[&str]) {
    let service = format!("{name}_all");
    let out = match out.strip_prefix("delta:") {
        Some(table) => format!("delta:{}", repo.path(table).display()),
        None => repo.path(out).display().to_string(),
    };
    let spine = ["--spine", "changes", "--start-date", "1900-01-01", "--end-date", "2100-01-01"];
    let arguments =
        [&["get-historical-features", "--feature-service", &service, "--out", &out][..], &spine, more];
    repo.ok(&arguments.concat());
}

/// Runs `read_delta.py` on pairs of files.
fn ask(feast: &Feast, repo: &Repo, command: &str, pairs: &[(String, String)]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/read_delta.py");
    let files = pairs.iter().flat_map(|(one, other)| [one.as_str(), other.as_str()]);
    let arguments: Vec<&str> = [script, command].into_iter().chain(files).collect();
    feast.python(repo.folder(), &arguments);
}

/// A repository over tables that a script of the provider's made, with what their writer read.
fn repo(feast: &Feast, folder: &str, script: &str, names: &[&str], tables: &[Table]) -> Repo {
    let repo = Repo::new(CONFIGURATION, &definitions(folder, tables));
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers/provender-delta/testdata").join(script);
    let made = repo.path("tables");
    feast.python(repo.folder(), &[&[script.to_str().unwrap(), made.to_str().unwrap()], names].concat());
    repo.ok(&["apply"]);
    repo
}

/// What the tables hold is what their writer reads.
fn rows_are_those_of_their_writer(feast: &Feast, repo: &Repo, folder: &str, tables: &[Table]) {
    let mut pairs = Vec::new();
    for table in tables {
        let ours = format!("{}.parquet", table.name);
        read(repo, table.name, &ours, &[]);
        pairs.push((ours, format!("tables/expected/{folder}/{}.parquet", table.name)));
    }
    ask(feast, repo, "compare", &pairs);
}

/// Pushes rows to each table.
fn push(repo: &Repo, tables: &[Table]) {
    for table in tables {
        // Every fourth version of these has a checkpoint, which then is ours.
        let pushes = if table.name.starts_with("checkpointed") { 5 } else { 1 };
        for push in 0..pushes {
            let mut row = (table.row)();
            row["id"] = (1_000 + push).into();
            row["event_timestamp"] = "2024-06-01T00:00:00.000001Z".into();
            repo.write("push.json", &json!([row]).to_string());
            let file = repo.path("push.json");
            repo.ok(&["push", &format!("{}_push", table.name), file.to_str().unwrap(), "--to", "offline"]);
        }
    }
}

/// Reads all tables, and training sets made of one, here and by another engine, and compares them.
fn others_read_the_same(feast: &Feast, repo: &Repo, engine: &str, folder: &str, tables: &[&Table]) {
    let (mut theirs, mut pairs) = (Vec::new(), Vec::new());
    for table in tables {
        let (ours, other) =
            (format!("ours_{}.parquet", table.name), format!("{engine}_{}.parquet", table.name));
        read(repo, table.name, &ours, &[]);
        theirs.push((format!("tables/{folder}/{}", table.name), other.clone()));
        pairs.push((ours, other));
    }
    let (set, twice) = (format!("set_{engine}"), format!("twice_{engine}"));
    read(repo, "plain", &format!("delta:{set}"), &[]);
    let twice_there = format!("delta:{twice}");
    read(repo, "evolved", &twice_there, &[]);
    read(repo, "plain", &twice_there, &["--mode", "overwrite"]);
    for set in [set, twice] {
        theirs.push((set.clone(), format!("{set}.parquet")));
        pairs.push(("ours_plain.parquet".to_owned(), format!("{set}.parquet")));
    }
    ask(feast, repo, engine, &theirs);
    ask(feast, repo, "compare", &pairs);
}

fn spark_and_we_agree() {
    let feast = &Feast::here();
    let names: Vec<&str> = OF_SPARK.iter().map(|table| table.name).collect();
    let repo = &repo(feast, "spark", "spark.py", &names, &OF_SPARK);
    rows_are_those_of_their_writer(feast, repo, "spark", &OF_SPARK);
    push(repo, &OF_SPARK);
    let all: Vec<&Table> = OF_SPARK.iter().collect();
    others_read_the_same(feast, repo, "spark", "spark", &all);
    others_read_the_same(feast, repo, "deltalake", "spark", &all);
}

fn deltalake_and_we_agree() {
    let feast = &Feast::here();
    let repo = &repo(feast, "deltalake", "deltalake_tables.py", &[], &OF_DELTALAKE);
    rows_are_those_of_their_writer(feast, repo, "deltalake", &OF_DELTALAKE);
    push(repo, &OF_DELTALAKE);
    let all: Vec<&Table> = OF_DELTALAKE.iter().collect();
    others_read_the_same(feast, repo, "deltalake", "deltalake", &all);
    let again = repo.path("set_deltalake");
    let spine = ["--spine", "changes", "--start-date", "1900-01-01", "--end-date", "2100-01-01"];
    let there = format!("delta:{}", again.display());
    let arguments = ["get-historical-features", "--feature-service", "plain_all", "--out", &there];
    let error = repo.fails(4, &[&arguments[..], &spine].concat());
    assert!(error.contains("there is a table already"), "{error}");
}
