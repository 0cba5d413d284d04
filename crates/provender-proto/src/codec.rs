//! Single objects: Feast's bytes to the model and to JSON.

use crate::convert::{named, on_demand, other, service, source, view};
use crate::feast::core as message;
use crate::{kinds, reflect};
use prost::{DecodeError, Message};
use provender_core::model::{Object, ObjectKind};
use provender_core::registry::ObjectCodec;
use provender_core::{Error, Result};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Reads the objects of Feast's registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeastCodec;

impl ObjectCodec for FeastCodec {
    fn decode(&self, kind: ObjectKind, raw: &[u8]) -> Result<Object> {
        decode(kind, raw).map_err(|e| {
            Error::internal("cannot read a damaged registry object")
                .with("type", kinds::message(kind))
                .because(e)
        })
    }

    /// As `feast registry-dump` prints it: without the project, a data source without the class that its type tells, and
    /// Python functions as text instead of pickles.
    fn to_json(&self, kind: ObjectKind, raw: &[u8]) -> Result<Value> {
        let mut json = reflect::to_json(kinds::message(kind), raw)?;
        if let Some(object) = json.as_object_mut() {
            tidy(kind, object);
        }
        Ok(json)
    }
}

fn decode(kind: ObjectKind, raw: &[u8]) -> Result<Object, DecodeError> {
    Ok(match kind {
        ObjectKind::Project => {
            Object::Project(Arc::new(named::decode_project(message::Project::decode(raw)?)))
        }
        ObjectKind::Entity => Object::Entity(Arc::new(named::decode_entity(message::Entity::decode(raw)?))),
        ObjectKind::DataSource => {
            Object::DataSource(Arc::new(source::decode(message::DataSource::decode(raw)?)))
        }
        ObjectKind::FeatureView => {
            let message = message::FeatureView::decode(raw)?;
            Object::FeatureView(Arc::new(view::decode_view(message.spec, message.meta)))
        }
        ObjectKind::StreamFeatureView => {
            let message = message::StreamFeatureView::decode(raw)?;
            Object::FeatureView(Arc::new(view::decode_view(message.spec, message.meta)))
        }
        ObjectKind::OnDemandFeatureView => Object::OnDemandFeatureView(Arc::new(on_demand::decode(
            message::OnDemandFeatureView::decode(raw)?,
        ))),
        ObjectKind::FeatureService => {
            Object::FeatureService(Arc::new(service::decode(message::FeatureService::decode(raw)?)))
        }
        ObjectKind::Permission => {
            Object::Permission(Arc::new(named::decode_permission(message::Permission::decode(raw)?)))
        }
        ObjectKind::LabelView => {
            Object::Other(Arc::new(other::decode_label_view(message::LabelView::decode(raw)?)))
        }
        ObjectKind::SavedDataset => {
            Object::Other(Arc::new(other::decode_saved_dataset(message::SavedDataset::decode(raw)?)))
        }
        ObjectKind::ValidationReference => Object::Other(Arc::new(other::decode_validation_reference(
            message::ValidationReference::decode(raw)?,
        ))),
    })
}

fn tidy(kind: ObjectKind, object: &mut Map<String, Value>) {
    object.remove("project");
    if kind == ObjectKind::DataSource
        && !matches!(object.get("type"), Some(t) if t == "CUSTOM_SOURCE" || t == "BATCH_SPARK")
    {
        object.remove("dataSourceClassType");
    }
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.remove("project");
    if let Some(function) = spec.get_mut("userDefinedFunction") {
        show_text(function);
    }
    let function = spec.get_mut("featureTransformation").and_then(|t| t.get_mut("userDefinedFunction"));
    if let Some(text) = function.and_then(show_text)
        && kind == ObjectKind::OnDemandFeatureView
    {
        // Feast's older name of the function, which its dump still shows.
        spec.entry("userDefinedFunction")
            .or_insert_with(|| Value::Object(Map::from_iter([("body".to_owned(), text)])));
    }
}

/// Shows the text of a function where its pickle was.
fn show_text(function: &mut Value) -> Option<Value> {
    let function = function.as_object_mut()?;
    let text = function.get("bodyText").cloned().unwrap_or_default();
    function.insert("body".to_owned(), text.clone());
    Some(text)
}
