use super::*;

fn times(rows: usize) -> Vec<Option<Timestamp>> {
    vec![Some(Timestamp(1)); rows]
}

#[test]
fn views_of_one_reply_share_cells_and_bytes() {
    let data = Bytes::from_static(b"abcd");
    // Two rows of: view 1 with one feature, view 2 with two.
    let cells = Arc::new(vec![(0, 1), NO_CELL, (1, 1), (2, 2), (4, 0), (0, 4)]);
    let place = |first, features| CellPlace { first, stride: 3, features };
    let one = ViewRows::within(data.clone(), times(2), Arc::clone(&cells), place(0, 1)).unwrap();
    let two = ViewRows::within(data, vec![None, Some(Timestamp(2))], cells, place(1, 2)).unwrap();
    assert_eq!((one.len(), one.cell(0, 0), one.cell(1, 0)), (2, Some(&b"a"[..]), Some(&b"cd"[..])));
    assert_eq!((two.cell(0, 0), two.cell(0, 1)), (None, Some(&b"b"[..])));
    assert_eq!((two.time(0), two.time(1)), (None, Some(Timestamp(2))));
    assert_eq!((two.cell(1, 0), two.cell(1, 1)), (Some(&b""[..]), Some(&b"abcd"[..])));
}

#[test]
fn cells_outside_of_the_buffer_or_missing_are_refused() {
    let refused = |cells: Vec<Cell>, rows, place| {
        let made = ViewRows::within(Bytes::from_static(b"ab"), times(rows), Arc::new(cells), place);
        assert_eq!(made.unwrap_err().kind(), crate::Kind::Internal);
    };
    let place = CellPlace { first: 0, stride: 1, features: 1 };
    refused(vec![(1, 2)], 1, place);
    refused(vec![(3, 0)], 1, place);
    refused(vec![(u32::MAX, 1)], 1, place);
    refused(vec![(0, 1)], 2, place);
    refused(vec![(0, 1), (0, 1)], 1, CellPlace { first: 1, stride: 2, features: 2 });
    assert!(ViewRows::new(Bytes::new(), 2, times(1), [None]).is_err());
}

#[test]
#[should_panic(expected = "no such cell")]
fn a_cell_of_the_next_view_is_out_of_reach() {
    let place = CellPlace { first: 0, stride: 2, features: 1 };
    let cells = Arc::new(vec![(0, 1), (0, 1)]);
    let rows = ViewRows::within(Bytes::from_static(b"a"), times(1), cells, place).unwrap();
    let _ = rows.cell(0, 1);
}
