//! `GetOnlineFeatures`.

use super::{status, unary};
use crate::app::App;
use crate::failure::Failure;
use crate::stages::Stages;
use provender_core::value::wire::{Payload, Reader};
use provender_core::value::{ValueRef, read};
use provender_core::{Error, RequestContext, Result as Outcome};
use provender_engine::{EntityValue, FeaturesRef, OnlineQuery};
use std::borrow::Cow;
use tonic::Status;

/// Answers the frame of a `GetOnlineFeaturesResponse`.
pub(super) async fn features(app: &App, context: RequestContext, message: &[u8]) -> Result<Vec<u8>, Status> {
    let mut stages = Stages::begin();
    let Request { features, entities, full_feature_names } =
        parse(message, app.limits.rows).map_err(status::of)?;
    stages.parsed();
    let query = OnlineQuery { features, entities, full_feature_names, context };
    let answer = app.online(query).await.map_err(|failure| match failure {
        Failure::Engine(error) => status::invalid(error),
        other => status::of(other),
    })?;
    stages.read(answer.store_time());
    let frame = unary::frame(|out| answer.write_proto(out))?;
    app.metrics.stages(&stages.written());
    Ok(frame)
}

/// A `feast.serving.GetOnlineFeaturesRequest` over its bytes, with the entity columns in the order in which they were sent.
struct Request<'a> {
    features: FeaturesRef<'a>,
    entities: Vec<(Cow<'a, str>, Vec<EntityValue<'a>>)>,
    full_feature_names: bool,
}

fn parse(message: &[u8], limit: usize) -> Result<Request<'_>, Failure> {
    let mut request =
        Request { features: FeaturesRef::List(Vec::new()), entities: Vec::new(), full_feature_names: false };
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field().map_err(malformed)? {
        match field {
            (1, Payload::Bytes(name)) => request.features = FeaturesRef::Service(text(name)?.into()),
            (2, Payload::Bytes(list)) => request.features = FeaturesRef::List(texts(list)?),
            (3, Payload::Bytes(entry)) => {
                let (name, values) = entity(entry, limit)?;
                match request.entities.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = values,
                    None => request.entities.push((name.into(), values)),
                }
            }
            (4, Payload::Varint(truth)) => request.full_feature_names = truth != 0,
            // request data of on-demand views, versions of views, and fields of later versions
            _ => {}
        }
    }
    Ok(request)
}

/// A `FeatureList`.
fn texts(message: &[u8]) -> Result<Vec<Cow<'_, str>>, Failure> {
    let (mut reader, mut texts) = (Reader::new(message), Vec::new());
    while let Some(field) = reader.field().map_err(malformed)? {
        if let (1, Payload::Bytes(bytes)) = field {
            texts.push(text(bytes)?.into());
        }
    }
    Ok(texts)
}

/// An entry of the map of entities: a name and a `RepeatedValue`.
fn entity(message: &[u8], limit: usize) -> Result<(&str, Vec<EntityValue<'_>>), Failure> {
    let (mut reader, mut name, mut list) = (Reader::new(message), "", &[][..]);
    while let Some(field) = reader.field().map_err(malformed)? {
        match field {
            (1, Payload::Bytes(bytes)) => name = text(bytes)?,
            (2, Payload::Bytes(bytes)) => list = bytes,
            _ => {}
        }
    }
    let (mut reader, mut values) = (Reader::new(list), Vec::new());
    while let Some(field) = reader.field().map_err(malformed)? {
        if let (1, Payload::Bytes(bytes)) = field {
            if values.len() == limit {
                return Err(Failure::too_large(format!(
                    "more than {limit} entity rows; ask in several requests"
                )));
            }
            let value = entity_value(bytes)
                .map_err(|e| e.with("field", format!("entities.{name}[{}]", values.len())))?;
            values.push(value);
        }
    }
    Ok((name, values))
}

/// A `Value`. Instants are keys by their seconds, as numbers in JSON are.
fn entity_value(bytes: &[u8]) -> Outcome<EntityValue<'_>> {
    let (value_type, value) = read(bytes).map_err(malformed)?;
    Ok(match value {
        ValueRef::Null => EntityValue::Null,
        ValueRef::Bool(value) => EntityValue::Bool(value),
        ValueRef::Int(value) | ValueRef::Timestamp(value) => EntityValue::Int(value),
        ValueRef::Double(value) => EntityValue::Float(value),
        ValueRef::Float(value) => EntityValue::Float(value.into()),
        ValueRef::Text(text) => EntityValue::Text(Cow::Borrowed(text)),
        ValueRef::Bytes(bytes) => EntityValue::Bytes(Cow::Borrowed(bytes)),
        ValueRef::Zoned(..) | ValueRef::List(_) | ValueRef::Map(_) | ValueRef::ScalarMap(_) => {
            return Err(Error::invalid("not a value of a join key").with("type", value_type));
        }
    })
}

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    Ok(std::str::from_utf8(bytes)
        .map_err(|error| Error::invalid("a text of the request is not UTF-8").because(error))?)
}

/// What core says of stored bytes, said of a request.
fn malformed(error: Error) -> Error {
    Error::invalid("not a message of this method")
        .with("expected", "feast.serving.GetOnlineFeaturesRequest")
        .because(error)
}
