//! Value bytes as a store may hold them: reading, writing as JSON and decoding into Arrow end, whatever the bytes; what is written is JSON, and what
//! is decoded and encoded has bytes of its own, which come back the same.
#![no_main]

use arrow_array::{Array, BinaryArray};
use libfuzzer_sys::fuzz_target;
use provender_core::ValueType;
use provender_core::value::{NonFinite, decode, encode, read, to_text, write_json};
use serde::de::IgnoredAny;

fuzz_target!(|bytes: &[u8]| {
    let _ = (read(bytes), to_text(bytes));
    for non_finite in [NonFinite::Null, NonFinite::Error] {
        let mut json = Vec::new();
        if write_json(bytes, non_finite, &mut json).is_ok() {
            serde_json::from_slice::<IgnoredAny>(&json).expect("what is written is JSON");
        }
    }
    let column = BinaryArray::from_vec(vec![bytes, b""]);
    for value_type in ValueType::all() {
        let Ok(decoded) = decode(&column, value_type) else { continue };
        assert_eq!(decoded.len(), 2);
        if let Ok(encoded) = encode(&decoded, value_type) {
            let ours = decode(&encoded, value_type).expect("own bytes are decoded");
            let again = encode(&ours, value_type).expect("what was encoded is encoded again");
            // Our own bytes, since maps of others may be in any order.
            assert_eq!(encoded, again, "{value_type:?}");
        }
    }
});
