//! From a path to the files it means: one file, a folder, a glob, or a Hive-partitioned folder.

use crate::storage::{Storage, StoredFile};
use arrow_array::{ArrayRef, Int64Array, StringArray};
use globset::GlobBuilder;
use provender_core::{Error, Kind, Result};
use std::sync::Arc;

/// A value that stands for null in a Hive path.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The files of a source, in path order, and the columns that their paths carry.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) files: Vec<StoredFile>,
    /// Hive columns; each array has one value a file.
    pub(crate) partitions: Vec<(String, ArrayRef)>,
}

/// Lists what `paths` mean, path after path; within one path the files are sorted by name.
///
/// # Errors
/// `NotFound` for a path that does not exist; `Invalid` for one that holds no file, is a Delta table, or mixes partition columns; `Unsupported` for a URL that this build does not reach.
pub(crate) fn list(storage: &dyn Storage, paths: &[String]) -> Result<Listing> {
    let mut files = Vec::new();
    let mut segments = Vec::new();
    for path in paths {
        let path = path.strip_prefix("file://").unwrap_or(path);
        let (mut found, hive_root) = resolve(storage, path)?;
        if found.is_empty() {
            return Err(Error::invalid("there is no file").with("path", path));
        }
        found.sort_unstable();
        segments.extend(found.iter().map(|file| hive_segments(&file.path[hive_root.min(file.path.len())..])));
        files.append(&mut found);
    }
    let partitions = partition_columns(&files, &segments)?;
    Ok(Listing { files, partitions })
}

/// The files of one path, and from which byte of their paths on `k=v` names are partition columns.
fn resolve(storage: &dyn Storage, path: &str) -> Result<(Vec<StoredFile>, usize)> {
    match storage.list(path) {
        Ok(files) if files.len() == 1 && files[0].path == path => Ok((files, path.len())),
        Ok(files) => {
            refuse_delta(storage, path)?;
            Ok((files, path.len()))
        }
        Err(error) if error.kind() == Kind::NotFound && path.contains(['*', '?', '[', '{']) => {
            Ok((glob(storage, path)?, 0))
        }
        Err(error) => Err(error),
    }
}

/// Files of a Delta table that it no longer counts as its own must not be read as if they were.
fn refuse_delta(storage: &dyn Storage, folder: &str) -> Result<()> {
    if storage.is_folder(&format!("{}/_delta_log", folder.trim_end_matches('/')))? {
        return Err(Error::invalid("the folder is a Delta table")
            .with("path", folder)
            .with("expected", "a source with file_format: delta"));
    }
    Ok(())
}

fn glob(storage: &dyn Storage, pattern: &str) -> Result<Vec<StoredFile>> {
    let invalid =
        |e: globset::Error| Error::invalid("not a glob pattern").with("path", pattern).because(e.to_string());
    let matcher =
        GlobBuilder::new(pattern).literal_separator(true).build().map_err(invalid)?.compile_matcher();
    let wild = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    let root = match pattern[..wild].rfind('/') {
        Some(0) => "/",
        Some(slash) => &pattern[..slash],
        None => ".",
    };
    let mut files = storage.list(root)?;
    if root == "." {
        for file in &mut files {
            file.path = file.path.trim_start_matches("./").to_owned();
        }
    }
    files.retain(|file| matcher.is_match(&file.path));
    Ok(files)
}

