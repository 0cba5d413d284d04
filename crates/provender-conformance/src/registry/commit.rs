//! Commits: what they change, and when they are refused.

use super::bed::{Bed, delete, entities, entity, put};
use crate::outcome::{Outcome, holds, refused, same};
use provender_core::Kind;
use provender_core::model::{DataSource, FileFormat, Object, ObjectKind, SourceKind};
use provender_core::registry::{Change, Version};
use std::sync::Arc;

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

pub(super) async fn a_registry_that_does_not_exist_is_empty(bed: &Bed) -> Outcome {
    let (version, snapshot) = bed.store.snapshot().await?;
    same("projects", &snapshot.project_names().count(), &0)?;
    same("objects", &snapshot.objects(bed.project()).count(), &0)?;
    same("the version, asked for again", &bed.store.snapshot().await?.0, &version)
}

pub(super) async fn a_commit_is_seen_by_the_next_snapshot(bed: &Bed) -> Outcome {
    bed.put([entity("driver", "first"), entity("city", "second")]).await?;
    same("entities", &bed.entities().await?, &strings(&["city: second", "driver: first"]))?;
    let snapshot = bed.snapshot().await?;
    let found = snapshot.entity(bed.project(), "driver")?;
    same("entity, by name", &found.join_key.as_str(), &"driver_id")?;
    let names: Vec<&str> = snapshot.project_names().collect();
    same("projects", &names, &vec![bed.project()])
}

pub(super) async fn the_version_changes_exactly_on_commit(bed: &Bed) -> Outcome {
    let mut seen: Vec<Version> = vec![bed.store.snapshot().await?.0];
    for i in 0..4 {
        // The last two commits put what is there already.
        let version = bed.put([entity("driver", &i.min(2).to_string())]).await?;
        holds(format_args!("{version:?} is a new version after {seen:?}"), !seen.contains(&version))?;
        for _ in 0..2 {
            same("version of the next snapshot", &bed.store.snapshot().await?.0, &version)?;
        }
        seen.push(version);
    }
    Ok(())
}

pub(super) async fn a_commit_from_another_base_is_a_conflict(bed: &Bed) -> Outcome {
    let (nothing, _) = bed.store.snapshot().await?;
    let invented = Version("never-was".into());
    let change = [put(bed.project(), entity("driver", "late"))];
    refused(
        "base that never was, of nothing",
        bed.store.commit(&invented, &change).await,
        &[Kind::Conflict],
    )?;
    let first = bed.put([entity("driver", "first")]).await?;
    let second = bed.put([entity("driver", "second")]).await?;
    for base in [nothing, first, invented, Version::absent()] {
        refused(format_args!("base {base:?}"), bed.store.commit(&base, &change).await, &[Kind::Conflict])?;
        let (version, _) = bed.store.snapshot().await?;
        same("version after a conflict", &version, &second)?;
    }
    same("entities", &bed.entities().await?, &strings(&["driver: second"]))
}

pub(super) async fn a_refused_commit_changes_nothing(bed: &Bed) -> Outcome {
    let base = bed.put([entity("driver", "first"), entity("city", "kept")]).await?;
    bed.put([entity("driver", "second")]).await?;
    let project = bed.project();
    let changes = [
        put(project, entity("new", "never")),
        delete(project, "city"),
        Change::DeleteProject(project.to_owned()),
    ];
    refused("several changes from an old base", bed.store.commit(&base, &changes).await, &[Kind::Conflict])?;
    same("entities", &bed.entities().await?, &strings(&["city: kept", "driver: second"]))
}

pub(super) async fn put_replaces(bed: &Bed) -> Outcome {
    bed.put([entity("driver", "first")]).await?;
    bed.put([entity("driver", "second"), entity("driver", "third")]).await?;
    same("entities", &bed.entities().await?, &strings(&["driver: third"]))
}

pub(super) async fn delete_removes_one_object(bed: &Bed) -> Outcome {
    bed.put([entity("a", ""), entity("b", ""), entity("c", "")]).await?;
    bed.commit(&[delete(bed.project(), "b")]).await?;
    same("entities", &bed.entities().await?, &strings(&["a: ", "c: "]))?;
    let snapshot = bed.snapshot().await?;
    refused("the deleted one", snapshot.entity(bed.project(), "b").cloned(), &[Kind::NotFound]).map(drop)
}

pub(super) async fn deleting_what_is_not_there_is_harmless(bed: &Bed) -> Outcome {
    bed.commit(&[delete(bed.project(), "nobody"), Change::DeleteProject("nowhere".to_owned())]).await?;
    same("entities", &bed.entities().await?, &vec![])?;
    bed.put([entity("a", "")]).await?;
    bed.commit(&[delete(bed.project(), "nobody"), delete("nowhere", "a")]).await?;
    same("entities", &bed.entities().await?, &strings(&["a: "]))
}

