//! What a packed row's fingerprint stands for: the names and types of its values.

use super::murmur3::murmur3;
use super::varint::{put_varint, take_varint};
use provender_core::ValueType;

/// Names and types of the values of a packed row, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    features: Vec<(String, ValueType)>,
}

impl Schema {
    pub(crate) fn new(features: &[(String, ValueType)]) -> Self {
        Self { features: features.to_vec() }
    }

    /// The bytes that are kept: for each feature the type, the length of the name and the name.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        bytes_of(&self.features)
    }

    /// Reads [`Schema::to_bytes`]. `None` if they are nothing of the kind.
    pub(crate) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut features = Vec::new();
        while !bytes.is_empty() {
            let value_type = u32::try_from(take_varint(&mut bytes)?).ok()?;
            let len = usize::try_from(take_varint(&mut bytes)?).ok()?;
            let (name, rest) = bytes.split_at_checked(len)?;
            features.push((std::str::from_utf8(name).ok()?.to_owned(), ValueType(value_type as i32)));
            bytes = rest;
        }
        Some(Self { features })
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.features.len()
    }

    /// Where the value of a feature is, if the row has one of that name and type.
    pub(crate) fn position(&self, name: &str, value_type: ValueType) -> Option<usize> {
        self.features.iter().position(|(n, t)| n == name && *t == value_type)
    }
}

/// What a row is marked with that holds the values of these features in this order.
pub(crate) fn fingerprint(features: &[(String, ValueType)]) -> u32 {
    murmur3(&bytes_of(features))
}

fn bytes_of(features: &[(String, ValueType)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value_type) in features {
        put_varint(&mut bytes, u64::from(value_type.0 as u32));
        put_varint(&mut bytes, name.len() as u64);
        bytes.extend_from_slice(name.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn features(names: &[(&str, ValueType)]) -> Vec<(String, ValueType)> {
        names.iter().map(|(name, value_type)| ((*name).to_owned(), *value_type)).collect()
    }

    #[test]
    fn names_types_and_order_make_another_fingerprint() {
        let all = [
            features(&[("a", ValueType::INT64), ("b", ValueType::STRING)]),
            features(&[("b", ValueType::STRING), ("a", ValueType::INT64)]),
            features(&[("a", ValueType::INT32), ("b", ValueType::STRING)]),
            features(&[("a", ValueType::INT64)]),
            features(&[]),
        ];
        for (i, one) in all.iter().enumerate() {
            for (j, other) in all.iter().enumerate() {
                assert_eq!(fingerprint(one) == fingerprint(other), i == j);
            }
        }
    }

    #[test]
    fn same_name_of_another_type_is_another_feature() {
        let schema = Schema::new(&features(&[("a", ValueType::INT64), ("b", ValueType::STRING)]));
        assert_eq!(schema.position("b", ValueType::STRING), Some(1));
        assert_eq!(schema.position("b", ValueType::INT64), None);
    }

    proptest! {
        #[test]
        fn schemas_come_back(features in proptest::collection::vec((".{0,20}", 0..100i32), 0..20)) {
            let features: Vec<_> = features.into_iter().map(|(name, t)| (name, ValueType(t))).collect();
            let schema = Schema::new(&features);
            prop_assert_eq!(Schema::read(&schema.to_bytes()), Some(schema));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Schema::read(&bytes);
        }
    }
}
