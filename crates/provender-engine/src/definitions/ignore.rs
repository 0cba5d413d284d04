//! Which files of a repository are not read: `.feastignore` and `.provenderignore`, with the globs of a `.gitignore`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use provender_core::{Error, Result};
use std::io::ErrorKind;
use std::path::Path;

/// Files in which the rules stand, in the repository's folder.
const FILES: [&str; 2] = [".feastignore", ".provenderignore"];

/// The rules of a repository.
#[derive(Debug, Default)]
pub(crate) struct Ignore {
    globs: GlobSet,
    rules: Vec<Rule>,
}

/// What belongs to the glob of the same index.
#[derive(Debug)]
struct Rule {
    /// `!glob`: what an earlier rule ignored is read after all.
    keep: bool,
    /// `glob/`: folders only.
    folder: bool,
}

impl Ignore {
    /// Reads the rules of a repository; one without such files has none.
    pub(crate) fn read(repo_dir: &Path) -> Result<Self> {
        let (mut rules, mut globs) = (Vec::new(), GlobSetBuilder::new());
        for name in FILES {
            let path = repo_dir.join(name);
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io(error, "read which files to ignore", &path)),
            };
            for (index, line) in text.lines().enumerate() {
                let Some((glob, rule)) = parse(line) else { continue };
                let blame = |error: globset::Error| {
                    Error::invalid("not a glob")
                        .with("file", format!("{name}:{}", index + 1))
                        .with("value", line.trim())
                        .because(error)
                };
                globs.add(GlobBuilder::new(&glob).literal_separator(true).build().map_err(blame)?);
                rules.push(rule);
            }
        }
        let globs = globs.build().map_err(|e| Error::invalid("too many globs to ignore").because(e))?;
        Ok(Self { globs, rules })
    }

    /// Whether a file or folder is left out. The last rule that matches decides.
    pub(crate) fn ignores(&self, relative: &Path, is_folder: bool) -> bool {
        self.globs
            .matches(relative)
            .into_iter()
            .map(|index| &self.rules[index])
            .rfind(|rule| is_folder || !rule.folder)
            .is_some_and(|rule| !rule.keep)
    }
}

/// A line as a glob over relative paths; `None` for a comment or an empty line.
fn parse(line: &str) -> Option<(String, Rule)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (keep, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (folder, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
    // A glob without a slash in it matches at any depth.
    let glob =
        if line.contains('/') { line.trim_start_matches('/').to_owned() } else { format!("**/{line}") };
    Some((glob, Rule { keep, folder }))
}