pub(super) async fn changes_apply_in_order(bed: &Bed) -> Outcome {
    let project = bed.project();
    bed.put([entity("gone", "old"), entity("back", "old")]).await?;
    bed.commit(&[
        put(project, entity("gone", "new")),
        delete(project, "gone"),
        delete(project, "back"),
        put(project, entity("back", "new")),
    ])
    .await?;
    same("entities", &bed.entities().await?, &strings(&["back: new"]))?;
    bed.commit(&[Change::DeleteProject(project.to_owned()), put(project, entity("alone", ""))]).await?;
    same("entities after starting over", &bed.entities().await?, &strings(&["alone: "]))
}

pub(super) async fn projects_do_not_mix(bed: &Bed) -> Outcome {
    let other = format!("{}_2", bed.project());
    bed.commit(&[put(bed.project(), entity("driver", "ours")), put(&other, entity("driver", "theirs"))])
        .await?;
    bed.commit(&[put(&other, entity("city", "theirs")), delete(bed.project(), "city")]).await?;
    let snapshot = bed.snapshot().await?;
    same("ours", &entities(&snapshot, bed.project())?, &strings(&["driver: ours"]))?;
    same("theirs", &entities(&snapshot, &other)?, &strings(&["city: theirs", "driver: theirs"]))
}

pub(super) async fn delete_project_removes_everything_in_it(bed: &Bed) -> Outcome {
    let other = format!("{}_2", bed.project());
    let mut changes: Vec<Change> =
        super::samples::objects(bed.project()).into_iter().map(|object| put(bed.project(), object)).collect();
    changes.push(put(&other, entity("driver", "theirs")));
    bed.commit(&changes).await?;
    bed.commit(&[Change::DeleteProject(bed.project().to_owned())]).await?;
    let snapshot = bed.snapshot().await?;
    same("objects of the deleted project", &snapshot.objects(bed.project()).count(), &0)?;
    same("projects", &snapshot.project_names().collect::<Vec<_>>(), &vec![other.as_str()])?;
    same("theirs", &entities(&snapshot, &other)?, &strings(&["driver: theirs"]))
}

pub(super) async fn kinds_do_not_mix(bed: &Bed) -> Outcome {
    let kind = SourceKind::File {
        path: "x".to_owned(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let source = Object::DataSource(Arc::new(DataSource::new("driver", kind)));
    bed.put([entity("driver", "an entity"), source]).await?;
    bed.commit(&[delete(bed.project(), "driver")]).await?;
    let snapshot = bed.snapshot().await?;
    same("entities", &entities(&snapshot, bed.project())?, &vec![])?;
    let sources: Vec<&str> = snapshot.list(bed.project(), ObjectKind::DataSource).map(|s| &*s.name).collect();
    same("data sources", &sources, &vec!["driver"])
}

pub(super) async fn old_snapshots_do_not_change(bed: &Bed) -> Outcome {
    bed.put([entity("driver", "first")]).await?;
    let old = bed.snapshot().await?;
    bed.put([entity("driver", "second"), entity("city", "")]).await?;
    bed.commit(&[Change::DeleteProject(bed.project().to_owned())]).await?;
    same("entities of the old snapshot", &entities(&old, bed.project())?, &strings(&["driver: first"]))
}

pub(super) async fn times_are_filled(bed: &Bed) -> Outcome {
    bed.put([entity("driver", "first")]).await?;
    let first = bed.snapshot().await?.entity(bed.project(), "driver")?.meta;
    holds("created and updated times are filled", first.created.is_some() && first.updated >= first.created)?;
    bed.put([entity("driver", "second")]).await?;
    let snapshot = bed.snapshot().await?;
    let second = snapshot.entity(bed.project(), "driver")?.meta;
    same("created time of a changed object", &second.created, &first.created)?;
    holds("its updated time is not older", second.updated >= first.updated)?;
    holds("the registry tells when it was written", snapshot.updated.is_some())
}

pub(super) async fn what_is_committed_stays_when_the_registry_is_opened_again(bed: &Bed) -> Outcome {
    let version = bed.put([entity("driver", "first")]).await?;
    let second = bed.reopen().await?;
    let (found, snapshot) = second.snapshot().await?;
    same("version", &found, &version)?;
    same("entities", &entities(&snapshot, bed.project())?, &strings(&["driver: first"]))?;
    // The first has just read, and must not go on from what it remembers.
    same("entities, as the first sees them", &bed.entities().await?, &strings(&["driver: first"]))?;
    second.commit(&version, &[put(bed.project(), entity("driver", "second"))]).await?;
    same("entities, as the first sees them", &bed.entities().await?, &strings(&["driver: second"]))?;
    let late = bed.store.commit(&version, &[put(bed.project(), entity("driver", "third"))]).await;
    refused("a commit from before the other's", late, &[Kind::Conflict]).map(drop)
}

pub(super) async fn description_says_something(bed: &Bed) -> Outcome {
    holds("a description", !bed.store.describe().is_empty())
}
