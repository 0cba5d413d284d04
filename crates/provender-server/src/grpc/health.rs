//! `grpc.health.v1.Health`: what `/health` says, asked over gRPC.

use crate::app::App;
use crate::jobs::Phase;
use futures::stream::{BoxStream, StreamExt, unfold};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often a status that somebody watches is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The services that have a status; without a name it is the server's.
const SERVICES: [&str; 3] = ["", "GrpcFeatureServer", "feast.serving.ServingService"];

pub(super) fn service(app: Arc<App>) -> HealthServer<AppHealth> {
    HealthServer::new(AppHealth(app))
}

pub(super) struct AppHealth(Arc<App>);

#[async_trait]
impl Health for AppHealth {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_known(&request.get_ref().service) {
            return Err(Status::not_found("the server has no such service"));
        }
        Ok(Response::new(answer(status(&self.0).await)))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    /// The status now and whenever it changes, until the server stops.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watch =
            Watch { app: Arc::clone(&self.0), known: is_known(&request.get_ref().service), told: None };
        Ok(Response::new(unfold(watch, Watch::next).boxed()))
    }
}

fn is_known(service: &str) -> bool {
    SERVICES.contains(&service)
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

async fn status(app: &App) -> ServingStatus {
    match timeout(app.limits.answer, app.store.cached_snapshot()).await {
        Ok(Ok(_)) if *app.jobs.subscribe().borrow() == Phase::Serving => ServingStatus::Serving,
        _ => ServingStatus::NotServing,
    }
}

/// What a watcher was told last.
struct Watch {
    app: Arc<App>,
    known: bool,
    told: Option<ServingStatus>,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<HealthCheckResponse, Status>, Self)> {
        let mut phase = self.app.jobs.subscribe();
        loop {
            if self.told == Some(ServingStatus::NotServing) && *phase.borrow_and_update() != Phase::Serving {
                return None;
            }
            let status = match self.known {
                true => status(&self.app).await,
                false => ServingStatus::ServiceUnknown,
            };
            if self.told != Some(status) {
                self.told = Some(status);
                return Some((Ok(answer(status)), self));
            }
            tokio::select! {
                _ = phase.changed() => if !self.known { return None },
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}
