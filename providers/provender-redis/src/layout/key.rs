//! Keys: an entity key, then the project's name, without anything between.

use provender_core::ValueType;

/// Where all entity keys of some join keys begin the same.
pub(crate) fn prefix(join_keys: &[String]) -> Vec<u8> {
    let mut names: Vec<&str> = join_keys.iter().map(String::as_str).collect();
    names.sort_unstable();
    let mut bytes = (names.len() as u32).to_le_bytes().to_vec();
    for name in names {
        bytes.extend((ValueType::STRING.0 as u32).to_le_bytes());
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes
}

/// The pattern for SCAN that finds the keys of some join keys and a project, and some more: also those of a project whose name ends so.
pub(crate) fn pattern(prefix: &[u8], project: &str) -> Vec<u8> {
    let mut pattern = escaped(prefix);
    pattern.push(b'*');
    pattern.extend(escaped(project.as_bytes()));
    pattern
}

/// Whether a key is of these join keys and exactly this project. The values tell how long they are, so their end is known.
pub(crate) fn is_of(key: &[u8], prefix: &[u8], project: &str) -> bool {
    let Some(rest) = key.strip_prefix(prefix) else { return false };
    let names = prefix.first_chunk().map_or(0, |count| u32::from_le_bytes(*count));
    after_values(rest, names) == Some(project.as_bytes())
}

fn after_values(mut rest: &[u8], values: u32) -> Option<&[u8]> {
    for _ in 0..values {
        let (_kind, tail) = rest.split_first_chunk::<4>()?;
        let (len, tail) = tail.split_first_chunk()?;
        rest = tail.get(usize::try_from(u32::from_le_bytes(*len)).ok()?..)?;
    }
    Some(rest)
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::{EntityKeyEncoder, EntityKeys, KeyValue};

    fn key(names: &[&str], values: &[&str], project: &str) -> Vec<u8> {
        let encoder = EntityKeyEncoder::new(names.iter().map(|name| (*name, ValueType::STRING))).unwrap();
        let mut keys = EntityKeys::default();
        assert!(encoder.push(&mut keys, |i| KeyValue::Text(values[i])).unwrap());
        [keys.key(0), project.as_bytes()].concat()
    }

    fn prefix_of(names: &[&str]) -> Vec<u8> {
        prefix(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn prefix_is_how_the_keys_begin_whatever_the_order() {
        let one = key(&["b", "a"], &["x", "y"], "shop");
        assert!(one.starts_with(&prefix_of(&["b", "a"])));
        assert_eq!(prefix_of(&["b", "a"]), prefix_of(&["a", "b"]));
    }

    #[test]
    fn projects_that_end_the_same_are_told_apart() {
        let id = prefix_of(&["id"]);
        assert!(is_of(&key(&["id"], &["x"], "shop"), &id, "shop"));
        assert!(!is_of(&key(&["id"], &["x"], "bookshop"), &id, "shop"));
        assert!(!is_of(&key(&["id"], &["xshop"], ""), &id, "shop"));
        assert!(!is_of(&key(&["id", "b"], &["x", "y"], "shop"), &id, "shop"));
    }

    #[test]
    fn cut_keys_are_of_nobody() {
        let whole = key(&["id"], &["value"], "shop");
        for end in 0..whole.len() {
            assert!(!is_of(&whole[..end], &prefix_of(&["id"]), "shop"));
        }
        assert!(!is_of(b"", b"", "shop"));
    }

    #[test]
    fn wildcards_of_a_name_are_escaped() {
        assert_eq!(pattern(b"a*[", "s?p\\"), br"a\*\[*s\?p\\");
    }
}
