//! JSON in one form only, so that its hash means something: keys sorted by their bytes, nothing between tokens.

use super::content::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of the canonical form, in hexadecimal.
pub(crate) fn digest(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    hex(&Sha256::digest(text.as_bytes()))
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, value)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter_and_that_of_items_does() {
        let one: Value = serde_json::from_str(r#"{"b": [1, 2], "a": {"x": null, "ä": "\n"}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"a":{"ä":"\n","x":null},"b":[1,2]}"#).unwrap();
        assert_eq!(digest(&one), digest(&two));
        assert_ne!(digest(&one), digest(&json!({"b": [2, 1], "a": {"x": null, "ä": "\n"}})));
        let mut text = String::new();
        write(&one, &mut text);
        assert_eq!(text, r#"{"a":{"x":null,"ä":"\n"},"b":[1,2]}"#);
    }
}
