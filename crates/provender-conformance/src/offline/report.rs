//! What a join says about itself.

use super::bed::{Bed, HOUR, request};
use crate::outcome::{Outcome, holds, same};
use crate::table::table;
use provender_core::offline::{JoinReport, ViewJoin, ViewReport};

fn counts(name: &str, [matched, unmatched, expired]: [u64; 3], leaked: Option<u64>) -> ViewReport {
    ViewReport { name: name.to_owned(), matched, unmatched, expired, leaked }
}

pub(super) async fn every_entity_row_is_counted_once(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10", "2 09:00 -", "- 09:00 30"]).await?;
    let other = ViewJoin { name: "short".to_owned(), ttl: Some(HOUR), ..loaded.view() };
    let spine = table(&[
        "id:i64 time:us@UTC",
        "1 10:00",
        "1 12:00",
        "2 10:00",
        "2 08:00",
        "3 10:00",
        "- 10:00",
        "1 10:00",
    ])?;
    let answered = bed.join(request(vec![loaded.view(), other], vec![spine])).await?;
    let views = vec![counts("view", [4, 3, 0], None), counts("short", [3, 3, 1], None)];
    same("report", &answered.report, &JoinReport { rows: 7, views })
}

pub(super) async fn leaks_are_counted(bed: &Bed) -> Outcome {
    let loaded = bed
        .table(&[
            "id:i64 at:us@UTC created:us@UTC value:i64",
            "1 09:00 11:00 10",
            "2 09:00 10:00 20",
            "3 09:00 - 30",
            "4 09:00 10:00:00.000001 40",
            "4 08:00 23:00 41",
        ])
        .await?;
    let spine =
        table(&["id:i64 time:us@UTC", "1 10:00", "2 10:00", "3 10:00", "4 10:00", "1 11:00", "5 10:00"])?;
    let answered = bed.join(request(vec![loaded.view()], vec![spine])).await?;
    let views = vec![counts("view", [5, 1, 0], Some(2))];
    same("report", &answered.report, &JoinReport { rows: 6, views })
}

pub(super) async fn explain_names_every_view(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC value:i64", "1 09:00 10", "2 09:00 20"]).await?;
    let other = ViewJoin { name: "other".to_owned(), ..loaded.view() };
    let spine = table(&["id:i64 time:us@UTC", "1 10:00"])?;
    let job = bed.store.store.historical(request(vec![loaded.view(), other], vec![spine])).await?;
    let explain = job.explain().await?;
    let names: Vec<&str> = explain.views.iter().map(|view| view.name.as_str()).collect();
    same("views", &names, &vec!["view", "other"])?;
    for view in &explain.views {
        holds("a plan", !view.plan.is_empty())?;
        for (all, left) in [view.files, view.row_groups, view.rows, view.bytes] {
            holds("no more is left after pruning than there was", left <= all)?;
        }
    }
    same("rows after explaining", &job.run().await?.report.rows, &1)
}
