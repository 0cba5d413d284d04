//! Traces over OTLP, as OpenTelemetry's environment variables say:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use provender::{Error, Result};
use provender_server::{RequestTrace, ServerConfig, TraceSink, TracedCall};
use std::collections::HashMap;
use std::sync::Arc;

/// Variables that name a collector; without one nothing is traced.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Sends spans in the background.
#[derive(Debug)]
pub(crate) struct Otlp {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Otlp {
    /// Starts sending, if the environment names a collector. To be called on the runtime that carries the connection.
    ///
    /// # Errors
    /// `Invalid` for settings that the exporter does not take.
    fn start() -> Result<Option<Arc<Self>>> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        if off || !ENDPOINTS.iter().any(|name| set(name).is_some()) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_tonic().build().map_err(|error| {
            Error::invalid("cannot send traces with these settings")
                .with("field", "OTEL_EXPORTER_OTLP_*")
                .because(error)
        })?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let is_named = set("OTEL_SERVICE_NAME").is_some()
            || set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.contains("service.name="));
        if !is_named {
            resource = resource.with_service_name("provender");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("provender");
        Ok(Some(Arc::new(Self { provider, tracer })))
    }

    /// The configuration of a server whose requests are traced, if the environment names a collector.
    ///
    /// # Errors
    /// As [`Otlp::start`].
    pub(crate) fn trace(mut config: ServerConfig) -> Result<(ServerConfig, Option<Arc<Self>>)> {
        let traces = Self::start()?;
        if let Some(traces) = &traces {
            config.traces = Some(Arc::<Self>::clone(traces));
        }
        Ok((config, traces))
    }

    /// Sends what has not been sent. Blocks, for as long as the exporter's timeout at most.
    pub(crate) fn finish(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!("the last traces were not sent: {error}");
        }
    }

    fn parent(trace: &RequestTrace) -> Context {
        let headers = [("traceparent", &trace.traceparent), ("tracestate", &trace.tracestate)];
        let headers: HashMap<String, String> =
            headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
        TraceContextPropagator::new().extract_with_context(&Context::new(), &headers)
    }
}

impl TraceSink for Otlp {
    fn record(&self, trace: RequestTrace) {
        let parent = Self::parent(&trace);
        let span = SpanBuilder::from_name(name(&trace.call))
            .with_kind(SpanKind::Server)
            .with_start_time(trace.started)
            .with_attributes(attributes(&trace));
        let mut span = self.tracer.build_with_context(span, &parent);
        if !span.is_recording() {
            return;
        }
        if is_our_failure(&trace.call) {
            span.set_status(Status::error(""));
        }
        let context = parent.with_span(span);
        for stage in trace.stages {
            let child = SpanBuilder::from_name(stage.name).with_start_time(stage.started);
            self.tracer.build_with_context(child, &context).end_with_timestamp(stage.ended);
        }
        context.span().end_with_timestamp(trace.ended);
    }
}

fn name(call: &TracedCall) -> String {
    match call {
        TracedCall::Http { method, path, .. } => format!("{method} {path}"),
        TracedCall::Grpc { service, method, .. } => format!("{service}/{method}"),
    }
}

/// Names are those of OpenTelemetry's semantic conventions where it has one.
fn attributes(trace: &RequestTrace) -> Vec<KeyValue> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut attributes = vec![KeyValue::new("provender.project", trace.project.clone())];
    match &trace.call {
        TracedCall::Http { method, path, status } => attributes.extend([
            KeyValue::new("http.request.method", method.clone()),
            KeyValue::new("http.route", *path),
            KeyValue::new("http.response.status_code", i64::from(*status)),
        ]),
        TracedCall::Grpc { service, method, code } => attributes.extend([
            KeyValue::new("rpc.system", "grpc"),
            KeyValue::new("rpc.service", *service),
            KeyValue::new("rpc.method", *method),
            KeyValue::new("rpc.grpc.status_code", i64::from(*code)),
        ]),
    }
    attributes
        .extend(trace.feature_service.clone().map(|name| KeyValue::new("provender.feature_service", name)));
    attributes.extend(trace.features.map(|number| KeyValue::new("provender.features", count(number))));
    attributes.extend(trace.rows.map(|number| KeyValue::new("provender.rows", count(number))));
    attributes
}

/// Whether the server failed, and not the client: the statuses that the semantic conventions call errors of a server's span.
fn is_our_failure(call: &TracedCall) -> bool {
    match call {
        TracedCall::Http { status, .. } => *status >= 500,
        // unknown, deadline exceeded, unimplemented, internal, unavailable, data loss
        TracedCall::Grpc { code, .. } => matches!(code, 2 | 4 | 12 | 13 | 14 | 15),
    }
}
