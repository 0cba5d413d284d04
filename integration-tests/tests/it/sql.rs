//! Entity rows and sources given as SQL, on the command line.

use crate::lake_support::{features, write};
use crate::support::{CONFIGURATION, Repo};
use provender::frame;

/// Exit code for a mistake of the user.
const INVALID: i32 = 2;

const VIEWS: &str = "kind: Entity\nname: thing\njoin_keys: [id]\nvalue_type: INT64\n---\n\
    kind: FileSource\nname: rows\npath: data/rows.parquet\ntimestamp_field: event_timestamp\n---\n\
    kind: FileSource\nname: doubled\nquery: |\n  SELECT id, event_timestamp, value * 2 AS value FROM rows WHERE value > 0\n---\n\
    kind: FeatureView\nname: stats\nentities: [thing]\nttl: 200h\nschema: [{name: value, dtype: Float64}]\nsource: rows\n---\n\
    kind: FeatureView\nname: twice\nentities: [thing]\nttl: 200h\nschema: [{name: value, dtype: Float64}]\nsource: doubled\n";

/// Every third feature row, half an hour later.
const ENTITIES: &str = "SELECT id, event_timestamp + INTERVAL '30 minutes' AS event_timestamp, value > 0 AS label \
    FROM rows WHERE id % 3 = 0 AND event_timestamp >= '1970-01-03T00:00:00Z'";

fn repo() -> Repo {
    let repo = Repo::new(CONFIGURATION, VIEWS);
    write(&repo.path("data/rows.parquet"), &features(1_000));
    repo.ok(&["apply"]);
    repo
}

fn rows(repo: &Repo, file: &str) -> arrow_array::RecordBatch {
    frame::read(repo.path(file)).unwrap().into_batch().unwrap()
}

#[test]
fn entity_rows_of_a_query_give_what_those_of_a_file_give() {
    let repo = repo();
    let out = |name: &str| repo.path(name).to_str().unwrap().to_owned();
    let ask = |entities: [&str; 2], file: &str, more: &[&str]| {
        let mut words = vec!["get-historical-features", entities[0], entities[1]];
        let out = out(file);
        words.extend(["-f", "stats:value", "-f", "twice:value", "--full-feature-names", "--out", &out]);
        words.extend(more);
        repo.ok(&words);
        rows(&repo, file)
    };
    let by_query = ask(["--entity-sql", ENTITIES], "query.parquet", &[]);
    let entities = by_query.project(&[0, 1, 2]).unwrap();
    write(&repo.path("entities.parquet"), &entities);
    let entities = out("entities.parquet");
    assert!(by_query.num_rows() > 300 && by_query.column(3).null_count() < by_query.num_rows());
    assert_eq!(ask(["--entity-df", &entities], "file.parquet", &[]), by_query);
    let held = ["--max-memory", "400MB"];
    assert_eq!(ask(["--entity-sql", ENTITIES], "held.parquet", &held), by_query);
}

#[test]
fn a_source_that_is_a_query_is_explained_materialized_and_kept() {
    let repo = repo();
    let explained =
        repo.ok(&["get-historical-features", "--entity-sql", ENTITIES, "-f", "twice:value", "--explain"]);
    assert!(explained.contains("SourceScan: source=rows") && explained.contains("from="), "{explained}");
    repo.ok(&["materialize", "1970-01-01T00:00:00", "1970-03-01T00:00:00", "--views", "twice"]);
    let answer = repo.ok(&["get-online-features", "-e", "id=1", "-f", "twice:value", "--output", "json"]);
    assert!(answer.contains("value"), "{answer}");
    let listed = repo.ok(&["data-sources", "describe", "doubled"]);
    assert!(listed.contains("provender:query") && listed.contains("value * 2"), "{listed}");
}

#[test]
fn mistakes_in_sql_name_their_place() {
    let repo = repo();
    let ask = |sql: &str| {
        repo.fails(INVALID, &["get-historical-features", "--entity-sql", sql, "-f", "stats:value"])
    };
    for (sql, words) in [
        ("SELECT id FROM rowz", ["did you mean: rows", "at: line 1, column 16"]),
        ("SELECT id, event_timestamp FROM rows WHERE valeu > 1", ["valeu", "did you mean: value"]),
        ("SELECT id FROM", ["the end of the query", "expected: identifier"]),
        ("SELECT id FROM rows", ["no column of timestamps", "event_timestamp"]),
    ] {
        let told = ask(sql);
        assert!(words.iter().all(|word| told.contains(word)), "{sql}: {told}");
    }
}
