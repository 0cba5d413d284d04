//! What can be wrong with a file, and what must not happen then.

use super::{commit, entities, entity, read, registry, run};
use provender_core::registry::Version;
use provender_core::{Kind, Registry};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Makes a file look as if it had been written long ago, which lets it be cached and not read again in hope.
fn age(path: &Path) {
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(60))
        .unwrap();
}

#[test]
fn a_missing_file_is_an_empty_registry_and_a_commit_makes_it_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/deep/registry.db");
    let registry = registry(&path);
    let (version, snapshot) = read(&registry).unwrap();
    assert_eq!((version, snapshot.project_names().count()), (Version::absent(), 0));
    assert!(!path.exists());
    let version = commit(&registry, &[entity("e")]).unwrap();
    let (read_back, snapshot) = read(&registry).unwrap();
    assert_eq!((read_back, entities(&snapshot)), (version, vec!["e".to_owned()]));
}

#[test]
fn a_commit_on_an_old_base_is_a_conflict_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let (one, other) = (registry(&path), registry(&path));
    let base = read(&one).unwrap().0;
    run(other.commit(&base, &[entity("first")])).unwrap();
    let bytes = fs::read(&path).unwrap();
    let error = run(one.commit(&base, &[entity("second")])).unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.to_string().contains("registry.db"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn the_same_change_twice_makes_two_versions() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path().join("registry.db"));
    let first = commit(&registry, &[entity("e")]).unwrap();
    let second = commit(&registry, &[entity("e")]).unwrap();
    assert_ne!(first, second);
}

#[test]
fn an_unchanged_file_is_taken_apart_once_and_a_changed_one_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let reader = registry(&path);
    commit(&registry(&path), &[entity("a")]).unwrap();
    // Fresh, then aged: read again, but found to be the same.
    let fresh = read(&reader).unwrap().1;
    age(&path);
    let aged = read(&reader).unwrap().1;
    assert!(Arc::ptr_eq(&fresh, &aged) && Arc::ptr_eq(&aged, &read(&reader).unwrap().1));

    // The stamp alone says that nothing changed: the bytes are not even read.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, vec![b'x'; bytes.len()]).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert!(Arc::ptr_eq(&aged, &read(&reader).unwrap().1));
    fs::write(&path, bytes).unwrap();

    commit(&registry(&path), &[entity("b")]).unwrap();
    assert_eq!(entities(&read(&reader).unwrap().1), ["a", "b"]);
    fs::remove_file(&path).unwrap();
    assert_eq!(read(&reader).unwrap().0, Version::absent());
}

#[test]
fn a_file_that_feast_is_just_writing_is_read_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    commit(&registry(&path), &[entity("a")]).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let reader = registry(&path);
    let found = std::thread::scope(|scope| {
        let found = scope.spawn(|| read(&reader));
        fs::write(&path, &bytes).unwrap();
        found.join().unwrap()
    });
    assert_eq!(entities(&found.unwrap().1), ["a"]);
}

#[test]
fn damaged_files_are_refused_with_their_path_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    commit(&registry(&path), &[entity("a")]).unwrap();
    let whole = fs::read(&path).unwrap();
    // Field 3, registry_schema_version; of two the last counts.
    let newer = [&whole[..], &[0x1a, 1, b'2']].concat();
    for (bytes, kind, words) in [
        (&b""[..], Kind::Invalid, "empty"),
        (&b"project: p\n"[..], Kind::Invalid, "not a registry"),
        (&whole[..whole.len() / 2], Kind::Invalid, "only a part"),
        (&newer[..], Kind::Unsupported, "newer version"),
    ] {
        fs::write(&path, bytes).unwrap();
        age(&path);
        let reader = registry(&path);
        for error in
            [read(&reader).unwrap_err(), run(reader.commit(&Version::absent(), &[entity("b")])).unwrap_err()]
        {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.get("path"), Some(path.to_str().unwrap()));
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_change_that_cannot_be_written_leaves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let registry = registry(&path);
    commit(&registry, &[entity("a")]).unwrap();
    let bytes = fs::read(&path).unwrap();
    let error = commit(&registry, &[entity("b"), entity("")]).unwrap_err();
    assert_eq!((error.kind(), error.get("path")), (Kind::Invalid, path.to_str()));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_link_stays_a_link_and_shares_the_lock_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link.db"));
    symlink("real/registry.db", &link).unwrap();
    commit(&registry(&link), &[entity("a")]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(entities(&read(&registry(real.join("registry.db"))).unwrap().1), ["a"]);
    assert!(real.join("registry.db.lock").exists() && !folder.path().join("link.db.lock").exists());
}

#[test]
fn a_folder_in_the_place_of_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    for error in
        [read(&registry).unwrap_err(), run(registry.commit(&Version::absent(), &[entity("a")])).unwrap_err()]
    {
        assert_eq!((error.kind(), error.get("path")), (Kind::Invalid, folder.path().to_str()), "{error}");
    }
}

#[test]
fn a_folder_that_nobody_may_write_to_is_denied() {
    // Not even root may make files there.
    let registry = registry("/sys/registry.db");
    assert_eq!(read(&registry).unwrap().0, Version::absent());
    let error = run(registry.commit(&Version::absent(), &[entity("a")])).unwrap_err();
    assert_eq!(
        (error.kind(), error.get("path")),
        (Kind::Denied, Some("/sys/registry.db")),
        "{}",
        error.report()
    );
}

#[test]
fn a_file_that_may_not_be_read_is_denied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    commit(&registry(&path), &[entity("a")]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    let allowed = File::open(&path).is_ok();
    match read(&registry(&path)) {
        Ok(_) => assert!(allowed),
        Err(error) => {
            assert_eq!((allowed, error.kind(), error.get("path")), (false, Kind::Denied, path.to_str()))
        }
    }
}
