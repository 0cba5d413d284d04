//! What `get-historical-features` prints.

use super::Found;
use super::preview::Summary;
use crate::app::App;
use crate::output::{self, bytes, count, plural};
use provender::engine::TrainingAudit;
use provender::offline::{AGE_BOUNDS, Explain, JoinReport, Pruned, ViewExplain, ViewReport};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The plan of a join.
pub(super) fn explain(app: &App, explain: &Explain) {
    if app.json() {
        let pruned = |p: &Pruned| json!({ "what": p.what, "by": p.by, "count": p.count });
        let view = |v: &ViewExplain| {
            let pruned: Vec<_> = v.pruned.iter().map(pruned).collect();
            let pair = |(all, read): (u64, u64)| json!({ "all": all, "read": read });
            json!({ "name": v.name, "plan": v.plan, "files": pair(v.files), "row_groups": pair(v.row_groups), "rows": pair(v.rows), "bytes": pair(v.bytes), "pruned": pruned })
        };
        output::json(
            &json!({ "memory_bytes": explain.memory_bytes, "views": explain.views.iter().map(view).collect::<Vec<_>>() }),
        );
        return;
    }
    let of = |(all, read): (u64, u64)| format!("{} of {}", count(read), count(all));
    let row = |v: &ViewExplain| {
        let pruned = if v.bytes.0 == 0 { 0.0 } else { 100.0 - 100.0 * v.bytes.1 as f64 / v.bytes.0 as f64 };
        vec![
            v.name.clone(),
            v.plan.clone(),
            of(v.files),
            of(v.row_groups),
            of(v.rows),
            format!("{} of {}", bytes(v.bytes.1), bytes(v.bytes.0)),
            format!("{pruned:.0} %"),
        ]
    };
    let rows: Vec<_> = explain.views.iter().map(row).collect();
    output::table(
        &["view", "plan", "files", "row groups", "rows", "bytes", "pruned"],
        &rows,
        &[2, 3, 4, 5, 6],
    );
    for view in &explain.views {
        for Pruned { what, by, count: left_out } in &view.pruned {
            output::line(&format!("{}: {} {what} left out by {by}", view.name, count(*left_out)));
        }
    }
    output::line(&format!("predicted memory: {}", bytes(explain.memory_bytes)));
}

/// A finished training set, for people.
pub(super) fn print(found: &Found, elapsed: Duration, out: Option<&Path>) {
    let Found { summary, report, audit, manifest } = found;
    let share = |part: u64| {
        if report.rows == 0 {
            "-".to_owned()
        } else {
            format!("{:.1} %", 100.0 * part as f64 / report.rows as f64)
        }
    };
    let row = |v: &ViewReport| {
        let leaked =
            v.leaked.map_or_else(|| "no created time".to_owned(), |n| format!("{} ({})", count(n), share(n)));
        vec![
            v.name.clone(),
            format!("{} ({})", count(v.matched), share(v.matched)),
            count(v.unmatched),
            count(v.expired),
            leaked,
        ]
    };
    let views: Vec<_> = report.views.iter().map(row).collect();
    output::table(&["view", "matched", "unmatched", "expired", "leaked"], &views, &[1, 2, 3, 4]);
    if report.views.iter().any(|v| v.leaked.is_some_and(|n| n > 0)) {
        output::line(
            "leaked: the value was written after the row's time; --known-at created leaves such values out",
        );
    }
    closer_look(report, audit);
    output::line("");
    let nulls = |(i, field): (usize, &std::sync::Arc<arrow_schema::Field>)| {
        vec![
            field.name().clone(),
            field.data_type().to_string(),
            if summary.rows == 0 {
                "-".to_owned()
            } else {
                format!("{:.1} %", 100.0 * summary.nulls[i] as f64 / summary.rows as f64)
            },
            audit.changed(field.name()).map(count).unwrap_or_default(),
        ]
    };
    let columns: Vec<_> = summary.schema.fields().iter().enumerate().map(nulls).collect();
    if columns.iter().any(|column| !column[3].is_empty()) {
        output::table(&["column", "type", "null", "changes"], &columns, &[2, 3]);
        output::line("changes: values that the other --known-at would change");
    } else {
        let columns: Vec<_> = columns.into_iter().map(|column| column[..3].to_vec()).collect();
        output::table(&["column", "type", "null"], &columns, &[2]);
    }
    output::line("");
    sample(summary);
    output::line(&format!("{} in {:.2} s", plural(summary.rows, "row"), elapsed.as_secs_f64()));
    if let Some(out) = out {
        output::line(&format!("written to {}", out.display()));
    }
    if let Some(manifest) = manifest {
        output::line(&format!("manifest in {manifest}"));
    }
}

