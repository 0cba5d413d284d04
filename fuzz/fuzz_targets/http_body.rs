//! The body of a request for online features: the quick way and the thorough one end, whatever the bytes, and agree where both have an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provender_server::fuzzing::online_body;

fuzz_target!(|body: &[u8]| online_body(body));
