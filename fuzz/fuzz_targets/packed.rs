//! A packed row of Redis with any bytes: the cells lie within it and none is behind damage; written again with the same cells, it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provender_redis::packed::{Header, cells, put_cell, put_header};

fuzz_target!(|row: &[u8]| {
    let Some(header) = Header::read(row) else { return };
    assert!(header.len <= row.len());
    let mut copy = Vec::new();
    put_header(&mut copy, header.schema, header.event, header.created);
    let mut found = Vec::new();
    let mut damaged = false;
    for cell in cells(row, &header) {
        assert!(!damaged, "nothing follows damage");
        match cell {
            Ok(place) => {
                let value = place.map(|place| &row[place]);
                put_cell(&mut copy, value);
                found.push(value);
            }
            Err(_) => damaged = true,
        }
    }
    let again = Header::read(&copy).expect("own header is read");
    assert_eq!((again.schema, again.event, again.created), (header.schema, header.event, header.created));
    let read: Vec<_> = cells(&copy, &again).map(|cell| cell.expect("own cells are whole")).collect();
    let read: Vec<_> = read.into_iter().map(|place| place.map(|place| &copy[place])).collect();
    assert_eq!(read, found);
});
