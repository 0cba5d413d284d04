//! The definitions that a training set was built with: what they say as a hash, and their stored bytes, so that a later `apply` does not matter.

use super::content::{hex, text};
use crate::Features;
use crate::plan::flatten;
use crate::resolve::Resolved;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provender_core::model::{DUMMY_ENTITY, Object, ObjectKind};
use provender_core::registry::{ObjectCodec, RegistrySnapshot, Stored};
use provender_core::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Feast's class name.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of what it says: its fields as `plan` compares them, so that neither times nor materialization change it. A view's includes its source.
    pub hash: String,
    /// Its bytes in the registry, Feast's protobuf message, in Base64; `None` from a registry that keeps none.
    pub stored: Option<String>,
}

/// What a request used: its service, its views and their entities.
pub(crate) fn definitions(
    snapshot: &RegistrySnapshot,
    project: &str,
    features: &Features,
    resolved: &Resolved,
) -> Result<Vec<Definition>> {
    let mut wanted = BTreeSet::new();
    if let Features::Service(name) = features {
        wanted.insert((ObjectKind::FeatureService, name.as_str()));
    }
    for used in &resolved.uses {
        let name = used.view.name.as_str();
        let batch = snapshot.find(project, ObjectKind::FeatureView, name).is_some();
        wanted.insert((if batch { ObjectKind::FeatureView } else { ObjectKind::StreamFeatureView }, name));
        let entities = used.view.entities.iter().filter(|entity| *entity != DUMMY_ENTITY);
        wanted.extend(entities.map(|entity| (ObjectKind::Entity, entity.as_str())));
    }
    // An entity may be gone from a registry whose views know their join keys themselves.
    let found = wanted.into_iter().filter_map(|(kind, name)| snapshot.find(project, kind, name));
    found.map(|stored| definition(stored)).collect()
}

fn definition(stored: &Stored) -> Result<Definition> {
    let raw = stored.raw();
    Ok(Definition {
        kind: stored.kind.class().to_owned(),
        name: stored.name.to_string(),
        hash: meaning(stored.object()?),
        stored: (!raw.is_empty()).then(|| STANDARD.encode(raw)),
    })
}

fn meaning(object: &Object) -> String {
    let mut hasher = Sha256::new();
    for (field, value) in flatten(object) {
        text(&mut hasher, &field);
        text(&mut hasher, &value);
    }
    hex(&hasher.finalize())
}

/// A registry of these definitions alone.
///
/// # Errors
/// `Unsupported` if the registry that they come from kept no bytes; `Invalid` for a kind that does not exist or bytes that are damaged.
pub(crate) fn restored(
    project: &str,
    definitions: &[Definition],
    codec: &Arc<dyn ObjectCodec>,
) -> Result<RegistrySnapshot> {
    let restore = |definition: &Definition| {
        let named = |e: Error| e.with("kind", &definition.kind).with("name", &definition.name);
        let kind = ObjectKind::ALL.iter().find(|kind| kind.class() == definition.kind);
        let kind =
            *kind.ok_or_else(|| named(Error::invalid("the manifest has a definition of an unknown kind")))?;
        let stored = definition.stored.as_ref().ok_or_else(|| {
            named(Error::unsupported(
                "the manifest has no definitions: they came from a registry without stored form",
            ))
        })?;
        let raw = STANDARD
            .decode(stored)
            .map_err(|e| named(Error::invalid("the manifest has a damaged definition").because(e)))?;
        let stored =
            Stored::lazy(kind, project.into(), (*definition.name).into(), raw.into(), Arc::clone(codec));
        if meaning(stored.object()?) != definition.hash {
            return Err(named(Error::invalid("the manifest has a definition that does not match its hash")));
        }
        Ok(Arc::new(stored))
    };
    let stored = definitions.iter().map(restore).collect::<Result<Vec<_>>>()?;
    Ok(RegistrySnapshot::new(stored, None))
}
