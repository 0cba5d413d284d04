//! Calls of gRPC, under the names that servers of other languages count them by.

use super::LATENCY;
use super::cells::{Counter, Histogram};
use super::text::{Text, Type};
use crate::grpc::Method;
use std::time::Duration;
use tonic::Code;

/// Number of codes of gRPC, which begin at 0.
const CODES: usize = 17;

/// What is counted of each method.
pub(super) struct GrpcMetrics([MethodMetrics; Method::ALL.len()]);

struct MethodMetrics {
    codes: [Counter; CODES],
    latency: Histogram,
}

impl GrpcMetrics {
    pub(super) fn new() -> Self {
        let new = |_| MethodMetrics { codes: Default::default(), latency: Histogram::new(LATENCY) };
        Self(std::array::from_fn(new))
    }

    pub(super) fn called(&self, method: Method, code: Code, elapsed: Duration) {
        let metrics = &self.0[method as usize];
        metrics.codes[i32::from(code) as usize].add(1);
        metrics.latency.observe(elapsed.as_secs_f64());
    }

    pub(super) fn render(&self, text: &mut Text) {
        text.family("grpc_server_handled_total", Type::Counter, "Calls of gRPC by status");
        for (method, metrics) in self.by_method() {
            for (code, counter) in metrics.codes.iter().enumerate().filter(|(_, c)| c.value() > 0) {
                let code = format!("{:?}", Code::from(code as i32));
                let labels = [labels(method)[0], labels(method)[1], ("grpc_code", code.as_str())];
                text.sample(&labels, counter.value() as f64);
            }
        }
        text.family(
            "grpc_server_handling_seconds",
            Type::Histogram,
            "From the headers of a call to its answer",
        );
        for (method, metrics) in self.by_method().filter(|(_, m)| m.codes.iter().any(|c| c.value() > 0)) {
            text.histogram(&labels(method), &metrics.latency);
        }
    }

    fn by_method(&self) -> impl Iterator<Item = (Method, &MethodMetrics)> {
        Method::ALL.into_iter().zip(&self.0)
    }
}

fn labels(method: Method) -> [(&'static str, &'static str); 2] {
    let (service, method) = method.names();
    [("grpc_service", service), ("grpc_method", method)]
}
