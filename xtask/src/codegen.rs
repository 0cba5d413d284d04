//! Rust code and descriptors from the .proto files of provender-proto, without protoc.

use anyhow::{Context, Result, bail};
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Generates `crates/provender-proto/src/generated`; with `check`, only compares it with what is there.
///
/// # Errors
/// A .proto file that does not compile, a folder that cannot be written, and in a check the files that differ.
pub(crate) fn run(check: bool) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/provender-proto");
    let target = root.join("src/generated");
    let files = generate(&root.join("proto"))?;
    if check {
        return compare(&target, &files);
    }
    fs::create_dir_all(&target)?;
    for name in existing(&target)? {
        if !files.contains_key(&name) {
            fs::remove_file(target.join(name))?;
        }
    }
    for (name, bytes) in files {
        fs::write(target.join(&name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// The generated files by name.
fn generate(proto: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut sources = Vec::new();
    for folder in ["feast/core", "feast/serving", "feast/types"] {
        for entry in fs::read_dir(proto.join(folder))? {
            sources.push(Path::new(folder).join(entry?.file_name()));
        }
    }
    sources.sort();
    let descriptors = protox::Compiler::new([proto])?
        .include_imports(true)
        .include_source_info(false)
        .open_files(sources)?
        .file_descriptor_set();
    let out = scratch_folder()?;
    // Sorted maps: the same object always gives the same bytes. The server answers from stored bytes, which generated servers could not.
    tonic_prost_build::configure()
        .btree_map(".")
        .build_server(false)
        .build_transport(false)
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .out_dir(&out)
        .compile_fds(descriptors.clone())
        .context("cannot generate Rust code")?;
    let mut files = BTreeMap::from([("descriptors.binpb".to_owned(), descriptors.encode_to_vec())]);
    for name in existing(&out)? {
        let bytes = fs::read(out.join(&name))?;
        files.insert(name, bytes);
    }
    fs::remove_dir_all(out)?;
    Ok(files)
}

fn scratch_folder() -> Result<PathBuf> {
    let path = env::temp_dir().join(format!("provender-codegen-{}", std::process::id()));
    fs::create_dir_all(&path)?;
    Ok(path)
}

fn existing(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn compare(target: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let unchanged = |name: &str| fs::read(target.join(name)).ok().as_ref() == files.get(name);
    let mut names: Vec<String> = existing(target)?;
    names.extend(files.keys().cloned());
    names.retain(|name| !unchanged(name));
    names.sort();
    names.dedup();
    if !names.is_empty() {
        bail!(
            "generated code differs from the .proto files ({}); run `cargo xtask codegen`",
            names.join(", ")
        );
    }
    Ok(())
}
