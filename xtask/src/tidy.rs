//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md and the limits of CONTRIBUTING.md, checked on the manifests and the text.

use crate::tools::{cargo, read, root};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file without tests, in lines.
const LONGEST_FILE: usize = 500;

/// What core must not pull in, at any depth.
const HEAVY: &[&str] = &[
    "tokio",
    "reqwest",
    "tonic",
    "axum",
    "hyper",
    "object_store",
    "parquet",
    "datafusion",
    "rusqlite",
    "prost",
];

/// Words that mark unfinished work, split so that this file does not hold them.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

/// Checks everything and lists all that is wrong.
pub(crate) fn run() -> Result<()> {
    let graph = Graph::load()?;
    let mut wrong = graph.check();
    for file in tracked("*.rs")? {
        wrong.extend(check_file(&file, &std::fs::read_to_string(root().join(&file))?));
    }
    wrong.sort();
    if !wrong.is_empty() {
        bail!("{} things are not tidy:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    println!("tidy: {} packages, all invariants hold", graph.direct.len());
    Ok(())
}

fn tracked(pattern: &str) -> Result<Vec<PathBuf>> {
    let list = read(Command::new("git").args(["ls-files", pattern]).current_dir(root()))?;
    Ok(list.lines().map(PathBuf::from).filter(|f| root().join(f).exists()).collect())
}

fn check_file(file: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let path = file.display();
    let name = file.to_string_lossy();
    if name.contains("/generated/") {
        return wrong;
    }
    if file.file_name().is_some_and(|n| n == "mod.rs") {
        wrong.push(format!("{path}: write foo.rs beside foo/ instead of foo/mod.rs"));
    }
    for word in UNFINISHED {
        if text.contains(word) {
            wrong.push(format!("{path}: unfinished: {word}"));
        }
    }
    let is_test =
        name.contains("/tests/") || name.ends_with("tests.rs") || name.contains("integration-tests");
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = code.lines().count();
    if !is_test && lines > LONGEST_FILE {
        wrong.push(format!("{path}: {lines} lines without tests, at most {LONGEST_FILE}"));
    }
    if !name.starts_with("xtask/") && ["serde_pickle", "pickle::", "dill::"].iter().any(|p| text.contains(p))
    {
        wrong.push(format!("{path}: no decoder of executable metadata in this workspace"));
    }
    wrong
}

/// The workspace's packages and what they depend on.
struct Graph {
    /// Package of the workspace -> its direct dependencies, development ones left out.
    direct: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn load() -> Result<Self> {
        let text = read(&mut cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: Value = serde_json::from_str(&text)?;
        let mut direct = BTreeMap::new();
        for package in metadata["packages"].as_array().into_iter().flatten() {
            let normal = |d: &&Value| d["kind"].as_str() != Some("dev");
            let names = package["dependencies"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(normal)
                .filter_map(|d| d["name"].as_str());
            direct.insert(
                package["name"].as_str().unwrap_or_default().to_owned(),
                names.map(str::to_owned).collect(),
            );
        }
        Ok(Self { direct })
    }

    fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let providers: BTreeSet<String> = std::fs::read_dir(root().join("providers"))
            .into_iter()
            .flatten()
            .filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        for (package, dependencies) in &self.direct {
            let allowed = |name: &str| allowed(package, name, providers.contains(package));
            for dependency in dependencies.iter().filter(|d| d.starts_with("provender")) {
                if !allowed(dependency) {
                    wrong.push(format!("{package} must not depend on {dependency} (ARCHITECTURE.md, dependencies point one way)"));
                }
            }
            if dependencies.iter().any(|d| d.starts_with("datafusion")) && package != "provender-datafusion" {
                wrong.push(format!("{package} must not know DataFusion"));
            }
            let of_delta = |name: &String| name.starts_with("deltalake") || name == "buoyant_kernel";
            if dependencies.iter().any(of_delta) && package != "provender-delta" {
                wrong.push(format!("{package} must not know Delta's libraries"));
            }
        }
        wrong.extend(heavy_in_core());
        wrong
    }
}

/// Whether the crate graph of ARCHITECTURE.md has this edge.
fn allowed(package: &str, dependency: &str, is_provider: bool) -> bool {
    match package {
        "provender-core" => false,
        "provender-proto" | "provender-join" | "provender-engine" | "provender-conformance" => {
            dependency == "provender-core"
        }
        "provender-server" => matches!(dependency, "provender-core" | "provender-engine" | "provender-proto"),
        "provender-cli" => matches!(dependency, "provender" | "provender-server"),
        _ if is_provider => matches!(dependency, "provender-core" | "provender-proto" | "provender-join"),
        _ => true,
    }
}

fn heavy_in_core() -> Vec<String> {
    let tree = read(&mut cargo([
        "tree",
        "--package",
        "provender-core",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]));
    match tree {
        Ok(tree) => {
            let names: BTreeSet<&str> = tree.lines().filter_map(|l| l.split_whitespace().next()).collect();
            HEAVY
                .iter()
                .filter(|h| names.contains(*h))
                .map(|h| format!("provender-core pulls in {h}"))
                .collect()
        }
        Err(error) => vec![format!("cargo tree: {error:#}")],
    }
}
