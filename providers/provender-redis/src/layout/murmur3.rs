//! MurmurHash3, x86, 32 bits: the hash that Feast names fields with.
//!
//! Algorithm: Austin Appleby, <https://github.com/aappleby/smhasher/wiki/MurmurHash3> (public domain).

/// The hash of some bytes with seed 0.
pub(crate) fn murmur3(bytes: &[u8]) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0;
    for block in blocks {
        hash = (hash ^ scrambled(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    // Without a tail this mixes in 0, which changes nothing.
    hash ^= scrambled(u32::from_le_bytes(last));
    finished(hash ^ bytes.len() as u32)
}

fn scrambled(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

fn finished(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors_hold() {
        for (text, hash) in [
            ("", 0),
            ("test", 0xba6b_d213),
            ("Hello, world!", 0xc036_3e43),
            ("The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
        ] {
            assert_eq!(murmur3(text.as_bytes()), hash, "{text:?}");
        }
        assert_eq!(murmur3(&[0xff; 4]), 0x7629_3b50);
        assert_eq!(murmur3(&[0x21, 0x43, 0x65, 0x87]), 0xf55b_516b);
        assert_eq!(murmur3(&[0x21, 0x43, 0x65]), 0x7e4a_8634);
        assert_eq!(murmur3(&[0x21, 0x43]), 0xa0f7_b07a);
        assert_eq!(murmur3(&[0x21]), 0x7266_1cf4);
    }
}
