//! `Push` and `WriteToOnlineStore`: one row a call.

use super::{status, unary};
use crate::app::App;
use crate::endpoints::write::{registry, target};
use crate::frame::{ColumnTypes, SentRow};
use prost::Message;
use provender_core::{Error, RequestContext, Result as Outcome};
use provender_engine::PushTarget;
use provender_proto::feast::types::Value;
use provender_proto::feature_server::{PushRequest, WriteToOnlineStoreRequest};
use std::collections::BTreeMap;
use std::sync::Arc;
use tonic::Status;

pub(super) async fn push(app: &Arc<App>, context: RequestContext, message: &[u8]) -> Result<Vec<u8>, Status> {
    let request: PushRequest = decode(message, "PushRequest")?;
    pushed(app, context, request).await.map_err(status::invalid)?;
    done()
}

async fn pushed(app: &Arc<App>, context: RequestContext, request: PushRequest) -> Outcome<()> {
    let to = target(&request.to)?;
    let source = request.stream_feature_view;
    let row = row(app, request.features, request.typed_features)?;
    let registry = registry(app, request.allow_registry_cache).await?;
    let types = ColumnTypes::of_source(&registry, app.store.project(), &source, to != PushTarget::Online)?;
    let rows = row.frame(&types)?;
    let work = {
        let (app, source) = (Arc::clone(app), source.clone());
        async move { app.store.push(&source, rows, to, context).await }
    };
    app.jobs.finish(work).await?;
    app.metrics.pushed(&source, to);
    Ok(())
}

pub(super) async fn write(
    app: &Arc<App>,
    context: RequestContext,
    message: &[u8],
) -> Result<Vec<u8>, Status> {
    let request: WriteToOnlineStoreRequest = decode(message, "WriteToOnlineStoreRequest")?;
    written(app, context, request).await.map_err(status::invalid)?;
    done()
}

async fn written(app: &Arc<App>, context: RequestContext, request: WriteToOnlineStoreRequest) -> Outcome<()> {
    let view = request.feature_view_name;
    let row = row(app, request.features, request.typed_features)?;
    let registry = registry(app, request.allow_registry_cache).await?;
    let types = ColumnTypes::of_view(&registry, app.store.project(), &view)?;
    let rows = row.frame(&types)?;
    let work = {
        let app = Arc::clone(app);
        async move { app.store.write_to_online_store(&view, rows, context).await }
    };
    app.jobs.finish(work).await?;
    Ok(())
}

/// The row of a request, in the one form or the other.
fn row(app: &App, texts: BTreeMap<String, String>, typed: BTreeMap<String, Value>) -> Outcome<SentRow> {
    match (texts.is_empty(), typed.is_empty()) {
        (false, false) => Err(Error::invalid("features and typed_features are both set")
            .with("field", "typed_features")
            .with("expected", "one of the two")),
        (false, true) => Ok(SentRow::of_texts(texts)),
        (true, _) => {
            let values = typed.into_iter().map(|(name, value)| (name, value.encode_to_vec()));
            Ok(SentRow::of_values(values.collect(), app.store.config().compat_feast))
        }
    }
}

fn decode<M: Message + Default>(message: &[u8], name: &'static str) -> Result<M, Status> {
    M::decode(message).map_err(|error| {
        status::invalid(Error::invalid("not a message of this method").with("expected", name).because(error))
    })
}

/// The message `{status: true}`.
fn done() -> Result<Vec<u8>, Status> {
    unary::frame(|out| out.extend_from_slice(&[0x08, 0x01]))
}
