//! Appending rows to a source.

use super::bed::{Bed, Loaded, columns, owned};
use crate::outcome::{Outcome, Stop, holds, refused, same};
use crate::table::{table, time};
use provender_core::offline::AppendRequest;
use provender_core::{Kind, RequestContext, Result};

async fn source(bed: &Bed) -> Result<Loaded, Stop> {
    bed.table(&["id:i64 at:us@UTC created:us@UTC value:i64", "1 09:00 09:00 10", "2 09:00 09:00 20"]).await
}

async fn append(bed: &Bed, loaded: &Loaded, tables: &[&[&str]]) -> Result<Result<u64>, Stop> {
    let batches = tables.iter().map(|lines| table(lines)).collect::<Result<Vec<_>>>()?;
    let request = AppendRequest { source: loaded.source.clone(), batches, context: RequestContext::local() };
    Ok(bed.store.store.append(request).await)
}

async fn rows(bed: &Bed, loaded: &Loaded) -> Result<Vec<String>, Stop> {
    let mut window = loaded.window(time("00:00")?, time("23:00")?);
    window.created_column = None;
    bed.range(window).await
}

const HEADER: &str = "id:i64 at:us@UTC created:us@UTC value:i64";

pub(super) async fn appended_rows_are_read_back(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let tables: [&[&str]; 3] =
        [&[HEADER, "1 10:00 - 11", "- - - -"], &[HEADER], &[HEADER, "3 08:00 08:00 30"]];
    same("rows appended", &append(bed, &loaded, &tables).await??, &3)?;
    let expected = [
        "1 10 2026-01-01T09:00:00Z",
        "1 11 2026-01-01T10:00:00Z",
        "2 20 2026-01-01T09:00:00Z",
        "3 30 2026-01-01T08:00:00Z",
    ];
    same("rows", &rows(bed, &loaded).await?, &owned(&expected))?;
    bed.expect(loaded.view(), &["id:i64 time:us@UTC", "1 10:00", "3 08:00", "1 09:59"], &["11", "30", "10"])
        .await
}

pub(super) async fn an_appended_row_is_the_later_one(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    for value in 11..15 {
        let row = format!("1 09:00 09:00 {value}");
        same("rows appended", &append(bed, &loaded, &[&[HEADER, &row]]).await??, &1)?;
        bed.expect(loaded.view(), &["id:i64 time:us@UTC", "1 10:00"], &[&value.to_string()]).await?;
    }
    Ok(())
}

pub(super) async fn columns_may_come_in_any_order(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let turned = ["value:i64 created:us@UTC id:i64 at:us@UTC", "11 - 1 10:00"];
    same("rows appended", &append(bed, &loaded, &[&turned]).await??, &1)?;
    bed.expect(loaded.view(), &["id:i64 time:us@UTC", "1 10:00"], &["11"]).await?;
    let schema = bed.store.store.schema(&loaded.source).await?;
    let stored = loaded.files[0].schema();
    let names = |schema: &arrow_schema::Schema| columns(schema).len();
    same("columns of the source after it", &names(&schema), &names(&stored))
}

pub(super) async fn rows_that_do_not_fit_are_refused_whole(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let before = rows(bed, &loaded).await?;
    let good: &[&str] = &[HEADER, "7 09:00 09:00 70"];
    for (bad, column) in [
        (["id:i64 at:us@UTC created:us@UTC", "8 09:00 09:00"], "value"),
        (["id:i64 at:us@UTC created:us@UTC value:i64 surplus:i64", "8 09:00 09:00 80 1"], "surplus"),
        (["id:i64 at:us@UTC created:us@UTC value:str", "8 09:00 09:00 eighty"], "value"),
    ] {
        let result = append(bed, &loaded, &[good, &bad]).await?;
        let error = refused(format_args!("appending {}", bad[0]), result, &[Kind::Invalid])?;
        holds(
            format_args!("the error names the column {column}: {error}"),
            error.to_string().contains(column),
        )?;
        same("rows after a refusal", &rows(bed, &loaded).await?, &before)?;
    }
    Ok(())
}

pub(super) async fn append_is_refused(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let result = append(bed, &loaded, &[&[HEADER, "1 10:00 - 11"]]).await?;
    refused("append that the store does not promise", result, &[Kind::Unsupported]).map(drop)
}
