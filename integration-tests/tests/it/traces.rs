//! Traces over OTLP, received by a collector of the test's own.

use crate::support::{CONFIGURATION, DRIVERS, Repo, Server};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, async_trait};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Listens on a free port, until the runtime ends.
    fn start(&self, runtime: &Runtime) -> String {
        let _guard = runtime.enter();
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let service = TraceServiceServer::new(self.clone());
        runtime.spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        format!("http://{address}")
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    fn service_name(&self) -> Value {
        let requests = self.0.lock().unwrap();
        value(&requests[0].resource_spans[0].resource.as_ref().unwrap().attributes, "service.name")
    }
}

fn value(attributes: &[KeyValue], key: &str) -> Value {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found.unwrap_or_else(|| panic!("no {key}: {attributes:?}")).value.clone().unwrap().value.unwrap()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

/// A read of the service `model` for two drivers, with a trace of the client's.
fn ask(server: &Server, flags: &str) {
    let body = r#"{"feature_service":"model","entities":{"driver_id":[1,2]}}"#;
    let headers = format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n");
    assert_eq!(server.ask_with(&headers, "POST", "/get-online-features", body).status, 200);
}

fn repo() -> Repo {
    let repo = Repo::new(CONFIGURATION, DRIVERS);
    repo.ok(&["apply", "--skip-source-validation"]);
    repo
}

#[test]
fn spans_of_a_request_reach_the_collector_before_the_server_ends() {
    let runtime = Runtime::new().unwrap();
    let collector = Collector::default();
    let endpoint = collector.start(&runtime);
    let repo = repo();
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_SERVICE_NAME", "shop")];
    let server = Server::run(repo.folder(), &["serve", "--port", "0"], &environment);
    ask(&server, "01");
    assert_eq!(server.get("/health").0, 200);
    assert!(server.stop().success());

    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let named = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}: {names:?}"))
    };
    let root = named("POST /get-online-features");
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!((hex(&root.trace_id), hex(&root.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(root.kind(), SpanKind::Server);
    assert_eq!(value(&root.attributes, "http.response.status_code"), Value::IntValue(200));
    assert_eq!(value(&root.attributes, "provender.project"), text("p"));
    assert_eq!(value(&root.attributes, "provender.feature_service"), text("model"));
    assert_eq!(value(&root.attributes, "provender.rows"), Value::IntValue(2));
    for stage in ["parse", "store", "encode"] {
        let child = named(stage);
        assert_eq!((&child.trace_id, &child.parent_span_id), (&root.trace_id, &root.span_id), "{stage}");
        assert!(root.start_time_unix_nano <= child.start_time_unix_nano, "{stage}");
        assert!(child.end_time_unix_nano <= root.end_time_unix_nano, "{stage}");
    }
    assert_eq!(spans.len(), 4, "health is not traced: {names:?}");
    assert_eq!(collector.service_name(), text("shop"));
}

#[test]
fn what_the_client_or_the_sampler_leaves_out_is_not_sent() {
    let runtime = Runtime::new().unwrap();
    let collector = Collector::default();
    let endpoint = collector.start(&runtime);
    let repo = repo();
    let environment = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str())];
    let server = Server::run(repo.folder(), &["serve", "--port", "0"], &environment);
    ask(&server, "00");
    assert!(server.stop().success());
    let off = [environment[0], ("OTEL_TRACES_SAMPLER", "always_off")];
    let server = Server::run(repo.folder(), &["serve", "--port", "0"], &off);
    ask(&server, "01");
    assert!(server.stop().success());
    assert!(collector.spans().is_empty());
}
