use super::*;

const HOUR: i64 = 3_600_000_000;

fn row(key: Option<i128>, event: Option<i64>, created: Option<i64>) -> Row {
    Row { keys: vec![key.map_or(Cell::Null, Cell::Int)], event, created }
}

fn ask(key: Option<i128>, time: i64, ttl: Option<i64>) -> Question {
    Question {
        keys: vec![key.map_or(Cell::Null, Cell::Int)],
        time: Some(time),
        ttl,
        known_at: KnownAt::Event,
    }
}

#[test]
fn the_window_is_closed_at_both_ends() {
    let rows = [row(Some(1), Some(HOUR), None)];
    assert_eq!(winner(&rows, &ask(Some(1), HOUR, Some(HOUR))), Answer::Matched(0));
    assert_eq!(winner(&rows, &ask(Some(1), HOUR - 1, None)), Answer::Unmatched);
    assert_eq!(winner(&rows, &ask(Some(1), 2 * HOUR, Some(HOUR))), Answer::Matched(0));
    assert_eq!(winner(&rows, &ask(Some(1), 2 * HOUR + 1, Some(HOUR))), Answer::Expired);
    assert_eq!(winner(&rows, &ask(Some(1), i64::MAX, Some(0))), Answer::Matched(0));
    assert_eq!(
        winner(&[row(Some(1), Some(i64::MIN), None)], &ask(Some(1), -5, Some(i64::MAX))),
        Answer::Matched(0)
    );
}

#[test]
fn the_largest_event_then_created_then_place_wins() {
    let rows = [
        row(Some(1), Some(1), Some(9)),
        row(Some(1), Some(2), None),
        row(Some(1), Some(2), Some(1)),
        row(Some(1), Some(2), Some(1)),
        row(Some(1), Some(2), Some(-1)),
        row(Some(2), Some(2), Some(9)),
    ];
    assert_eq!(winner(&rows, &ask(Some(1), 2, None)), Answer::Matched(3));
    assert_eq!(winner(&rows[..2], &ask(Some(1), 2, None)), Answer::Matched(1));
    assert_eq!(newest(&rows, 1, 2), [3, 5]);
    assert_eq!(newest(&rows, 1, 1), [0]);
}

#[test]
fn nulls_match_nothing() {
    let rows = [row(None, Some(1), None), row(Some(1), None, Some(1))];
    assert_eq!(winner(&rows, &ask(None, 5, None)), Answer::Unmatched);
    assert_eq!(winner(&rows, &ask(Some(1), 5, None)), Answer::Unmatched);
    assert_eq!(newest(&rows, 0, 9), [] as [usize; 0]);
    let timeless = Question { time: None, ..ask(Some(1), 0, None) };
    assert_eq!(winner(&[row(Some(1), Some(1), None)], &timeless), Answer::Unmatched);
}

#[test]
fn known_at_created_leaves_out_what_came_later() {
    let rows = [row(Some(1), Some(1), None), row(Some(1), Some(2), Some(7)), row(Some(1), Some(1), Some(6))];
    let known = |time| Question { known_at: KnownAt::Created, ..ask(Some(1), time, Some(3)) };
    assert_eq!(winner(&rows, &known(3)), Answer::Matched(0));
    assert_eq!(winner(&rows, &known(6)), Answer::Expired);
    assert_eq!(winner(&rows, &Question { ttl: None, ..known(6) }), Answer::Matched(2));
    assert_eq!(winner(&rows, &Question { ttl: Some(5), ..known(7) }), Answer::Matched(1));
}
