//! MurmurHash3, x64, 128 bits, seed 0: by it Feast's DynamoDB layout names an entity. The algorithm is Austin Appleby's, in the public domain.

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// The digest's 16 bytes: both halves as little-endian numbers.
pub(crate) fn hash128(data: &[u8]) -> [u8; 16] {
    let (mut a, mut b) = (0u64, 0u64);
    let (blocks, tail) = data.as_chunks::<16>();
    for block in blocks {
        let (low, high) = halves(block);
        a = (a ^ mix_low(low)).rotate_left(27).wrapping_add(b).wrapping_mul(5).wrapping_add(0x52dc_e729);
        b = (b ^ mix_high(high)).rotate_left(31).wrapping_add(a).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let mut last = [0; 16];
    last[..tail.len()].copy_from_slice(tail);
    let (low, high) = halves(&last);
    // What is past the end is zero, and zero mixes to zero.
    a ^= mix_low(low);
    b ^= mix_high(high);
    let length = data.len() as u64;
    (a, b) = crossed(a ^ length, b ^ length);
    (a, b) = crossed(finished(a), finished(b));
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&a.to_le_bytes());
    digest[8..].copy_from_slice(&b.to_le_bytes());
    digest
}

fn halves(block: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

fn mix_low(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn mix_high(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn crossed(a: u64, b: u64) -> (u64, u64) {
    let a = a.wrapping_add(b);
    (a, b.wrapping_add(a))
}

fn finished(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}
