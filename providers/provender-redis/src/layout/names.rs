//! Names of the fields of an entity's hash.

use super::murmur3::murmur3;

/// The field of a feature, in Feast's layout: 4 bytes.
pub(crate) fn feature_field(view: &str, feature: &str) -> [u8; 4] {
    murmur3(format!("{view}:{feature}").as_bytes()).to_le_bytes()
}

/// The field of a view's event time, in Feast's layout.
pub(crate) fn time_field(view: &str) -> Vec<u8> {
    [b"_ts:", view.as_bytes()].concat()
}

/// The field of a view's created time, beside Feast's layout; Feast never looks at it.
pub(crate) fn created_field(view: &str) -> Vec<u8> {
    [b"_cr:", view.as_bytes()].concat()
}

/// The field of a view in the packed layout: 5 bytes, so that none of Feast's can be equal.
pub(crate) fn packed_field(view: &str) -> [u8; 5] {
    let [a, b, c, d] = murmur3(view.as_bytes()).to_le_bytes();
    [b'@', a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_as_feast_names_them() {
        assert_eq!(feature_field("driver_hourly_stats", "conv_rate"), [0x61, 0x60, 0xe3, 0xda]);
        assert_eq!(time_field("driver_hourly_stats"), b"_ts:driver_hourly_stats");
    }

    #[test]
    fn packed_field_is_none_of_feasts() {
        let field = packed_field("v");
        assert_eq!((field.len(), field[0]), (5, b'@'));
        assert_ne!(packed_field("v"), packed_field("w"));
    }
}
