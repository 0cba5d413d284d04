//! Views come, change and go.

use super::bed::{Bed, Raw, Row, batch, keys, reading};
use crate::outcome::{Outcome, Stop, holds, refused, same};
use provender_core::online::{InfraChanges, OnlineTable, OnlineWrite};
use provender_core::{Kind, RequestContext};
use std::sync::Arc;

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

pub(super) async fn reconcile_twice_is_harmless(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["one"])]).await?;
    bed.keep(&[&table]).await?;
    bed.keep(&[&table, &table]).await?;
    bed.store.reconcile(&InfraChanges::default()).await?;
    same("rows", &bed.read(&table, &[1]).await?, &strings(&["10: one"]))
}

pub(super) async fn a_dropped_view_is_not_found(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["one"])]).await?;
    bed.drop(&[&table]).await?;
    let result = bed.request(vec![reading(&table, &[0], &keys([1]))]).await;
    refused("reading a dropped view", result, &[Kind::NotFound])?;
    let rows = batch(&table, &[Raw::from(&Row(1, 20, None, &["two"]))])?;
    let write = OnlineWrite { table, rows, context: RequestContext::local() };
    refused("writing to a dropped view", bed.store.write(write).await, &[Kind::NotFound]).map(drop)
}

pub(super) async fn a_dropped_view_comes_back_empty(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a"]).await?;
    bed.write(&table, &[Row(1, 10, None, &["one"])]).await?;
    bed.drop(&[&table]).await?;
    bed.keep(&[&table]).await?;
    same("rows", &bed.read(&table, &[1]).await?, &strings(&["absent"]))?;
    bed.write(&table, &[Row(1, 5, None, &["again"])]).await?;
    same(
        "an older row than the one that was dropped",
        &bed.read(&table, &[1]).await?,
        &strings(&["5: again"]),
    )
}

pub(super) async fn dropping_leaves_other_views_alone(bed: &Bed) -> Outcome {
    let gone = bed.set_up("stats", &["a"]).await?;
    let others = [bed.set_up("stats_2", &["a"]).await?, bed.set_up("a_stats", &["a"]).await?];
    for table in [&gone, &others[0], &others[1]] {
        bed.write(table, &[Row(1, 10, None, &["one"])]).await?;
    }
    bed.drop(&[&gone]).await?;
    for table in &others {
        same(format_args!("row of {}", table.view), &bed.read(table, &[1]).await?, &strings(&["10: one"]))?;
    }
    Ok(())
}

pub(super) async fn dropping_what_is_not_there_is_harmless(bed: &Bed) -> Outcome {
    let table = bed.view("unheard_of", &["a"]);
    bed.drop(&[&table]).await?;
    bed.keep(&[&table]).await?;
    bed.drop(&[&table]).await?;
    Ok(bed.drop(&[&table]).await?)
}

/// Changes the features of a view.
async fn alter(bed: &Bed, old: &Arc<OnlineTable>, features: &[&str]) -> Result<Arc<OnlineTable>, Stop> {
    let new = bed.view(&old.view, features);
    let alter = vec![(Arc::clone(old), Arc::clone(&new))];
    let changes = InfraChanges { keep: vec![Arc::clone(&new)], alter, ..InfraChanges::default() };
    bed.store.reconcile(&changes).await?;
    bed.store.reconcile(&changes).await?;
    Ok(new)
}

pub(super) async fn an_added_feature_was_never_written(bed: &Bed) -> Outcome {
    let old = bed.set_up("stats", &["b"]).await?;
    bed.write(&old, &[Row(1, 10, None, &["one"]), Row(2, 10, None, &["-"])]).await?;
    let new = alter(bed, &old, &["a", "b", "c"]).await?;
    let expected = ["10: never one never", "10: never null never", "absent"];
    same("rows after the change", &bed.read(&new, &[1, 2, 3]).await?, &strings(&expected))?;
    bed.write(&new, &[Row(1, 11, None, &["x", "y", "-"])]).await?;
    let expected = ["11: x y null", "10: never null never"];
    same("rows written after it", &bed.read(&new, &[1, 2]).await?, &strings(&expected))
}

pub(super) async fn a_removed_feature_leaves_the_others(bed: &Bed) -> Outcome {
    let old = bed.set_up("stats", &["a", "b", "c"]).await?;
    bed.write(&old, &[Row(1, 10, None, &["x", "y", "z"])]).await?;
    let new = alter(bed, &old, &["c", "a"]).await?;
    same("rows after the change", &bed.read(&new, &[1]).await?, &strings(&["10: z x"]))?;
    bed.write(&new, &[Row(1, 11, None, &["zz", "-"]), Row(2, 9, None, &["z2", "x2"])]).await?;
    same("rows written after it", &bed.read(&new, &[1, 2]).await?, &strings(&["11: zz null", "9: z2 x2"]))
}

pub(super) async fn odd_names_work_or_are_refused(bed: &Bed) -> Outcome {
    for name in
        ["with space", "quote\"d", "semi;colon", "per%cent", "grün", "a.b", "UPPER", "dash-ed", "select"]
    {
        let table = bed.view(name, &[name, "plain"]);
        match bed.keep(&[&table]).await {
            Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Unsupported) => {
                holds(format_args!("the error names it: {error}"), error.to_string().contains(name))?;
            }
            kept => {
                kept?;
                bed.write(&table, &[Row(1, 10, None, &["odd", "even"])]).await?;
                let rows = bed.read(&table, &[1]).await.map_err(|stop| stop.within(name))?;
                same(format_args!("row of {name}"), &rows, &strings(&["10: odd even"]))?;
                bed.drop(&[&table]).await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn description_names_the_view(bed: &Bed) -> Outcome {
    let text = bed.store.describe(&bed.view("driver_stats", &["a"]));
    holds(format_args!("{text:?} names the view"), text.contains("driver_stats"))
}
