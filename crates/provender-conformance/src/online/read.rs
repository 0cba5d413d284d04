//! Reading.

use super::bed::{Bed, Raw, Row, key, keys, read_all, reading, seconds, shown, typed_key, write};
use crate::outcome::{Outcome, refused, same};
use provender_core::model::DUMMY_JOIN_KEY;
use provender_core::online::OnlineTable;
use provender_core::{EntityKeys, KeyValue, Kind, ValueType};
use std::sync::Arc;

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

pub(super) async fn rows_follow_keys(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    bed.write(
        &table,
        &[Row(1, 10, None, &["one"]), Row(2, 20, None, &["two"]), Row(3, 30, None, &["three"])],
    )
    .await?;
    let found = bed.read(&table, &[3, 1, 2, 3, 1]).await?;
    same("rows", &found, &strings(&["30: three", "10: one", "20: two", "30: three", "10: one"]))
}

pub(super) async fn missing_key_is_absent(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    same("rows before any write", &bed.read(&table, &[1, 2]).await?, &strings(&["absent", "absent"]))?;
    bed.write(&table, &[Row(2, 20, None, &["two", "-"])]).await?;
    let rows = read_all(&bed.store, &table, &keys([1, 2, 3])).await?;
    same("rows", &shown(&rows, 2), &strings(&["absent", "20: two null", "absent"]))?;
    same("cell of an absent row", &rows.cell(0, 0), &None)
}

pub(super) async fn null_is_not_absence(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["-", "-"]), Row(2, 20, None, &["-", "two"])]).await?;
    same("rows", &bed.read(&table, &[1, 2]).await?, &strings(&["10: null null", "20: null two"]))
}

pub(super) async fn features_follow_the_request(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["d", "a", "c", "b"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["dd", "aa", "cc", "bb"])]).await?;
    for (features, line) in [
        (&[3, 0][..], "10: bb dd"),
        (&[1], "10: aa"),
        (&[2, 1, 0, 3], "10: cc aa dd bb"),
        (&[0, 1, 2, 3], "10: dd aa cc bb"),
    ] {
        let rows = bed.request(vec![reading(&table, features, &keys([1, 7]))]).await?.remove(0);
        same(
            format_args!("features {features:?}"),
            &shown(&rows, features.len()),
            &strings(&[line, "absent"]),
        )?;
    }
    Ok(())
}

pub(super) async fn many_views_are_read_at_once(bed: &Bed) -> Outcome {
    let mut reads = Vec::new();
    for i in 0..12i64 {
        let table = bed.set_up(&format!("stats_{i}"), &["a", "b"]).await?;
        let rows = [key(1), key(i + 2)].map(|key| Raw {
            key,
            event: seconds(i),
            created: None,
            cells: vec![Vec::new(), crate::generate::values::text_value(&format!("v{i}"))],
        });
        write(&bed.store, &table, &rows).await?;
        reads.push(reading(&table, &[1], &keys([i + 2, 99, 1])));
    }
    let views = bed.request(reads).await?;
    let found: Vec<_> = views.iter().map(|rows| shown(rows, 1)).collect();
    let expected: Vec<_> =
        (0..12).map(|i| vec![format!("{i}: v{i}"), "absent".to_owned(), format!("{i}: v{i}")]).collect();
    same("views", &found, &expected)
}

pub(super) async fn views_may_share_keys(bed: &Bed) -> Outcome {
    let first = bed.set_up("first", &["a"]).await?;
    let second = bed.set_up("second", &["a"]).await?;
    bed.write(&first, &[Row(1, 10, None, &["one"])]).await?;
    bed.write(&second, &[Row(2, 20, None, &["two"])]).await?;
    let shared = keys([1, 2]);
    let views = bed.request(vec![reading(&first, &[0], &shared), reading(&second, &[0], &shared)]).await?;
    let found: Vec<_> = views.iter().map(|rows| shown(rows, 1)).collect();
    same("views", &found, &vec![strings(&["10: one", "absent"]), strings(&["absent", "20: two"])])
}

pub(super) async fn one_view_may_be_read_twice(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["a1", "b1"]), Row(2, 20, None, &["a2", "b2"])]).await?;
    let reads = vec![reading(&table, &[1], &keys([2, 1])), reading(&table, &[0, 1], &keys([1]))];
    let views = bed.request(reads).await?;
    same("first", &shown(&views[0], 1), &strings(&["20: b2", "10: b1"]))?;
    same("second", &shown(&views[1], 2), &strings(&["10: a1 b1"]))
}