/// How old the values are.
fn closer_look(report: &JoinReport, audit: &TrainingAudit) {
    for (view, seen) in report.views.iter().enumerate().filter_map(|(i, v)| Some((v, audit.view(i)?))) {
        let names = AGE_BOUNDS.iter().map(|(_, name)| format!("up to {name}")).chain(["older".to_owned()]);
        let ages = names.zip(seen.ages()).filter(|(_, rows)| *rows > 0);
        let ages: Vec<_> = ages.map(|(name, rows)| format!("{name} {}", count(rows))).collect();
        if !ages.is_empty() {
            output::line(&format!("{}: age of the values: {}", view.name, ages.join(", ")));
        }
    }
}

/// The same for programs.
fn look_json(audit: &TrainingAudit, view: usize) -> Value {
    let Some(seen) = audit.view(view) else { return Value::Null };
    let ages = seen.ages();
    let bounded = AGE_BOUNDS
        .iter()
        .zip(ages)
        .map(|((bound, _), rows)| json!({ "seconds": bound / 1_000_000, "rows": rows }));
    let older = ages[AGE_BOUNDS.len()];
    json!({ "ages": bounded.collect::<Vec<_>>(), "older": older })
}

/// The first rows side by side, as many as fit, with a line for each column.
fn sample(summary: &Summary) {
    let mut rows = match summary.sample() {
        Ok(rows) if !rows.is_empty() => rows,
        Ok(_) => return,
        Err(error) => return output::problem(&error),
    };
    let names: Vec<&String> = summary.schema.fields().iter().map(|field| field.name()).collect();
    let widest =
        |cells: &mut dyn Iterator<Item = &String>| cells.map(|c| c.chars().count()).max().unwrap_or(0);
    let mut widths = vec![widest(&mut names.iter().copied())];
    widths.extend(rows.iter().map(|row| widest(&mut row.iter())));
    rows.truncate(output::fitting(&widths).saturating_sub(1).max(1));
    let mut header = vec!["first rows".to_owned()];
    header.extend((1..=rows.len()).map(|n| n.to_string()));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let line = |(i, name): (usize, &&String)| {
        std::iter::once((*name).clone()).chain(rows.iter().map(|row| row[i].clone())).collect::<Vec<_>>()
    };
    let lines: Vec<_> = names.iter().enumerate().map(line).collect();
    output::table(&header, &lines, &[]);
    output::line("");
}

/// A finished training set, for programs.
pub(super) fn to_json(found: &Found, elapsed: Duration, out: Option<&Path>) -> Value {
    let Found { summary, report, audit, manifest } = found;
    let view = |(i, v): (usize, &ViewReport)| json!({ "name": v.name, "matched": v.matched, "unmatched": v.unmatched, "expired": v.expired, "leaked": v.leaked, "audit": look_json(audit, i) });
    let column = |(i, field): (usize, &std::sync::Arc<arrow_schema::Field>)| json!({ "name": field.name(), "type": field.data_type().to_string(), "nulls": summary.nulls[i], "changed": audit.changed(field.name()) });
    json!({
        "rows": summary.rows,
        "seconds": elapsed.as_secs_f64(),
        "out": out.map(|p| p.display().to_string()),
        "manifest": manifest,
        "views": report.views.iter().enumerate().map(view).collect::<Vec<_>>(),
        "columns": summary.schema.fields().iter().enumerate().map(column).collect::<Vec<_>>(),
        "first_rows": summary.sample().unwrap_or_default(),
    })
}
