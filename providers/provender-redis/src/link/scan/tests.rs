use super::*;
use proptest::prelude::*;

const LF: &[u8] = b"\r\n";

/// A reply as Redis writes it.
fn reply(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", values.len()).into_bytes();
    for value in values {
        match value {
            None => out.extend_from_slice(b"$-1\r\n"),
            Some(v) => out.extend([format!("${}\r\n", v.len()).as_bytes(), v, LF].concat()),
        }
    }
    out
}

/// The values that a scan has found, by their bytes.
fn found(scan: &Scan, bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let bytes = |c: &Cell| bytes[c.0 as usize..(c.0 + c.1) as usize].to_vec();
    scan.cells.iter().map(|c| (*c != NO_CELL).then(|| bytes(c))).collect()
}

fn owned(values: &[Option<&[u8]>]) -> Vec<Option<Vec<u8>>> {
    values.iter().map(|v| v.map(<[u8]>::to_vec)).collect()
}

#[test]
fn replies_cut_anywhere_give_the_same_values() {
    let big = vec![7; 1234];
    let rows: [&[Option<&[u8]>]; 2] =
        [&[Some(b"ab"), None, Some(b"")], &[Some(b"\r\n$1\r\n"), Some(&big), None]];
    let bytes = [reply(rows[0]), reply(rows[1])].concat();
    for cut in 0..bytes.len() {
        let mut scan = Scan::default();
        assert_eq!(scan.feed(&bytes[..cut], &[Section::new(2, 3)]), Ok(false), "cut at {cut}");
        assert_eq!(scan.feed(&bytes, &[Section::new(2, 3)]), Ok(true), "cut at {cut}");
        assert_eq!(found(&scan, &bytes), owned(&rows.concat()));
        assert_eq!(scan.position, bytes.len());
    }
}

#[test]
fn what_follows_the_last_reply_is_left_alone() {
    let bytes = [reply(&[Some(b"a")]), b"-ERR for the next".to_vec()].concat();
    let mut scan = Scan::default();
    assert_eq!(scan.feed(&bytes, &[Section::new(1, 1)]), Ok(true));
    assert_eq!((scan.position, scan.errors.len()), (bytes.len() - 17, 0));
}

#[test]
fn an_error_takes_the_place_of_one_reply() {
    let error = b"-WRONGTYPE Operation against a key\r\n";
    let bytes = [&reply(&[Some(b"a"), Some(b"b")])[..], error, &reply(&[None, Some(b"d")])].concat();
    for cut in 0..bytes.len() {
        let mut scan = Scan::default();
        assert_eq!(scan.feed(&bytes[..cut], &[Section::new(3, 2)]), Ok(false));
        assert_eq!(scan.feed(&bytes, &[Section::new(3, 2)]), Ok(true));
        assert_eq!(found(&scan, &bytes), owned(&[Some(b"a"), Some(b"b"), None, None, None, Some(b"d")]));
        let (row, text) = scan.errors[0].clone();
        assert_eq!((row, &bytes[text]), (1, &b"WRONGTYPE Operation against a key"[..]));
    }
}

#[test]
fn sections_have_their_own_width_and_errors_count_over_all() {
    let bytes = [&reply(&[Some(b"a")])[..], &reply(&[None, None]), b"-LOADING x\r\n"].concat();
    let mut scan = Scan::default();
    assert_eq!(scan.feed(&bytes, &[Section::new(1, 1), Section::new(0, 9), Section::new(2, 2)]), Ok(true));
    assert_eq!((scan.cells.len(), scan.errors[0].0), (5, 2));
}

#[test]
fn answers_to_asking_are_passed_over() {
    let section = Section { asking: true, ..Section::new(2, 1) };
    let bytes = [b"+OK\r\n", &reply(&[Some(b"a")])[..], b"+OK\r\n-TRYAGAIN\r\n"].concat();
    for cut in 0..bytes.len() {
        let mut scan = Scan::default();
        assert_eq!(scan.feed(&bytes[..cut], &[section]), Ok(false));
        assert_eq!(scan.feed(&bytes, &[section]), Ok(true));
        assert_eq!(found(&scan, &bytes), owned(&[Some(b"a"), None]));
        assert_eq!(scan.errors.len(), 1);
    }
}

#[test]
fn what_is_not_such_a_reply_is_a_surprise() {
    for bytes in [
        &b"+OK\r\n"[..],
        b":1\r\n",
        b"*2\r\n$1\r\na\r\n",
        b"*-1\r\n",
        b"*x\r\n",
        b"*1\r\n:1\r\n",
        b"*1\r\n$-2\r\n",
        b"*1\r\n$1\r\nabc",
        b"*1\r\n$1\nabc",
        b"*1\r\n$99999999999\r\n",
        b"*1\r\n$0000000000000000000000000000000",
        b"%1\r\n",
    ] {
        let answer = Scan::default().feed(bytes, &[Section::new(1, 1)]);
        assert!(answer.is_err(), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn endless_error_lines_are_a_surprise() {
    let bytes = [b"-".to_vec(), vec![b'x'; LONGEST_ERROR]].concat();
    assert!(Scan::default().feed(&bytes, &[Section::new(1, 1)]).is_err());
    assert_eq!(Scan::default().feed(&bytes[..100], &[Section::new(1, 1)]), Ok(false));
}

fn values() -> impl Strategy<Value = Vec<Vec<Option<Vec<u8>>>>> {
    let value = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30));
    (1..5usize).prop_flat_map(move |width| {
        proptest::collection::vec(proptest::collection::vec(value.clone(), width), 1..6)
    })
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_values(rows in values(), cuts in proptest::collection::vec(0..2000usize, 0..20)) {
        let bytes: Vec<u8> = rows.iter().flat_map(|r| reply(&r.iter().map(Option::as_deref).collect::<Vec<_>>())).collect();
        let sections = [Section::new(rows.len(), rows[0].len())];
        let mut cuts: Vec<_> = cuts.into_iter().filter(|c| *c < bytes.len()).collect();
        cuts.sort_unstable();
        let mut scan = Scan::default();
        for cut in cuts {
            prop_assert_eq!(scan.feed(&bytes[..cut], &sections), Ok(false));
        }
        prop_assert_eq!(scan.feed(&bytes, &sections), Ok(true));
        prop_assert_eq!(found(&scan, &bytes), rows.concat());
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), asking: bool) {
        let _ = Scan::default().feed(&bytes, &[Section { rows: 3, width: 2, asking }]);
    }

    #[test]
    fn spoiled_replies_never_panic_nor_point_outside(rows in values(), at in 0..500usize, with: u8) {
        let mut bytes: Vec<u8> = rows.iter().flat_map(|r| reply(&r.iter().map(Option::as_deref).collect::<Vec<_>>())).collect();
        let at = at % bytes.len();
        bytes[at] = with;
        let mut scan = Scan::default();
        let _ = scan.feed(&bytes, &[Section::new(rows.len(), rows[0].len())]);
        for cell in scan.cells.iter().filter(|c| **c != NO_CELL) {
            prop_assert!((cell.0 + cell.1) as usize <= bytes.len());
        }
    }
}
