//! Definitions in YAML: `kind` is Feast's class name, fields are its constructor's, references are names.

mod drafts;
mod form;
mod objects;
mod read;
pub(super) mod reference;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use super::build::{Draft, Source};
use super::yaml::{self, Entries, Node, Value};
use super::{Declared, Origin};
use objects::{
    EntityForm, FeatureServiceForm, FeatureViewForm, PermissionForm, ProjectForm, StreamFeatureViewForm,
};
use provender_core::Error;
use read::{At, FromNode};
use reference::KindReference;
use sources::{
    BigQuerySourceForm, FileSourceForm, KafkaSourceForm, KinesisSourceForm, PushSourceForm,
    RequestSourceForm, SnowflakeSourceForm,
};
use std::path::Path;

/// A kind of document, and how it is read.
struct Kind<T> {
    class: &'static str,
    read: fn(&Node, &mut At<'_>) -> Option<T>,
    reference: fn() -> KindReference,
}

macro_rules! kind {
    ($class:literal, $form:ident) => {
        Kind {
            class: $class,
            read: |node, at| $form::from_node(node, at).map(Into::into),
            reference: $form::reference,
        }
    };
}

static OBJECTS: [Kind<Draft>; 6] = [
    kind!("Project", ProjectForm),
    Kind {
        class: "Entity",
        read: |node, at| EntityForm::from_node(node, at)?.draft(node, at),
        reference: EntityForm::reference,
    },
    kind!("FeatureView", FeatureViewForm),
    kind!("StreamFeatureView", StreamFeatureViewForm),
    kind!("FeatureService", FeatureServiceForm),
    kind!("Permission", PermissionForm),
];

static SOURCES: [Kind<Source>; 7] = [
    kind!("FileSource", FileSourceForm),
    kind!("BigQuerySource", BigQuerySourceForm),
    kind!("SnowflakeSource", SnowflakeSourceForm),
    kind!("PushSource", PushSourceForm),
    kind!("RequestSource", RequestSourceForm),
    kind!("KafkaSource", KafkaSourceForm),
    kind!("KinesisSource", KinesisSourceForm),
];

/// Feast's kinds that YAML cannot declare, and what to do instead. Those that a registry holds already are kept: a full sync never deletes an object that the repository
/// had no way to declare.
const NOT_HERE: [(&str, &str); 5] = [
    (
        "OnDemandFeatureView",
        "a runtime for the view's mode (`sql`, `python`, `pandas`), which this release does not have",
    ),
    (
        "BatchFeatureView",
        "a build with a runtime for the view's mode; without a transformation it is a FeatureView",
    ),
    ("LabelView", "Feast's Python definitions; what the registry holds is kept"),
    ("SavedDataset", "Feast's Python definitions; what the registry holds is kept"),
    ("ValidationReference", "Feast's Python definitions; what the registry holds is kept"),
];

/// Reads the documents of a file. What cannot be read is reported and left out.
pub(super) fn read_file(file: &Path, text: &str, problems: &mut Vec<Error>) -> Vec<Declared> {
    let mut declared = Vec::new();
    for document in yaml::documents(file, text) {
        match document {
            Ok(node) => declared.extend(read_document(file, &node, problems)),
            Err(problem) => problems.push(problem),
        }
    }
    declared
}

fn read_document(file: &Path, node: &Node, problems: &mut Vec<Error>) -> Option<Declared> {
    let mut at = At::new(file, ("", String::new()), problems);
    let entries = at.entries(node, "a definition with `kind` and `name`")?;
    if is_store_config(entries) {
        return None;
    }
    let classes: Vec<_> = OBJECTS.iter().map(|k| k.class).chain(SOURCES.iter().map(|k| k.class)).collect();
    let class = class_of(&classes, node, entries, &mut at)?;
    let name = match entry(entries, "name") {
        Some(Node { value: Value::Text(name), .. }) => name.clone(),
        _ => String::new(),
    };
    let mut at = At::new(file, (noun(class), name), problems);
    let draft = match OBJECTS.iter().find(|kind| kind.class == class) {
        Some(kind) => (kind.read)(node, &mut at)?,
        None => read_source(class, node, &mut at)?.into(),
    };
    Some(Declared { origin: Origin { file: file.to_owned(), line: node.line }, draft })
}

/// A `feature_store.yaml` of another name, which repositories keep side by side, one an environment.
fn is_store_config(entries: &Entries) -> bool {
    let has = |key| entry(entries, key).is_some();
    !has("kind")
        && has("project")
        && ["registry", "provider", "online_store", "offline_store"].into_iter().any(has)
}

/// The value of `kind`, if it is one of `classes`.
fn class_of(
    classes: &[&'static str],
    node: &Node,
    entries: &Entries,
    at: &mut At<'_>,
) -> Option<&'static str> {
    let (kind, line) = match entry(entries, "kind") {
        Some(Node { value: Value::Text(kind), line }) => (kind, *line),
        Some(other) => return at.expected(other, &format!("a kind: {}", classes.join(", "))),
        None => {
            let problem = Error::invalid("no `kind`").with("expected", classes.join(", "));
            let ignore = "list the file in .feastignore if it defines nothing";
            at.report(node.line, &if at.is_top() { problem.with("or", ignore) } else { problem });
            return None;
        }
    };
    if let Some(class) = classes.iter().find(|class| *class == kind) {
        return Some(class);
    }
    let problem = match NOT_HERE.iter().find(|(class, _)| class == kind) {
        Some((_, bring)) => {
            Error::unsupported("this kind cannot be declared here").with("kind", kind).with("needs", bring)
        }
        None => {
            let unknown = Error::invalid("unknown kind").with("kind", kind);
            unknown.suggest(kind, classes.iter().copied()).with("expected", classes.join(", "))
        }
    };
    at.report(line, &problem);
    None
}

fn read_source(class: &str, node: &Node, at: &mut At<'_>) -> Option<Source> {
    let kind = SOURCES.iter().find(|kind| kind.class == class)?;
    (kind.read)(node, at)
}

/// Reads a source that stands where its name could.
fn read_inline_source(node: &Node, entries: &Entries, at: &mut At<'_>) -> Option<Source> {
    let class = class_of(&SOURCES.each_ref().map(|k| k.class), node, entries, at)?;
    read_source(class, node, at)
}

/// What errors call an object of a class.
fn noun(class: &str) -> &'static str {
    match class {
        "Project" => "project",
        "Entity" => "entity",
        "FeatureView" | "StreamFeatureView" => "view",
        "FeatureService" => "service",
        "Permission" => "permission",
        _ => "source",
    }
}

fn entry<'n>(entries: &'n Entries, key: &str) -> Option<&'n Node> {
    entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
}
