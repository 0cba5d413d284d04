//! `POST /push` and `/write-to-online-store`.

use super::declared_as_json;
use crate::answers;
use crate::app::App;
use crate::failure::Failure;
use crate::fields::Form;
use crate::frame::{ColumnTypes, frame};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use provender_core::{Error, Result as Outcome};
use provender_engine::PushTarget;
use std::sync::Arc;

pub(super) async fn push(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    declared_as_json(request.headers())?;
    let context = app.context(request.headers());
    let body = app.body(request).await?;
    let mut form = Form::parse(&body, Vec::new())?;
    let source = form.text("push_source_name").into_owned();
    let columns = form.object("df");
    let cached = form.flag("allow_registry_cache", true);
    let to = form.text_or("to", "online");
    form.flag("transform_on_write", true);
    form.finish()?;

    let to = target(&to)?;
    let registry = registry(&app, cached).await?;
    let types = ColumnTypes::of_source(&registry, app.store.project(), &source, to != PushTarget::Online)?;
    let rows = frame(&columns, &types)?;
    let work = {
        let (app, source) = (Arc::clone(&app), source.clone());
        async move { app.store.push(&source, rows, to, context).await }
    };
    app.jobs.finish(work).await?;
    app.metrics.pushed(&source, to);
    Ok(answers::empty(StatusCode::OK))
}

pub(super) async fn write(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    declared_as_json(request.headers())?;
    let context = app.context(request.headers());
    let body = app.body(request).await?;
    let mut form = Form::parse(&body, Vec::new())?;
    let view = form.text("feature_view_name").into_owned();
    let columns = form.object("df");
    let cached = form.flag("allow_registry_cache", true);
    form.flag("transform_on_write", true);
    form.finish()?;

    let types = ColumnTypes::of_view(&*registry(&app, cached).await?, app.store.project(), &view)?;
    let rows = frame(&columns, &types)?;
    let work = {
        let app = Arc::clone(&app);
        async move { app.store.write_to_online_store(&view, rows, context).await }
    };
    app.jobs.finish(work).await?;
    Ok(answers::json(StatusCode::OK, "null"))
}

/// The registry as it is at hand, or as it is now for a client that asks for that.
pub(crate) async fn registry(
    app: &App,
    cached: bool,
) -> Outcome<Arc<provender_core::registry::RegistrySnapshot>> {
    if !cached {
        app.store.refresh().await?;
    }
    app.store.cached_snapshot().await
}

pub(crate) fn target(to: &str) -> Outcome<PushTarget> {
    Ok(match to {
        "online" => PushTarget::Online,
        "offline" => PushTarget::Offline,
        "online_and_offline" => PushTarget::OnlineAndOffline,
        other => {
            return Err(Error::invalid("unknown push target")
                .with("field", "to")
                .with("value", other)
                .with("expected", "online, offline or online_and_offline"));
        }
    })
}
