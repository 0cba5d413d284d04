//! The whole path a user walks, by the command line: init, plan, apply, training set, materialize, read, push, serve, tear down.

use crate::support::{Server, command};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        let made = command()
            .current_dir(shop.folder.path())
            .args(["init", "shop", "--template", "local"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        shop
    }

    fn repo(&self) -> std::path::PathBuf {
        self.folder.path().join("shop")
    }

    fn output(&self, arguments: &[&str]) -> Output {
        command().current_dir(self.repo()).args(arguments).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["--output", "json"]].concat())).unwrap()
    }
}

#[test]
fn a_plan_is_what_apply_does_and_a_second_apply_does_nothing() {
    let shop = Shop::new();
    let plan = shop.json(&["plan"]);
    assert!(!Path::new(&shop.repo().join("data/registry.db")).exists(), "plan wrote a registry");
    let created: Vec<_> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["action"].as_str().unwrap(), c["name"].as_str().unwrap()))
        .collect();
    for name in ["shop", "driver", "driver_hourly", "driver_stats_push", "driver_stats", "driver_ranking"] {
        assert!(created.contains(&("create", name)), "{name} in {created:?}");
    }
    assert_eq!(plan["infrastructure"].as_array().unwrap().len(), 1);
    let applied = shop.json(&["apply", "--plan", plan["id"].as_str().unwrap()]);
    assert_eq!(applied["changes"], plan["changes"]);
    assert_eq!(shop.json(&["apply"])["changes"], json!([]));
    let stale = shop.output(&["apply", "--plan", plan["id"].as_str().unwrap()]);
    assert_eq!(stale.status.code(), Some(4), "an applied plan is no longer the plan");
}

