//! Several writers and readers at once.

use super::Store;
use super::bed::{Bed, commit_until_done, entities, entity, put};
use crate::outcome::{Outcome, Stop, holds, same};
use provender_core::Kind;
use provender_core::model::ObjectKind;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Handles on the same registry, some shared and some of their own, as several processes have them.
async fn handles(bed: &Bed, count: usize) -> Result<Vec<Store>, Stop> {
    let mut handles = Vec::with_capacity(count);
    for i in 0..count {
        handles.push(if i % 2 == 0 { Arc::clone(&bed.store) } else { bed.reopen().await? });
    }
    Ok(handles)
}

pub(super) async fn concurrent_commits_lose_none(bed: &Bed) -> Outcome {
    const COMMITS: usize = 8;
    let mut tasks = JoinSet::new();
    for (writer, store) in handles(bed, 4).await?.into_iter().enumerate() {
        let project = bed.project().to_owned();
        tasks.spawn(async move {
            for i in 0..COMMITS {
                let change = put(&project, entity(&format!("entity_{writer}_{i}"), ""));
                commit_until_done(&store, &[change]).await?;
            }
            Ok::<_, Stop>(())
        });
    }
    let writers = tasks.len();
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let expected: Vec<String> =
        (0..writers).flat_map(|w| (0..COMMITS).map(move |i| format!("entity_{w}_{i}: "))).collect();
    same("entities", &bed.entities().await?, &expected)
}

pub(super) async fn of_commits_from_one_base_one_succeeds(bed: &Bed) -> Outcome {
    for round in 0..5 {
        let (base, _) = bed.store.snapshot().await?;
        let mut tasks = JoinSet::new();
        for (writer, store) in handles(bed, 6).await?.into_iter().enumerate() {
            let (base, change) = (base.clone(), put(bed.project(), entity("winner", &writer.to_string())));
            tasks.spawn(async move { (writer, store.commit(&base, &[change]).await) });
        }
        let mut winners = Vec::new();
        while let Some(task) = tasks.join_next().await {
            match task? {
                (writer, Ok(version)) => winners.push((writer, version)),
                (_, Err(error)) if error.kind() == Kind::Conflict => {}
                (_, Err(error)) => return Err(error.into()),
            }
        }
        same(format_args!("commits that succeed in round {round}"), &winners.len(), &1)?;
        let (writer, version) = winners.remove(0);
        same("version", &bed.store.snapshot().await?.0, &version)?;
        same("entities", &bed.entities().await?, &vec![format!("winner: {writer}")])?;
    }
    Ok(())
}

pub(super) async fn readers_never_see_half_a_commit(bed: &Bed) -> Outcome {
    const COMMITS: usize = 25;
    let (project, writer) = (bed.project().to_owned(), Arc::clone(&bed.store));
    let mut tasks = JoinSet::new();
    let of = project.clone();
    tasks.spawn(async move {
        for i in 0..COMMITS {
            let changes = ["a", "b", "c"].map(|name| put(&of, entity(name, &i.to_string())));
            commit_until_done(&writer, &changes).await?;
        }
        Ok::<_, Stop>(())
    });
    for store in handles(bed, 3).await? {
        let project = project.clone();
        tasks.spawn(async move {
            for _ in 0..COMMITS * 2 {
                let (_, snapshot) = store.snapshot().await?;
                let found = entities(&snapshot, &project)?;
                let commits: Vec<_> = found.iter().filter_map(|line| line.split(": ").nth(1)).collect();
                let whole = commits.iter().all(|commit| *commit == commits[0]);
                holds(format_args!("{found:?} are of one commit"), whole && [0, 3].contains(&found.len()))?;
            }
            Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let count = bed.snapshot().await?.list(&project, ObjectKind::Entity).count();
    holds("the commits are there", count >= 3)
}
