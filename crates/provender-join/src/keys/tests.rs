use super::*;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int8Array, Int32Array, LargeStringArray, StringArray, StringViewArray, TimestampMillisecondArray,
    UInt16Array, UInt64Array, types::Int32Type,
};
use arrow_schema::DataType;
use std::sync::Arc;

fn columns(arrays: &[ArrayRef]) -> (Vec<KeyValues>, usize) {
    let rows = arrays[0].len();
    (arrays.iter().map(|a| KeyValues::exact(a).unwrap().narrowed()).collect(), rows)
}

/// Groups of a spine, and what a source's rows find in it.
#[expect(clippy::needless_pass_by_value, reason = "the callers build the columns in place")]
fn find(spine: Vec<ArrayRef>, source: Vec<ArrayRef>) -> (Vec<u32>, Vec<u32>) {
    let (index, groups) = KeyIndex::build(&[columns(&spine)]).unwrap();
    let rows = source[0].len();
    let source: Vec<_> = source.iter().map(|a| KeyValues::of(a).unwrap()).collect();
    let mut found = vec![99];
    index.look_up(&source, rows, &mut found);
    (groups, found)
}

const NO: u32 = NO_GROUP;

#[test]
fn integers_of_any_width_and_sign_match() {
    let spine = || Arc::new(Int64Array::from(vec![Some(7), Some(-3), None, Some(7)])) as ArrayRef;
    let (groups, found) = find(vec![spine()], vec![Arc::new(Int8Array::from(vec![-3, 7, 0]))]);
    assert_eq!((groups, found), (vec![0, 1, NO, 0], vec![1, 0, NO]));
    assert_eq!(find(vec![spine()], vec![Arc::new(UInt16Array::from(vec![7, 8]))]).1, [0, NO]);
    assert_eq!(find(vec![spine()], vec![Arc::new(UInt64Array::from(vec![7, u64::MAX - 2]))]).1, [0, NO]);
    assert_eq!(
        find(vec![spine()], vec![Arc::new(Float64Array::from(vec![7.0, 7.5, f64::NAN]))]).1,
        [0, NO, NO]
    );
    let decimals = Decimal128Array::from(vec![700, 750, -300]).with_precision_and_scale(10, 2).unwrap();
    assert_eq!(find(vec![spine()], vec![Arc::new(decimals)]).1, [0, NO, 1]);
}

#[test]
fn scattered_integers_use_the_map_and_agree() {
    let spine = Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, 0, i64::MAX]));
    let (groups, found) = find(vec![spine], vec![Arc::new(Int64Array::from(vec![i64::MAX, 1, i64::MIN]))]);
    assert_eq!((groups, found), (vec![0, 1, 2, 1], vec![1, NO, 0]));
}

#[test]
fn integers_beyond_i64_match_only_themselves() {
    let big = u64::MAX - 6;
    let spine = || Arc::new(UInt64Array::from(vec![big, 5])) as ArrayRef;
    assert_eq!(find(vec![spine()], vec![spine()]).1, [0, 1]);
    assert_eq!(find(vec![spine()], vec![Arc::new(Int64Array::from(vec![big as i64, 5]))]).1, [NO, 1]);
}

#[test]
fn text_matches_in_every_encoding() {
    let spine = || Arc::new(StringArray::from(vec![Some("a"), None, Some("ü"), Some("")])) as ArrayRef;
    let words = vec!["ü", "x", "a"];
    assert_eq!(find(vec![spine()], vec![Arc::new(LargeStringArray::from(words.clone()))]).1, [2 - 1, NO, 0]);
    assert_eq!(find(vec![spine()], vec![Arc::new(StringViewArray::from(words.clone()))]).1, [1, NO, 0]);
    let dictionary: DictionaryArray<Int32Type> = words.clone().into_iter().collect();
    assert_eq!(find(vec![spine()], vec![Arc::new(dictionary)]).1, [1, NO, 0]);
    let binary = BinaryArray::from_iter_values(words);
    assert_eq!(find(vec![spine()], vec![Arc::new(binary)]).1, [1, NO, 0]);
}

#[test]
fn composite_keys_need_every_part() {
    let spine: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("a"), Some("ab"), Some("a"), None])),
        Arc::new(StringArray::from(vec![Some("bc"), Some("c"), None, Some("c")])),
    ];
    let source: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["ab", "a", "a"])),
        Arc::new(StringViewArray::from(vec![Some("c"), Some("bc"), None])),
    ];
    assert_eq!(find(spine, source), (vec![0, 1, NO, NO], vec![1, 0, NO]));
    let spine: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![1, 1])), Arc::new(BooleanArray::from(vec![true, false]))];
    let source: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(BooleanArray::from(vec![false, true]))];
    assert_eq!(find(spine, source).1, [1, NO]);
}

#[test]
fn instants_match_across_units_and_dates() {
    let spine = Arc::new(Date32Array::from(vec![1]));
    let source = TimestampMillisecondArray::from(vec![86_400_000, 1]).with_timezone("UTC");
    assert_eq!(find(vec![spine], vec![Arc::new(source)]).1, [0, NO]);
}

#[test]
fn without_key_columns_every_row_is_in_the_one_group() {
    let (index, groups) = KeyIndex::build(&[(vec![], 2), (vec![], 1)]).unwrap();
    assert_eq!(groups, [0, 0, 0]);
    let mut found = Vec::new();
    index.look_up(&[], 4, &mut found);
    assert_eq!(found, [0; 4]);
}

#[test]
fn a_spine_key_that_is_not_whole_is_refused_and_nan_is_null() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]));
    let whole = KeyValues::exact(&floats).unwrap().to_whole().unwrap();
    assert_eq!(whole, Int64Array::from(vec![Some(1), None, None]));
    let half: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
    assert!(KeyValues::exact(&half).unwrap_err().to_string().contains("not a whole number"));
    let list = DataType::new_list(DataType::Int64, true);
    assert_eq!(KeyClass::of(&list), None);
    assert!(KeyClass::Null.matches(KeyClass::Bytes) && !KeyClass::Integer.matches(KeyClass::Bytes));
}

#[test]
fn ranges_overlap_or_say_nothing() {
    let whole = KeyRange::Whole(1, 5);
    assert!(whole.overlaps(&KeyRange::Whole(5, 9)) && !whole.overlaps(&KeyRange::Whole(6, 9)));
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("m"), None, Some("c")]));
    let range = KeyValues::of(&text).unwrap().range().unwrap();
    assert_eq!(range, KeyRange::Bytes(b"c".to_vec(), b"m".to_vec()));
    assert!(!range.overlaps(&KeyRange::Bytes(b"n".to_vec(), b"z".to_vec())) && range.overlaps(&whole));
}