#[test]
fn features_walk_from_files_to_models() {
    let shop = Shop::new();
    shop.ok(&["apply"]);
    let out = shop.folder.path().join("training.parquet");
    let built = shop.json(&[
        "get-historical-features",
        "--entity-df",
        "data/orders.parquet",
        "--feature-service",
        "driver_ranking",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(built["rows"], 200);
    let view = &built["views"][0];
    let matched = view["matched"].as_u64().unwrap();
    assert_eq!(matched + view["unmatched"].as_u64().unwrap() + view["expired"].as_u64().unwrap(), 200);
    assert!(matched > 100, "{built}");
    let names: Vec<_> =
        built["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["order_id", "driver_id", "event_timestamp", "on_time", "conv_rate", "acc_rate", "avg_daily_trips"]
    );

    let explained = shop.json(&[
        "get-historical-features",
        "--entity-df",
        "data/orders.parquet",
        "--feature-service",
        "driver_ranking",
        "--explain",
    ]);
    assert_eq!(explained["views"][0]["files"]["all"], 1);

    let loaded = shop.json(&["materialize-incremental", "2100-01-01"]);
    assert_eq!(loaded["views"][0]["written"], 5, "{loaded}");
    let answer = shop.json(&[
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-e",
        "driver_id=9",
        "--feature-service",
        "driver_ranking",
    ]);
    assert_eq!(
        answer["metadata"]["feature_names"],
        json!(["driver_id", "conv_rate", "acc_rate", "avg_daily_trips"])
    );
    assert_eq!(answer["results"][1]["statuses"], json!(["PRESENT", "NOT_FOUND"]));

    let rows = json!([{"driver_id": 1001, "event_timestamp": "2100-01-02T00:00:00", "created": "2100-01-02T00:00:01", "conv_rate": 0.5, "acc_rate": 0.25, "avg_daily_trips": 7}]);
    std::fs::write(shop.repo().join("rows.json"), rows.to_string()).unwrap();
    let pushed = shop.json(&["push", "driver_stats_push", "rows.json", "--to", "online_and_offline"]);
    assert_eq!((&pushed["online"]["written"], &pushed["offline"]), (&json!(1), &json!(1)));
    let answer = shop.json(&[
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-f",
        "driver_stats:avg_daily_trips",
        "-f",
        "driver_stats:conv_rate",
    ]);
    assert_eq!(
        (&answer["results"][1]["values"], &answer["results"][2]["values"]),
        (&json!([7]), &json!([0.5]))
    );
    let later = json!([{"driver_id": 1001, "event_timestamp": "2100-01-02T12:00:00"}]).to_string();
    let joined = shop.json(&["get-historical-features", "-d", &later, "-f", "driver_stats:avg_daily_trips"]);
    assert_eq!(joined["first_rows"][0][2], "7", "pushed rows are history: {joined}");
}

#[test]
fn the_server_answers_and_stops_when_asked() {
    let shop = Shop::new();
    shop.ok(&["apply"]);
    shop.ok(&["materialize-incremental", "2100-01-01"]);
    let server = Server::start(&shop.repo(), &[]);
    let (status, body) = server.post(
        "/get-online-features",
        r#"{"feature_service": "driver_ranking", "entities": {"driver_id": [1001, 1002]}}"#,
    );
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["results"][0]["values"], json!([1001, 1002]));
    assert_eq!(answer["results"][1]["statuses"], json!(["PRESENT", "PRESENT"]));
    assert_eq!(server.get("/health").0, 200);
    assert!(server.get("/metrics").1.contains("feast_online_features_request_total"));
    let openapi: Value = serde_json::from_str(&server.get("/openapi.json").1).unwrap();
    assert!(openapi["paths"]["/get-online-features"]["post"].is_object());
    let taken =
        command().current_dir(shop.repo()).args(["serve", "--port", &server.port()]).output().unwrap();
    assert!(!taken.status.success());
    assert!(
        String::from_utf8_lossy(&taken.stderr).contains(&server.port()),
        "{}",
        String::from_utf8_lossy(&taken.stderr)
    );
    assert!(server.stop().success());
}

#[test]
fn listings_are_arrays_with_names_and_describe_shows_one() {
    let shop = Shop::new();
    shop.ok(&["apply"]);
    for (kind, name) in [
        ("entities", "driver"),
        ("data-sources", "driver_hourly"),
        ("feature-views", "driver_stats"),
        ("feature-services", "driver_ranking"),
        ("projects", "shop"),
        ("features", "conv_rate"),
    ] {
        let listed = shop.json(&[kind, "list"]);
        assert!(listed.as_array().unwrap().iter().any(|o| o["name"] == name), "{kind}: {listed}");
        assert!(shop.ok(&[kind, "list"]).contains(name));
        assert!(shop.ok(&[kind, "describe", name]).contains(name));
        assert_eq!(shop.output(&[kind, "describe", "nobody"]).status.code(), Some(3), "{kind}");
    }
    for kind in ["on-demand-feature-views", "stream-feature-views", "saved-datasets", "permissions"] {
        assert_eq!(shop.json(&[kind, "list"]), json!([]), "{kind}");
    }
    assert_eq!(
        shop.json(&["entities", "list"]).as_array().unwrap().len(),
        1,
        "the dummy entity is not shown"
    );
    let dump: Value = serde_json::from_str(&shop.ok(&["registry-dump"])).unwrap();
    assert_eq!(dump["featureViews"][0]["spec"]["name"], "driver_stats");
}

#[test]
fn full_sync_deletes_what_is_gone_unless_told_not_to() {
    let shop = Shop::new();
    shop.ok(&["apply"]);
    let features = shop.repo().join("features/drivers.yaml");
    let text = std::fs::read_to_string(&features).unwrap();
    let (rest, _service) = text.rsplit_once("---").unwrap();
    std::fs::write(&features, rest).unwrap();
    assert_eq!(shop.json(&["plan", "--no-delete"])["changes"], json!([]));
    let plan = shop.json(&["apply"]);
    assert_eq!(plan["changes"][0]["action"], "delete");
    assert_eq!(plan["changes"][0]["name"], "driver_ranking");
    let torn = shop.json(&["teardown"]);
    assert!(torn["infrastructure"][0]["destructive"].as_bool().unwrap());
    assert_eq!(shop.json(&["feature-views", "list"]), json!([]));
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = String::from_utf8(command().arg("--help").output().unwrap().stdout).unwrap();
    let section = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    // A name is indented by two, the rest of a long description by more.
    let names =
        section.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let commands: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() >= 25, "{commands:?}");
    for name in commands {
        let text = String::from_utf8(command().args([name, "--help"]).output().unwrap().stdout).unwrap();
        assert!(text.contains("Example"), "{name}: {text}");
    }
    assert!(
        String::from_utf8(command().args(["completions", "bash"]).output().unwrap().stdout)
            .unwrap()
            .contains("materialize-incremental")
    );
}
