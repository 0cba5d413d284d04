//! What `replay` prints.

use super::Told;
use crate::app::App;
use crate::output::{self, count, plural};
use provender::engine::replay::{DifferentBlock, DifferentCell};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What was found, in the form that was asked for.
pub(super) fn show(app: &App, told: &Told, elapsed: Duration) {
    if app.json() { output::json(&to_json(told, elapsed)) } else { print(told, elapsed) }
}

fn print(told: &Told, elapsed: Duration) {
    let verdict = &told.verdict;
    let seconds = elapsed.as_secs_f64();
    if verdict.equal {
        output::line(&format!(
            "equal: {}, content hash {} ({seconds:.2} s)",
            plural(verdict.rows.1, "row"),
            verdict.hashes.1
        ));
        if let (Some(cell), Some(path)) = (&verdict.altered, &told.compared) {
            output::line(&format!("but {path} holds other values than were written to it"));
            print_cell(cell, "in the file", "built again");
        }
        return;
    }
    output::line(&format!(
        "different: content hash {} instead of {} ({seconds:.2} s)",
        verdict.hashes.1, verdict.hashes.0
    ));
    if verdict.rows.0 != verdict.rows.1 {
        output::line(&format!("{} instead of {}", plural(verdict.rows.1, "row"), count(verdict.rows.0)));
    }
    if !verdict.same_entity_rows {
        output::line("the entity rows are not those of the manifest");
    }
    verdict.columns.iter().for_each(|what| output::line(&format!("column {what}")));
    if let Some(DifferentBlock { first, last, columns }) = &verdict.block {
        output::line(&format!(
            "first differing block: rows {} to {}, columns {}",
            count(*first),
            count(*last),
            columns.join(", ")
        ));
    }
    match &verdict.cell {
        Some(cell) => print_cell(cell, "was", "is"),
        None if told.compared.is_none() => {
            output::line("the rows that were written then are not there to compare with cell by cell");
        }
        None => {}
    }
}

fn print_cell(cell: &DifferentCell, before: &str, now: &str) {
    let entity: Vec<_> = cell.entity.iter().map(|(name, value)| format!("{name} {value}")).collect();
    output::line(&format!(
        "first differing cell: row {} ({}), column {}",
        count(cell.row),
        entity.join(", "),
        cell.column
    ));
    output::line(&format!("  {before}: {}", cell.before));
    output::line(&format!("  {now}: {}", cell.now));
}

fn to_json(told: &Told, elapsed: Duration) -> Value {
    let verdict = &told.verdict;
    let pair = |before: Value, now: Value| json!({ "manifest": before, "replay": now });
    let block =
        |b: &DifferentBlock| json!({ "first_row": b.first, "last_row": b.last, "columns": b.columns });
    json!({
        "equal": verdict.equal && verdict.altered.is_none(),
        "matches_manifest": verdict.equal,
        "rows": pair(verdict.rows.0.into(), verdict.rows.1.into()),
        "content_hash": pair(verdict.hashes.0.as_str().into(), verdict.hashes.1.as_str().into()),
        "same_entity_rows": verdict.same_entity_rows,
        "columns": verdict.columns,
        "block": verdict.block.as_ref().map(block),
        "cell": verdict.cell.as_ref().map(cell_json),
        "altered": verdict.altered.as_ref().map(cell_json),
        "compared_with": told.compared,
        "warnings": told.warnings,
        "seconds": elapsed.as_secs_f64(),
    })
}

fn cell_json(cell: &DifferentCell) -> Value {
    let entity: Map<String, Value> =
        cell.entity.iter().map(|(n, v)| (n.clone(), v.as_str().into())).collect();
    json!({ "row": cell.row, "column": cell.column, "entity": entity, "before": cell.before, "now": cell.now })
}
