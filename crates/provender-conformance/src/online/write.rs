//! Writing.

use super::bed::{Bed, Raw, Row, batch, keys, read_all, shown};
use crate::outcome::{Outcome, holds, refused, same};
use arrow_array::RecordBatch;
use provender_core::online::{InfraChanges, OnlineTable, OnlineWrite, WriteSummary};
use provender_core::{Kind, RequestContext};
use std::sync::Arc;

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

pub(super) async fn a_row_is_replaced_whole(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    bed.write(&table, &[Row(1, 10, Some(10), &["old", "old"])]).await?;
    bed.write(&table, &[Row(1, 20, Some(20), &["-", "new"])]).await?;
    same("row", &bed.read(&table, &[1]).await?, &strings(&["20: null new"]))
}

pub(super) async fn rewrite_is_idempotent(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    let rows = [
        Row(1, 10, Some(11), &["one", "-"]),
        Row(2, 20, None, &["two", "2"]),
        Row(1, 5, Some(50), &["older", "o"]),
        Row(2, 20, None, &["two", "2"]),
        Row(1, 10, Some(11), &["one", "-"]),
    ];
    for _ in 0..3 {
        bed.write(&table, &rows).await?;
        same("rows", &bed.read(&table, &[1, 2]).await?, &strings(&["10: one null", "20: two 2"]))?;
    }
    Ok(())
}

pub(super) async fn an_empty_batch_writes_nothing(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    same("summary", &bed.write(&table, &[]).await?, &WriteSummary::default())?;
    same("rows", &bed.read(&table, &[1]).await?, &strings(&["absent"]))
}

pub(super) async fn rows_that_do_not_fit_are_refused_whole(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["one", "1"])]).await?;
    let good = batch(&table, &[Raw::from(&Row(1, 20, None, &["new", "2"]))])?;
    let with = |position: usize, column| -> Result<RecordBatch, arrow_schema::ArrowError> {
        let mut columns: Vec<_> = good.columns().to_vec();
        columns[position] = column;
        RecordBatch::try_from_iter(["entity_key", "event", "created", "a", "b"].into_iter().zip(columns))
    };
    let text = Arc::new(arrow_array::StringArray::from(vec!["text"]));
    for (what, rows) in [
        ("a feature too few", good.project(&[0, 1, 2, 3])?),
        ("a feature too many", good.project(&[0, 1, 2, 3, 4, 4])?),
        ("no created column", good.project(&[0, 1, 3, 4])?),
        ("keys that are text", with(0, text.clone())?),
        ("times that are text", with(1, text.clone())?),
        ("values that are text", with(4, text)?),
    ] {
        let write = OnlineWrite { table: Arc::clone(&table), rows, context: RequestContext::local() };
        refused(what, bed.store.write(write).await, &[Kind::Invalid])?;
        same(format_args!("row after {what}"), &bed.read(&table, &[1]).await?, &strings(&["10: one 1"]))?;
    }
    Ok(())
}

pub(super) async fn a_write_to_an_unknown_view_is_not_found(bed: &Bed) -> Outcome {
    let table = bed.view("unheard_of", &["a"]);
    let rows = batch(&table, &[Raw::from(&Row(1, 10, None, &["one"]))])?;
    let write =
        || OnlineWrite { table: Arc::clone(&table), rows: rows.clone(), context: RequestContext::local() };
    refused("writing before any view was set up", bed.store.write(write()).await, &[Kind::NotFound])?;
    bed.set_up("stats", &["a"]).await?;
    refused("writing beside a view that was", bed.store.write(write()).await, &[Kind::NotFound])?;
    bed.keep(&[&table]).await?;
    same("rows once it is set up", &bed.read(&table, &[1]).await?, &strings(&["absent"]))
}

pub(super) async fn the_summary_counts_every_row(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    let count = |written, stale| WriteSummary { written, stale };
    let first = [
        Row(1, 10, None, &["a"]),
        Row(2, 10, None, &["b"]),
        Row(1, 9, None, &["c"]),
        Row(1, 11, None, &["d"]),
        Row(3, 10, None, &["e"]),
    ];
    same("three keys, two rows of them late", &bed.write(&table, &first).await?, &count(3, 2))?;
    let second = [Row(1, 10, None, &["f"]), Row(2, 12, None, &["g"]), Row(4, 1, None, &["h"])];
    same("one late, one newer, one new key", &bed.write(&table, &second).await?, &count(2, 1))
}

pub(super) async fn views_do_not_mix(bed: &Bed) -> Outcome {
    let views = ["stats", "stats_b", "b", "Stats2"];
    let mut tables = Vec::new();
    for view in views {
        tables.push(bed.set_up(view, &["a"]).await?);
    }
    bed.write(&tables[0], &[Row(1, 10, None, &["in-stats"])]).await?;
    bed.write(&tables[1], &[Row(1, 20, None, &["in-stats_b"])]).await?;
    for (table, line) in tables.iter().zip(["10: in-stats", "20: in-stats_b", "absent", "absent"]) {
        same(format_args!("row of {}", table.view), &bed.read(table, &[1]).await?, &strings(&[line]))?;
    }
    Ok(())
}

pub(super) async fn projects_do_not_mix(bed: &Bed) -> Outcome {
    let ours = bed.set_up("stats", &["a"]).await?;
    let project = format!("{}x", ours.project);
    let theirs = Arc::new(OnlineTable { project, ..OnlineTable::clone(&ours) });
    bed.keep(&[&theirs]).await?;
    bed.write(&ours, &[Row(1, 10, None, &["ours"]), Row(2, 10, None, &["ours"])]).await?;
    bed.write(&theirs, &[Row(1, 20, None, &["theirs"])]).await?;
    same("our rows", &bed.read(&ours, &[1, 2]).await?, &strings(&["10: ours", "10: ours"]))?;
    same("their rows", &bed.read(&theirs, &[1, 2]).await?, &strings(&["20: theirs", "absent"]))?;
    let changes = InfraChanges { drop: vec![theirs], ..InfraChanges::default() };
    bed.store.reconcile(&changes).await?;
    same("our rows once theirs are gone", &bed.read(&ours, &[1]).await?, &strings(&["10: ours"]))
}

pub(super) async fn what_is_written_stays_when_the_store_is_opened_again(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    bed.write(&table, &[Row(1, 10, Some(11), &["one", "-"])]).await?;
    let second = bed.reopen().await?;
    holds("the same promises", second.capabilities() == bed.store.capabilities())?;
    let rows = read_all(&second, &table, &keys([1, 2])).await?;
    same("rows, opened again", &shown(&rows, 2), &strings(&["10: one null", "absent"]))?;
    super::bed::write(&second, &table, &[Raw::from(&Row(1, 20, None, &["two", "2"]))]).await?;
    same("rows written by the other", &bed.read(&table, &[1]).await?, &strings(&["20: two 2"]))
}