/// `k=v` names among the folders of a path, the value decoded; `None` for a null.
fn hive_segments(path: &str) -> Vec<(String, Option<String>)> {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let pairs = folders.split('/').filter_map(|name| name.split_once('='));
    pairs
        .map(|(key, value)| (percent_decode(key), (value != HIVE_NULL).then(|| percent_decode(value))))
        .collect()
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text.get(i + 1..i + 3).filter(|_| bytes[i] == b'%');
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            decoded.push(byte);
            i += 3;
        } else {
            decoded.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

type Segments = Vec<(String, Option<String>)>;

fn partition_columns(files: &[StoredFile], segments: &[Segments]) -> Result<Vec<(String, ArrayRef)>> {
    let names = |s: &Segments| s.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let Some(first) = segments.first().map(names) else { return Ok(Vec::new()) };
    if let Some(odd) = segments.iter().position(|s| names(s) != first) {
        return Err(Error::invalid("partition folders differ between files")
            .with("file", &files[odd].path)
            .with("expected", first.join(", ")));
    }
    let column = |i: usize| -> ArrayRef {
        let values: Vec<Option<&str>> = segments.iter().map(|s| s[i].1.as_deref()).collect();
        // Typed as a number only if the text says nothing more: `01` is not 1.
        let whole = |v: &str| v.parse::<i64>().ok().filter(|n| n.to_string() == v);
        if values.iter().flatten().all(|v| whole(v).is_some()) {
            Arc::new(Int64Array::from_iter(values.iter().map(|v| v.and_then(whole))))
        } else {
            Arc::new(StringArray::from(values))
        }
    };
    Ok(first.iter().enumerate().map(|(i, name)| (name.clone(), column(i))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{LocalDisk, Places};
    use arrow_array::Array;
    use std::fs;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        dir
    }

    fn names(dir: &tempfile::TempDir, path: &str) -> Result<Vec<String>> {
        let root = dir.path().to_str().unwrap();
        let listing = list(&LocalDisk, &[format!("{root}/{path}")])?;
        Ok(listing.files.iter().map(|f| f.path[root.len() + 1..].to_owned()).collect())
    }

    #[test]
    fn a_folder_is_read_in_path_order_without_hidden_names() {
        let dir = tree(&[
            "d/b.parquet",
            "d/a.parquet",
            "d/.tmp",
            "d/_SUCCESS",
            "d/sub/c.parquet",
            "d/_old/x.parquet",
        ]);
        assert_eq!(names(&dir, "d").unwrap(), ["d/a.parquet", "d/b.parquet", "d/sub/c.parquet"]);
        assert_eq!(names(&dir, "d/a.parquet").unwrap(), ["d/a.parquet"]);
    }

    #[test]
    fn a_star_stays_inside_a_folder_and_two_cross() {
        let dir = tree(&["d/a.parquet", "d/b.csv", "d/e/c.parquet"]);
        assert_eq!(names(&dir, "d/*.parquet").unwrap(), ["d/a.parquet"]);
        assert_eq!(names(&dir, "**/*.parquet").unwrap(), ["d/a.parquet", "d/e/c.parquet"]);
        assert!(names(&dir, "d/*.orc").unwrap_err().to_string().contains("there is no file"));
    }

    #[test]
    fn hive_values_become_typed_columns() {
        let dir = tree(&["d/year=2025/city=S%C3%A3o/a", "d/year=2026/city=__HIVE_DEFAULT_PARTITION__/a"]);
        let listing = list(&LocalDisk, &[dir.path().join("d").to_str().unwrap().to_owned()]).unwrap();
        let [(year, years), (city, cities)] = &listing.partitions[..] else {
            panic!("two partition columns")
        };
        assert_eq!((year.as_str(), city.as_str()), ("year", "city"));
        assert_eq!(years.as_ref(), &Int64Array::from(vec![2025, 2026]) as &dyn Array);
        assert_eq!(cities.as_ref(), &StringArray::from(vec![Some("São"), None]) as &dyn Array);
    }

    #[test]
    fn leading_zeros_keep_a_partition_text() {
        let dir = tree(&["d/m=01/a", "d/m=02/a"]);
        let listing = list(&LocalDisk, &[dir.path().join("d").to_str().unwrap().to_owned()]).unwrap();
        assert_eq!(listing.partitions[0].1.as_ref(), &StringArray::from(vec!["01", "02"]) as &dyn Array);
    }

    #[test]
    fn paths_that_cannot_be_read_say_why() {
        let dir = tree(&["d/a=1/x", "d/y", "t/_delta_log/0.json", "t/x.parquet", "e/.hidden"]);
        let message = |path: &str| names(&dir, path).unwrap_err().to_string();
        assert!(message("d").contains("partition folders differ between files"));
        assert!(message("t").contains("expected: a source with file_format: delta"));
        assert!(message("e").contains("there is no file"));
        assert!(names(&dir, "nowhere").unwrap_err().kind() == Kind::NotFound);
        let url = list(&Places::default(), &["hdfs://host/x".to_owned()]).unwrap_err();
        assert_eq!((url.kind(), url.get("scheme")), (Kind::Unsupported, Some("hdfs")));
    }
}
