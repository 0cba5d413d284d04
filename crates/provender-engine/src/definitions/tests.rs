//! Reading a repository's folder.

use super::*;
use expect_test::expect;
use std::fs;
use tempfile::TempDir;

const ENTITY: &str = "kind: Entity\nname: e\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn found(dir: &TempDir) -> Vec<String> {
    let definitions = Definitions::load(dir.path()).unwrap_or_else(|e| panic!("{e}"));
    definitions.objects.iter().map(|d| d.origin.file.display().to_string()).collect()
}

fn problems(dir: &TempDir) -> String {
    let text = Definitions::load(dir.path()).unwrap_err().to_string();
    format!("{}\n", text.replace(dir.path().to_str().unwrap(), "REPO"))
}

#[test]
fn every_yaml_file_is_read_in_the_order_of_paths() {
    let dir = folder(&[
        ("b.yaml", ENTITY),
        ("a/deep/c.yml", ENTITY),
        ("feature_store.yaml", "project: p"),
        ("notes.txt", "no YAML"),
        (".hidden.yaml", "not: read"),
        (".git/x.yaml", "not: read"),
    ]);
    assert_eq!(found(&dir), ["a/deep/c.yml", "b.yaml"]);
}

#[test]
fn a_repository_inside_a_repository_is_another_one() {
    let dir = folder(&[
        ("feature_store.yaml", "project: p"),
        ("a.yaml", ENTITY),
        ("shared/b.yaml", ENTITY),
        ("shared/other/feature_store.yaml", "project: other"),
        ("shared/other/c.yaml", ENTITY),
        ("shared/other/deep/d.yaml", "not: read"),
    ]);
    assert_eq!(found(&dir), ["a.yaml", "shared/b.yaml"]);
}

#[test]
fn ignored_files_are_not_read() {
    let dir = folder(&[
        (".feastignore", "# tools\n/top.yaml\nbuild/\n*.tmp.yaml\nnested/**/old.yaml\n"),
        (".provenderignore", "!keep.tmp.yaml\n"),
        ("top.yaml", "not: read"),
        ("sub/top.yaml", ENTITY),
        ("build/x.yaml", "not: read"),
        ("sub/build/y.yaml", "not: read"),
        ("sub/a.tmp.yaml", "not: read"),
        ("sub/keep.tmp.yaml", ENTITY),
        ("nested/a/b/old.yaml", "not: read"),
        ("nested/new.yaml", ENTITY),
    ]);
    assert_eq!(found(&dir), ["nested/new.yaml", "sub/keep.tmp.yaml", "sub/top.yaml"]);
}

#[test]
fn a_wrong_glob_names_its_line() {
    let dir = folder(&[(".feastignore", "ok\n[z-a]\n"), ("a.yaml", ENTITY)]);
    expect![[r#"
        not a glob (file: .feastignore:2, value: [z-a]): error parsing glob '**/[z-a]': invalid range; 'z' > 'a'
    "#]].assert_eq(&problems(&dir));
}

#[test]
fn unreadable_files_are_all_told() {
    let dir = folder(&[("empty.yaml", " \n"), ("good.yaml", ENTITY), ("wrong.yaml", "kind: Entity\n")]);
    fs::write(dir.path().join("latin.yaml"), b"kind: Entity\nname: caf\xe9\n").unwrap();
    expect![[r#"
        the file is empty (file: empty.yaml, expected: definitions; delete the file if it is no longer needed)
        the file is not UTF-8 text (file: latin.yaml, line: 2)
        missing field (file: wrong.yaml:1, field: name, expected: text)
    "#]]
    .assert_eq(&problems(&dir));
}

#[test]
fn a_missing_folder_is_not_found() {
    let error = Definitions::load(Path::new("/nowhere/at/all")).unwrap_err().0.remove(0);
    assert_eq!(error.kind(), provender_core::Kind::NotFound);
}

#[cfg(unix)]
#[test]
fn links_may_lead_in_circles_or_nowhere() {
    use std::os::unix::fs::symlink;
    let dir = folder(&[("sub/a.yaml", ENTITY)]);
    symlink(dir.path(), dir.path().join("sub/up")).unwrap();
    symlink("missing", dir.path().join("sub/broken")).unwrap();
    symlink("sub/a.yaml", dir.path().join("linked.yaml")).unwrap();
    assert_eq!(found(&dir), ["linked.yaml", "sub/a.yaml"]);
}

#[cfg(unix)]
#[test]
fn a_definition_file_out_of_reach_is_not_taken_for_deleted() {
    let dir = folder(&[("a.yaml", ENTITY)]);
    std::os::unix::fs::symlink("missing.yaml", dir.path().join("broken.yaml")).unwrap();
    let error = Definitions::load(dir.path()).unwrap_err().0.remove(0);
    assert!(error.to_string().contains("broken.yaml"), "{error}");
    fs::write(dir.path().join(".feastignore"), "broken.yaml\n").unwrap();
    assert_eq!(found(&dir), ["a.yaml"]);
}

#[test]
fn the_example_of_the_builder_is_what_it_says() {
    use build::{Entity, FeatureService, FeatureView, Source, Use};
    use provender_core::ValueType;
    let definitions = Definitions::new()
        .with(Entity::new("driver").join_key("driver_id"))
        .with(Source::file("driver_hourly", "data/driver_hourly.parquet").timestamp_field("event_timestamp"))
        .with(
            FeatureView::new("driver_stats")
                .entity("driver")
                .ttl(std::time::Duration::from_hours(24))
                .feature("conv_rate", ValueType::FLOAT)
                .feature("trips", ValueType::INT64)
                .source("driver_hourly")
                .owner("team@example.com"),
        )
        .with(FeatureService::new("model_v1").uses("driver_stats").uses(
            Use::of("driver_stats").feature("trips").alias("origin").join_key("driver_id", "origin_driver"),
        ));
    assert_eq!(definitions.objects.len(), 4);
    assert_eq!(definitions.objects[0].origin.to_string(), "built by a program");
}
