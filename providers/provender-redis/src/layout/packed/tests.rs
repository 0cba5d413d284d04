use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn packed(schema: u32, event: i64, created: Option<i64>, values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut row = Vec::new();
    put_header(&mut row, schema, Timestamp(event), created.map(Timestamp));
    values.iter().for_each(|value| put_cell(&mut row, value.as_deref()));
    row
}

#[test]
fn layout_is_as_documented() {
    let row = packed(0x0403_0201, 10, Some(9), &[Some(vec![0x20, 5]), None, Some(vec![])]);
    assert_eq!(row, [&[0x81, 1, 2, 3, 4, 10, 0, 0, 0, 0, 0, 0, 0, 1][..], &[3, 0x20, 5, 0, 1]].concat());
    assert_eq!(packed(0, 10, None, &[]).len(), 13);
}

#[test]
fn null_is_told_from_never_written() {
    let row = packed(1, 2, None, &[Some(vec![]), None]);
    let header = Header::read(&row).unwrap();
    let cells: Vec<_> = cells(&row, &header).collect();
    assert_eq!(cells, [Ok(Some(14..14)), Ok(None)]);
}

#[test]
fn unknown_versions_are_refused() {
    let mut row = packed(1, 2, None, &[]);
    row[0] = 2;
    assert_eq!(Header::read(&row), None);
}

proptest! {
    #[test]
    fn rows_come_back(schema: u32, event: i64, created: Option<i64>, values in vec(option::of(vec(any::<u8>(), 0..200)), 0..40)) {
        let row = packed(schema, event, created, &values);
        let header = Header::read(&row).unwrap();
        prop_assert_eq!((header.schema, header.event.0, header.created.map(|t| t.0)), (schema, event, created));
        let found: Vec<_> = cells(&row, &header).map(|cell| cell.unwrap().map(|range| row[range].to_vec())).collect();
        prop_assert_eq!(found, values);
    }

    #[test]
    fn any_bytes_are_read_without_panic(mut row in vec(any::<u8>(), 0..100), known: bool) {
        if let (true, Some(form)) = (known, row.first_mut()) {
            *form = VERSION | *form & HAS_CREATED;
        }
        if let Some(header) = Header::read(&row) {
            let mut end = header.len;
            for cell in cells(&row, &header) {
                let Ok(cell) = cell else { break };
                if let Some(range) = cell {
                    prop_assert!(end <= range.start && range.end <= row.len());
                    end = range.end;
                }
            }
        }
    }

    #[test]
    fn cut_rows_are_damaged_or_short_never_wrong(values in vec(vec(any::<u8>(), 0..20), 1..10), cut in 0.0..1.0f64) {
        let values: Vec<_> = values.into_iter().map(Some).collect();
        let row = packed(1, 2, Some(3), &values);
        let row = &row[..(row.len() as f64 * cut) as usize];
        let Some(header) = Header::read(row) else { return Ok(()) };
        let found: Vec<_> = cells(row, &header).collect();
        prop_assert!(found.len() < values.len() || found.iter().any(Result::is_err));
    }
}
