//! `POST /get-online-features`.

mod form;
mod quick;
#[cfg(test)]
mod tests;

use super::arrow::Arrow;
use crate::answers;
use crate::app::App;
use crate::failure::Failure;
use crate::stages::Stages;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::{self, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use provender_engine::{EntityValue, FeaturesRef, OnlineQuery};
use std::borrow::Cow;
use std::sync::Arc;

/// The handler of the routes; connections of a server call [`answer`] at once.
pub(super) async fn features(State(app): State<Arc<App>>, request: Request) -> Response {
    answer(&app, request).await
}

/// Answers a request.
pub(crate) async fn answer<B>(app: &App, request: http::Request<B>) -> Response
where
    B: HttpBody<Data = Bytes>,
{
    respond(app, request).await.unwrap_or_else(Failure::into_response)
}

async fn respond<B>(app: &App, request: http::Request<B>) -> Result<Response, Failure>
where
    B: HttpBody<Data = Bytes>,
{
    let context = app.context(request.headers());
    let arrow = Arrow::asked(request.headers(), request.uri())?;
    let body = app.body(request).await?;
    let mut stages = Stages::begin();
    let Asked { features, entities, full_feature_names } = Asked::read(&body, app.limits.rows)?;
    stages.parsed();
    let answer = app.online(OnlineQuery { features, entities, full_feature_names, context }).await?;
    stages.read(answer.store_time());
    let response = match arrow {
        Some(arrow) => arrow.write(&answer)?,
        None => {
            let mut out = Vec::new();
            answer.write_json(&mut out)?;
            answers::json(StatusCode::OK, out)
        }
    };
    app.metrics.stages(&stages.written());
    Ok(response)
}

type Columns<'a> = Vec<(Cow<'a, str>, Vec<EntityValue<'a>>)>;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
struct Asked<'a> {
    features: FeaturesRef<'a>,
    entities: Columns<'a>,
    full_feature_names: bool,
}

impl<'a> Asked<'a> {
    /// Reads a body of at most `limit` entity rows.
    fn read(body: &'a [u8], limit: usize) -> Result<Self, Failure> {
        quick::read(body, limit).map_or_else(|| form::read(body, limit), Ok)
    }
}

/// Reads a body in both ways, for fuzzing.
///
/// # Panics
/// If they disagree.
pub(crate) fn read_in_both_ways(body: &[u8], limit: usize) {
    if let Some(quick) = quick::read(body, limit) {
        match form::read(body, limit) {
            Ok(form) => assert_eq!(quick, form, "read in two ways"),
            Err(failure) => panic!("taken where the form says {failure:?}"),
        }
    } else {
        // it is enough that this ends without a panic
        drop(form::read(body, limit));
    }
}
