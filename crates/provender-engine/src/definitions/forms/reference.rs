//! The reference of definitions, from the same tables that read them.

use super::{OBJECTS, SOURCES, objects, sources};

/// One kind of object, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindReference {
    /// The `kind:` of a document, or the name by which types of fields mention the part.
    pub name: &'static str,
    /// What it is.
    pub about: String,
    /// Its fields, in the order in which they are best written.
    pub fields: Vec<FieldReference>,
}

/// One field of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldReference {
    /// The key.
    pub name: &'static str,
    /// What its value may be, for people.
    pub type_name: String,
    /// What it is when it is left out, as YAML; `None` if it must be there.
    pub default: Option<String>,
    /// What it means.
    pub about: String,
}

/// All kinds of document, sources after the rest, then the parts that fields are made of.
#[must_use]
pub fn reference() -> Vec<KindReference> {
    let kinds = OBJECTS.iter().map(|k| (k.reference)()).chain(SOURCES.iter().map(|k| (k.reference)()));
    let parts = [
        objects::FieldForm::reference(),
        objects::UsePartForm::reference(),
        objects::PolicyForm::reference(),
        sources::StreamFormatForm::reference(),
    ];
    kinds.chain(parts).collect()
}
