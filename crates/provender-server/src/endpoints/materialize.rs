//! `POST /materialize` and `/materialize-incremental`.

use super::declared_as_json;
use crate::answers;
use crate::app::App;
use crate::failure::Failure;
use crate::fields::{Form, Problem, query_flag};
use crate::jobs::Claim;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, Kind, Result as Outcome, Timestamp};
use provender_engine::{MaterializeReport, MaterializeRequest, Window};
use std::sync::Arc;

pub(super) async fn between(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    materialize(&app, request, |form| {
        let (start, end) = (form.optional_text("start_ts"), form.optional_text("end_ts"));
        let timeless = form.flag("disable_event_timestamp", false);
        Box::new(move || {
            if timeless {
                return Ok((Window::Between { start: Timestamp(0), end: Timestamp::now() }, true));
            }
            let start = time("start_ts", start.as_deref())?;
            let end = time("end_ts", end.as_deref())?;
            if start >= end {
                let error = Error::invalid("start_ts must be before end_ts");
                return Err(error.with("start_ts", start).with("end_ts", end));
            }
            Ok((Window::Between { start, end }, false))
        })
    })
    .await
}

pub(super) async fn incremental(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    materialize(&app, request, |form| {
        let end = form.text("end_ts");
        Box::new(move || Ok((Window::Since { end: time("end_ts", Some(&end))? }, false)))
    })
    .await
}

/// The window of a request and whether event times count, to be known once the whole form is in order.
type Times<'a> = Box<dyn FnOnce() -> Outcome<(Window, bool)> + Send + 'a>;

async fn materialize(
    app: &Arc<App>,
    request: Request,
    read_times: for<'a> fn(&mut Form<'a>) -> Times<'a>,
) -> Result<Response, Failure> {
    declared_as_json(request.headers())?;
    let mut context = app.context(request.headers());
    context.deadline = None;
    let Run { background, force, problems } = Run::of(request.uri());
    let body = app.body(request).await?;
    let mut form = Form::parse(&body, problems)?;
    let times = read_times(&mut form);
    let asked = form.optional_texts("feature_views");
    form.flag("full_feature_names", false);
    let version = form.optional_text("version");
    form.finish()?;
    if version.is_some() {
        return Err(Error::unsupported("versions of views cannot be materialized")
            .with("field", "version")
            .into());
    }
    let views = views(&*app.store.cached_snapshot().await?, app.store.project(), asked.as_deref())?;
    let (window, disable_event_timestamp) = times()?;
    let claim = match app.jobs.claim(&views, background && !force) {
        Ok(claim) => claim,
        Err(busy) => return Ok(conflict(&busy)),
    };
    context.cancel = app.jobs.cancel(background);
    let request = MaterializeRequest { window, views: asked, disable_event_timestamp, context };
    let work = run(Arc::clone(app), request, claim);
    if background {
        app.jobs.start(async move {
            if let Err(error) = work.await {
                tracing::error!("materialization in the background: {}", error.report());
            }
        });
        return Ok(accepted(&views));
    }
    app.jobs.finish(work).await?;
    Ok(answers::json(StatusCode::OK, "null"))
}

async fn run(app: Arc<App>, request: MaterializeRequest, claim: Claim) -> Outcome<()> {
    let report = app.store.materialize(request).await?;
    drop(claim);
    for view in &report.views {
        app.metrics.materialized(view);
    }
    outcome(report)
}

/// The first failure, with how many there were.
fn outcome(report: MaterializeReport) -> Outcome<()> {
    let interrupted = report.interrupted;
    let mut failed = report.views.into_iter().filter_map(|view| Some((view.view, view.error?)));
    match failed.next() {
        Some((view, error)) => {
            let error = if error.get("view").is_some() { error } else { error.with("view", view) };
            let others = failed.count();
            Err(if others == 0 { error } else { error.with("other views that failed", others) })
        }
        None if interrupted => Err(Error::unavailable("the materialization was interrupted")),
        None => Ok(()),
    }
}

fn time(field: &'static str, text: Option<&str>) -> Outcome<Timestamp> {
    let text = text.filter(|text| !text.is_empty()).ok_or_else(|| {
        Error::invalid("start_ts and end_ts are required when disable_event_timestamp is false")
            .with("field", field)
    })?;
    Timestamp::parse(text).map_err(|error| error.with("field", field))
}

/// The views that a request is about, checked before it is accepted.
fn views(snapshot: &RegistrySnapshot, project: &str, asked: Option<&[String]>) -> Outcome<Vec<String>> {
    let Some(asked) = asked else {
        return snapshot
            .feature_views(project)
            .filter(|view| view.as_ref().map_or(true, |view| view.online && view.enabled))
            .map(|view| view.map(|view| view.name.clone()))
            .collect();
    };
    for name in asked {
        let view = snapshot.feature_view(project, name).map_err(|error| match error.kind() {
            Kind::NotFound => error.with("class", "FeatureViewNotFoundException"),
            _ => error,
        })?;
        if !view.online {
            return Err(Error::invalid("the view is not served online")
                .with("view", name)
                .with("field", "online"));
        }
    }
    Ok(asked.to_vec())
}

/// What the query says of how to run.
struct Run {
    background: bool,
    force: bool,
    problems: Vec<Problem>,
}

impl Run {
    fn of(uri: &Uri) -> Self {
        let pairs =
            Query::<Vec<(String, String)>>::try_from_uri(uri).map(|query| query.0).unwrap_or_default();
        let mut problems = Vec::new();
        let background = query_flag("async", &pairs, &mut problems);
        let force = query_flag("force", &pairs, &mut problems);
        Self { background, force, problems }
    }
}

fn accepted(views: &[String]) -> Response {
    let views = serde_json::Value::from(views);
    answers::json(StatusCode::ACCEPTED, format!(r#"{{"status":"accepted","feature_views":{views}}}"#))
}

fn conflict(busy: &[String]) -> Response {
    let error =
        format!("already being materialized: {}; ?force=true starts it all the same", busy.join(", "));
    let body = serde_json::json!({"error": error, "feature_views": busy});
    answers::json(StatusCode::CONFLICT, body.to_string())
}
