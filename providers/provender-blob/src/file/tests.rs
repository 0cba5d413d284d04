use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    fs::write(&path, "old").unwrap();
    let error = replace(&path, |file| {
        file.write_all(b"ne")?;
        Err(ErrorKind::StorageFull.into())
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["registry.db"]);
}

#[test]
fn what_a_killed_writer_left_is_swept_and_permissions_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(folder.path().join(".registry.db.new"), "half").unwrap();
    replace(&path, |file| file.write_all(b"new")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(folder.path()), ["registry.db"]);
}

#[test]
fn links_are_followed_to_the_file_even_if_it_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("real")).unwrap();
    symlink("second", at("first")).unwrap();
    symlink("real/registry.db", at("second")).unwrap();
    assert_eq!(target(&at("first")).unwrap(), at("real/registry.db"));
    symlink("loop", at("loop")).unwrap();
    assert!(target(&at("loop")).is_err());
}

#[test]
fn a_second_turn_waits_for_the_end_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = LocalFile::new(folder.path().join("registry.db"));
    let turn = file.turn().unwrap();
    let lock = File::open(folder.path().join("registry.db.lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    drop(turn);
    lock.try_lock().unwrap();
}

#[test]
fn a_file_that_was_just_written_is_not_settled() {
    let folder = tempfile::tempdir().unwrap();
    let file = LocalFile::new(folder.path().join("registry.db"));
    fs::write(file.path(), "x").unwrap();
    assert!(!file.read().unwrap().unwrap().settled);
    File::options()
        .write(true)
        .open(file.path())
        .unwrap()
        .set_modified(SystemTime::now() - 2 * TICK)
        .unwrap();
    assert!(file.read().unwrap().unwrap().settled);
}
