//! `grpc.reflection`, by which tools such as grpcurl learn the messages of a server.

use provender_proto::DESCRIPTORS;
use tonic::service::Routes;
use tonic_reflection::server::Builder;

/// Adds both versions of the service. The descriptors are embedded and a test reads them; were they damaged, the server would serve without reflection.
pub(super) fn add(routes: Routes) -> Routes {
    let routes = match builder().build_v1() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    };
    match builder().build_v1alpha() {
        Ok(service) => routes.add_service(service),
        Err(_) => routes,
    }
}

fn builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
