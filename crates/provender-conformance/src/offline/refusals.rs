//! What an offline store says about a source, and how it refuses what cannot be done.

use super::bed::{Bed, Loaded, missing, request};
use crate::outcome::{Outcome, Stop, holds, refused, same};
use crate::table::{table, time};
use provender_core::model::{DataSource, SourceKind};
use provender_core::offline::ViewJoin;
use provender_core::{Error, Kind};

const SPINE: &[&str] = &["id:i64 time:us@UTC", "1 10:00"];

async fn source(bed: &Bed) -> Result<Loaded, Stop> {
    bed.table(&["id:i64 at:us@UTC created:us@UTC value:i64", "1 09:00 09:00 10"]).await
}

/// The error of a join, whether it comes when it is prepared or when it runs.
async fn refusal(bed: &Bed, view: ViewJoin, spine: &[&str], kind: Kind) -> Result<Error, Stop> {
    let result = bed.attempt(request(vec![view], vec![table(spine)?])).await;
    refused("a join that cannot be done", result, &[kind])
}

fn names(error: &Error, word: &str) -> Outcome {
    holds(format_args!("the error names {word}: {error}"), error.to_string().contains(word))
}

pub(super) async fn schema_is_that_of_the_source(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    holds("the store reads what it loaded", bed.store.store.reads(&loaded.source))?;
    let schema = bed.store.store.schema(&loaded.source).await?;
    let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    same("columns", &found, &vec!["id", "at", "created", "value"])
}

pub(super) async fn a_missing_column_is_named(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let mut broken = vec![loaded.view(), loaded.view(), loaded.view(), loaded.view()];
    broken[0].keys[0].column = "nobody".to_owned();
    broken[1].features[0].column = "nobody".to_owned();
    broken[2].event_column = "nobody".to_owned();
    broken[3].created_column = Some("nobody".to_owned());
    for view in broken {
        let error = refusal(bed, view, SPINE, Kind::Invalid).await?;
        names(&error, "nobody")?;
        names(&error, &loaded.source.name)?;
    }
    let mut window = loaded.window(time("00:00")?, time("23:00")?);
    window.features[0].column = "nobody".to_owned();
    let latest = bed.store.store.latest(window.clone()).await;
    names(&refused("a scan of a missing column", latest, &[Kind::Invalid])?, "nobody")?;
    let range = bed.store.store.range(window).await;
    names(&refused("a scan of a missing column", range, &[Kind::Invalid])?, "nobody")
}

pub(super) async fn a_missing_spine_column_is_named(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let without_key =
        refusal(bed, loaded.view(), &["driver:i64 time:us@UTC", "1 10:00"], Kind::Invalid).await?;
    names(&without_key, "id")?;
    let without_time = refusal(bed, loaded.view(), &["id:i64 when:us@UTC", "1 10:00"], Kind::Invalid).await?;
    names(&without_time, "time")
}

pub(super) async fn an_event_column_that_is_no_time_is_named(bed: &Bed) -> Outcome {
    let loaded = bed.table(&["id:i64 at:us@UTC flag:bool value:i64", "1 09:00 true 10"]).await?;
    let view = ViewJoin { event_column: "flag".to_owned(), ..loaded.view() };
    names(&refusal(bed, view, SPINE, Kind::Invalid).await?, "flag")?;
    let spine = ["id:i64 time:bool", "1 true"];
    names(&refusal(bed, loaded.view(), &spine, Kind::Invalid).await?, "time")
}

pub(super) async fn an_unknown_source_is_not_found(bed: &Bed) -> Outcome {
    let loaded = source(bed).await?;
    let nowhere = missing(&loaded)?;
    let store = &bed.store.store;
    refused("its schema", store.schema(&nowhere).await, &[Kind::NotFound])?;
    refusal(bed, ViewJoin { source: nowhere.clone(), ..loaded.view() }, SPINE, Kind::NotFound).await?;
    let mut window = loaded.window(time("00:00")?, time("23:00")?);
    window.source = nowhere;
    refused("its newest rows", store.latest(window.clone()).await, &[Kind::NotFound])?;
    refused("its rows", store.range(window).await, &[Kind::NotFound]).map(drop)
}

pub(super) async fn foreign_sources_are_not_read(bed: &Bed) -> Outcome {
    let store = &bed.store.store;
    let request = DataSource::new("request", SourceKind::Request { schema: Vec::new() });
    let class = "acme.Unheard".to_owned();
    let other = SourceKind::Other { source_type: 8, class, options: None };
    holds("values of a request are not read", !store.reads(&request))?;
    holds("a source of an unknown class is not read", !store.reads(&DataSource::new("other", other)))
}