pub(super) async fn nothing_asked_is_nothing_answered(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["one"])]).await?;
    same("views of an empty request", &bed.request(Vec::new()).await?.len(), &0)?;
    let views =
        bed.request(vec![reading(&table, &[0], &keys([])), reading(&table, &[0], &keys([1]))]).await?;
    same("rows", &views.iter().map(|rows| rows.len()).collect::<Vec<_>>(), &vec![0, 1])
}

/// More keys than one statement or batch of most stores takes.
pub(super) async fn thousands_of_keys_are_read_at_once(bed: &Bed) -> Outcome {
    const KEYS: i64 = 2_500;
    let table = bed.set_up("stats", &["a"]).await?;
    let rows: Vec<Raw> = (0..KEYS)
        .step_by(2)
        .map(|id| Raw {
            key: key(id),
            event: seconds(id),
            created: None,
            cells: vec![crate::generate::values::text_value(&id.to_string())],
        })
        .collect();
    write(&bed.store, &table, &rows).await?;
    let rows = read_all(&bed.store, &table, &keys((0..KEYS).rev())).await?;
    let expected: Vec<_> = (0..KEYS)
        .rev()
        .map(|id| if id % 2 == 0 { format!("{id}: {id}") } else { "absent".to_owned() })
        .collect();
    same("rows", &shown(&rows, 1), &expected)
}

pub(super) async fn keys_are_told_apart_by_every_byte(bed: &Bed) -> Outcome {
    use ValueType as V;
    let table = bed.set_up("stats", &["a"]).await?;
    let text =
        |name: &'static str, value: &'static str| typed_key(&[(name, V::STRING, KeyValue::Text(value))]);
    let all = [
        key(1),
        key(256),
        key(-1),
        key(i64::MAX),
        typed_key(&[("id", V::INT32, KeyValue::Int(1))]),
        text("id", ""),
        text("id", "a"),
        text("id", "A"),
        text("id", "a "),
        text("id", "grün"),
        text("id", "1"),
        text("ID", "a"),
        typed_key(&[("id", V::BYTES, KeyValue::Bytes(&[0]))]),
        typed_key(&[("id", V::BYTES, KeyValue::Bytes(&[0, 0]))]),
        typed_key(&[("id", V::BYTES, KeyValue::Bytes(&[255, 39, 34, 92]))]),
        typed_key(&[("id", V::STRING, KeyValue::Text("a")), ("id2", V::INT64, KeyValue::Int(1))]),
    ];
    let row = |i: usize, key: &Vec<u8>| Raw {
        key: key.clone(),
        event: seconds(i as i64),
        created: None,
        cells: vec![crate::generate::values::text_value(&format!("v{i}"))],
    };
    let rows: Vec<Raw> = all.iter().enumerate().map(|(i, key)| row(i, key)).collect();
    write(&bed.store, &table, &rows).await?;
    let rows = read_all(&bed.store, &table, &Arc::new(all.iter().collect::<EntityKeys>())).await?;
    let expected: Vec<_> = (0..all.len()).map(|i| format!("{i}: v{i}")).collect();
    same("rows", &shown(&rows, 1), &expected)
}

pub(super) async fn a_view_without_entity_has_one_row(bed: &Bed) -> Outcome {
    let stats = bed.view("stats", &["a"]);
    let table =
        Arc::new(OnlineTable { join_keys: vec![DUMMY_JOIN_KEY.to_owned()], ..OnlineTable::clone(&stats) });
    bed.keep(&[&table]).await?;
    let key = typed_key(&[]);
    let row = |text: &str, event| Raw {
        key: key.clone(),
        event: seconds(event),
        created: None,
        cells: vec![crate::generate::values::text_value(text)],
    };
    write(&bed.store, &table, &[row("first", 1)]).await?;
    write(&bed.store, &table, &[row("second", 2)]).await?;
    let rows = read_all(&bed.store, &table, &Arc::new([&key, &key].into_iter().collect())).await?;
    same("rows", &shown(&rows, 1), &strings(&["2: second", "2: second"]))
}

pub(super) async fn an_unknown_view_is_not_found(bed: &Bed) -> Outcome {
    let unknown = bed.view("unheard_of", &["a"]);
    let result = bed.request(vec![reading(&unknown, &[0], &keys([1]))]).await;
    refused("reading a view that was never set up", result, &[Kind::NotFound])?;
    let table = bed.set_up("stats", &["a"]).await?;
    let views = vec![reading(&table, &[0], &keys([1])), reading(&unknown, &[0], &keys([1]))];
    refused("reading it beside one that was", bed.request(views).await, &[Kind::NotFound]).map(drop)
}
