//! Calls of one message in and one out, as HTTP/2 carries them: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use futures::future::ready;
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use tonic::Status;

/// Before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// The message of a request.
pub(super) fn message(body: &[u8]) -> Result<&[u8], Status> {
    let Some(([compressed, length @ ..], message)) = body.split_first_chunk::<PREFIX>() else {
        return Err(Status::invalid_argument("the call has no message"));
    };
    if *compressed != 0 {
        return Err(Status::unimplemented(
            "compressed messages are not taken; send them with the encoding identity",
        ));
    }
    if u32::from_be_bytes(*length) as usize != message.len() {
        return Err(Status::invalid_argument("the call is not one whole message"));
    }
    Ok(message)
}

/// A message behind its prefix, from what writes it.
pub(super) fn frame(write: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, Status> {
    let mut frame = vec![0; PREFIX];
    write(&mut frame);
    let length = u32::try_from(frame.len() - PREFIX).map_err(|_| {
        Status::resource_exhausted("the answer is larger than gRPC can carry; ask in several requests")
    })?;
    frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// The answer of a call that went well.
pub(super) fn respond(frame: Vec<u8>) -> Response<Body> {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(frame)).with_trailers(ready(Some(Ok::<_, Infallible>(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    response
}

/// The answer of a call that did not.
pub(super) fn refuse(status: Status) -> Response<Body> {
    status.into_http()
}
