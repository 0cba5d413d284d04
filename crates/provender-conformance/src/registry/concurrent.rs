//! Several writers and readers at once.

use super::Store;
use super::bed::{Bed, commit_until_done, entities, entity, put};
use crate::outcome::{Outcome, Stop, holds, same};
use crate::race::Race;
use provender_core::Kind;
use std::collections::HashSet;
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
    let race = Arc::new(Race::default());
    // All take part before any starts, so that none finds itself alone.
    let (runner, store, project) = (race.writer(), Arc::clone(&bed.store), bed.project().to_owned());
    let readers: Vec<_> = handles(bed, 3).await?.into_iter().map(|store| (race.reader(), store)).collect();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut round = 0;
        while runner.writes_on(round).await {
            let changes = ["a", "b", "c"].map(|name| put(&project, entity(name, &round.to_string())));
            commit_until_done(&store, &changes).await?;
            round += 1;
        }
        Ok::<_, Stop>(())
    });
    for (runner, store) in readers {
        let project = bed.project().to_owned();
        tasks.spawn(async move {
            let mut seen = HashSet::new();
            while runner.reads_on(seen.len()).await {
                let (version, snapshot) = store.snapshot().await?;
                let found = entities(&snapshot, &project)?;
                let commits: Vec<_> = found.iter().filter_map(|line| line.split(": ").nth(1)).collect();
                let whole = commits.iter().all(|commit| *commit == commits[0]);
                holds(format_args!("{found:?} are of one commit"), whole && [0, 3].contains(&found.len()))?;
                seen.insert(version);
            }
            Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    same("entities", &bed.entities().await?.len(), &3)
}
