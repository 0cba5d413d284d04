//! The definition files of a repository.

use super::ignore::Ignore;
use provender_core::{Error, Result};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The repository's configuration, which declares nothing.
const CONFIG: &str = "feature_store.yaml";

/// All definition files below a folder, as paths relative to it, sorted.
///
/// # Errors
/// `NotFound` if there is no such folder; what else keeps a folder from being listed.
pub(crate) fn find(repo_dir: &Path) -> Result<Vec<PathBuf>> {
    let mut walk =
        Walk { repo_dir, ignore: Ignore::read(repo_dir)?, seen: HashSet::new(), files: Vec::new() };
    walk.folder(Path::new(""))?;
    walk.files.sort();
    Ok(walk.files)
}

/// The text of a file.
///
/// # Errors
/// `Invalid` if it is empty (a lost write, which must not pass for "declares nothing") or not text; what keeps it from being read.
pub(crate) fn read(repo_dir: &Path, file: &Path) -> Result<String> {
    let blame = |error: Error| error.with("file", file.display());
    let bytes = std::fs::read(repo_dir.join(file))
        .map_err(|e| Error::io(e, "read a definition file", repo_dir.join(file)))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
        blame(Error::invalid("the file is not UTF-8 text")).with("line", line)
    })?;
    if text.trim().is_empty() {
        return Err(blame(Error::invalid("the file is empty"))
            .with("expected", "definitions; delete the file if it is no longer needed"));
    }
    Ok(text)
}

struct Walk<'a> {
    repo_dir: &'a Path,
    ignore: Ignore,
    /// Folders by their real path: links may lead in circles.
    seen: HashSet<PathBuf>,
    files: Vec<PathBuf>,
}

impl Walk<'_> {
    fn folder(&mut self, relative: &Path) -> Result<()> {
        let path = self.repo_dir.join(relative);
        let fail = |error| Error::io(error, "list the repository's folder", &path);
        if !self.seen.insert(path.canonicalize().map_err(fail)?) {
            return Ok(());
        }
        for entry in std::fs::read_dir(&path).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let relative = relative.join(&name);
            let metadata = match std::fs::metadata(self.repo_dir.join(&relative)) {
                Ok(metadata) => metadata,
                // A full sync would take the objects of a definition file that is merely out of reach for deleted.
                Err(error) if is_definition_file(&relative) && !self.ignore.ignores(&relative, false) => {
                    return Err(Error::io(error, "read a definition file", self.repo_dir.join(&relative)));
                }
                Err(_) => continue,
            };
            if self.ignore.ignores(&relative, metadata.is_dir()) {
                continue;
            }
            if metadata.is_dir() {
                // One with a configuration of its own is another repository.
                if !self.repo_dir.join(&relative).join(CONFIG).is_file() {
                    self.folder(&relative)?;
                }
            } else if metadata.is_file() && is_definition_file(&relative) {
                self.files.push(relative);
            }
        }
        Ok(())
    }
}

fn is_definition_file(relative: &Path) -> bool {
    relative.extension().is_some_and(|e| e == "yaml" || e == "yml")
        && relative.file_name().is_some_and(|n| n != CONFIG)
}
