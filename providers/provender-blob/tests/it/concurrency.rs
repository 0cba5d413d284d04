//! Many writers, and writers that are killed.

use super::{PROJECT, commit, entities, entity, read, registry};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const THREADS: usize = 4;
const COMMITS: usize = 25;

/// `<path> <name of the writer> <commits of each thread>` for [`writer_process`].
const TASK: &str = "PROVENDER_TEST_BLOB_WRITER";

/// A writing process; it ends with the test at the latest.
struct Writer(Child);

impl Writer {
    fn spawn(path: &Path, name: &str, commits: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--quiet", "--ignored", "--exact", "concurrency::writer_process"])
            .stdout(Stdio::null());
        Self(command.env(TASK, format!("{} {name} {commits}", path.display())).spawn().unwrap())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn writer_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [path, name, commits] = task.split(' ').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let commits: usize = commits.parse().unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let registry = registry(path);
                for i in 0..commits {
                    commit(&registry, &[entity(&format!("{name}_{thread}_{i}"))]).unwrap();
                }
            });
        }
    });
}

#[test]
fn eight_writers_in_two_processes_lose_nothing_while_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let mut writers = ["a", "b"].map(|name| Writer::spawn(&path, name, COMMITS));
    let done = AtomicBool::new(false);
    let done = &done;
    thread::scope(|scope| {
        for _ in 0..2 {
            let registry = registry(&path);
            scope.spawn(move || {
                let mut seen = 0;
                while !done.load(Ordering::Relaxed) {
                    let now = entities(&read(&registry).unwrap().1).len();
                    assert!(now >= seen, "a reader went back from {seen} to {now} entities");
                    seen = now;
                }
            });
        }
        let succeeded =
            writers.iter_mut().map(|writer| writer.0.wait().unwrap().success()).collect::<Vec<_>>();
        done.store(true, Ordering::Relaxed);
        assert_eq!(succeeded, [true, true]);
    });
    let snapshot = read(&registry(&path)).unwrap().1;
    assert_eq!(entities(&snapshot).len(), 2 * THREADS * COMMITS);
    assert_eq!(snapshot.project_names().collect::<Vec<_>>(), [PROJECT]);
}

#[test]
fn killed_writers_leave_a_whole_file_and_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let registry = registry(&path);
    for round in 0..15 {
        let before = entities(&read(&registry).unwrap().1).len();
        let mut writer = Writer::spawn(&path, &format!("w{round}"), usize::MAX);
        // It dies in the middle of its work: after some commits of it are there.
        while entities(&read(&registry).unwrap().1).len() < before + 2 + round {
            assert!(writer.0.try_wait().unwrap().is_none(), "the writer stopped by itself");
        }
        drop(writer);
        let survivors = entities(&read(&registry).unwrap().1);
        assert!(survivors.len() >= before + 2 + round);
        commit(&registry, &[entity(&format!("after_{round}"))]).unwrap();
        assert_eq!(entities(&read(&registry).unwrap().1).len(), survivors.len() + 1);
        let mut names: Vec<_> = folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["registry.db", "registry.db.lock"], "what the killed writer left is swept");
    }
}
