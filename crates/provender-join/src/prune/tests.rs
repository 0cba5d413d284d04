use super::part::{Part, intersect};
use proptest::prelude::*;
use std::ops::Range;

fn part(total: u32, ranges: &[Range<u32>]) -> Part {
    let mut part = Part::of(3, total);
    part.cut(ranges);
    part
}

#[test]
fn rows_of_a_part_keep_their_numbers_across_batches() {
    let part = part(100, &[2..5, 10..12, 40..50]);
    assert_eq!(part.rows(), 15);
    let mut numbers = part.numbers();
    assert_eq!(numbers.next(4), [(0..3, 2), (3..4, 10)]);
    assert_eq!(numbers.next(5), [(0..1, 11), (1..5, 40)]);
    assert_eq!(numbers.next(6), [(0..6, 44)]);
    assert_eq!(numbers.next(0), []);
}

#[test]
fn a_part_that_is_nearly_whole_is_read_whole() {
    let part = part(100, &[0..50, 51..100]);
    assert!(part.selection().is_none());
    let mut numbers = part.numbers();
    assert_eq!((numbers.next(60), numbers.next(40)), (vec![(0..60, 0)], vec![(0..40, 60)]));
}

proptest! {
    #[test]
    fn shared_ranges_hold_the_shared_rows(a in proptest::collection::btree_set(0_u32..40, 0..20), b in proptest::collection::btree_set(0_u32..40, 0..20)) {
        let ranges = |rows: &std::collections::BTreeSet<u32>| rows.iter().map(|row| *row..row + 1).collect::<Vec<_>>();
        let shared: Vec<u32> = intersect(&ranges(&a), &ranges(&b)).into_iter().flatten().collect();
        prop_assert_eq!(shared, a.intersection(&b).copied().collect::<Vec<_>>());
    }
}
