//! Runs rules against stores, each rule on a store of its own, and reports like any Rust test binary.

use crate::outcome::{Outcome, Stop};
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use provender_core::{OpenContext, Result};
use std::fmt::Debug;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// One rule that stores of a kind must keep.
pub struct Rule<S: 'static> {
    /// A sentence, as it is shown and filtered by.
    pub name: &'static str,
    /// What a store must promise for the rule to say anything about it.
    pub needs: &'static [Need<S>],
    /// Plays the rule.
    pub run: for<'a> fn(&'a Bed<S>) -> LocalBoxFuture<'a, Outcome>,
}

impl<S> Debug for Rule<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A condition on a store's capabilities.
pub struct Need<S> {
    /// Whether the store meets it.
    pub met: fn(&S) -> bool,
    /// Shown when it does not: `the store does not keep microseconds`.
    pub otherwise: &'static str,
}

impl<S> Debug for Need<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not met if {}", self.otherwise)
    }
}

/// Opens a store; `None` if the backend is not configured on this machine.
pub(crate) type Opener<S> =
    Arc<dyn Fn(OpenContext) -> LocalBoxFuture<'static, Option<Result<S>>> + Send + Sync>;

/// Makes an [`Opener`] of a caller's function.
pub(crate) fn opener<S, F, R>(open: F) -> Opener<S>
where
    F: Fn(OpenContext) -> R + Send + Sync + 'static,
    R: Future<Output = Option<Result<S>>> + 'static,
{
    Arc::new(move |context| Box::pin(open(context)))
}

/// What a rule works on: a store that was opened for it alone, under a project name that nobody else uses.
pub struct Bed<S> {
    /// The store.
    pub store: S,
    /// What it was opened with.
    pub context: OpenContext,
    open: Opener<S>,
    _folder: TempDir,
}

impl<S> Bed<S> {
    /// A store of its own for one rule; `None` if the backend is not configured.
    async fn new(open: Opener<S>) -> Result<Option<Self>, Stop> {
        let folder =
            tempfile::tempdir().map_err(|e| Stop::broken(format_args!("no temporary folder: {e}")))?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let context = OpenContext::new(format!("conformance_{}", &id[..12]), folder.path());
        let store = open(context.clone()).await.transpose()?;
        Ok(store.map(|store| Self { store, context, open, _folder: folder }))
    }

    /// Opens the same store once more, as a second process would.
    pub(crate) async fn reopen(&self) -> Result<S, Stop> {
        match (self.open)(self.context.clone()).await {
            Some(store) => Ok(store?),
            None => Err(Stop::broken("the store was configured when it was opened first")),
        }
    }
}

impl<S> Debug for Bed<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bed").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Runs the rules as trials of a test binary.
pub(crate) fn run<S: Send + Sync + 'static>(
    backend: &'static str,
    rules: &'static [Rule<S>],
    open: &Opener<S>,
) -> ExitCode {
    let arguments = Arguments::from_args();
    // Runners that list first, such as nextest, learn here what will be ignored; others see it, with the reason, when it runs.
    let ignored =
        if arguments.list || arguments.ignored { ignored(backend, rules, open) } else { Vec::new() };
    let trials = rules.iter().map(|rule| {
        let open = Arc::clone(open);
        let play = move || verdict(backend, outcome(rule, open)?, required(backend));
        Trial::ignorable_test(format!("{backend}::{}", rule.name), play)
            .with_ignored_flag(ignored.contains(&rule.name))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// The rules that will be ignored, by the capabilities of a store that is opened to ask for them. One that cannot be opened fails every rule.
fn ignored<S>(backend: &str, rules: &'static [Rule<S>], open: &Opener<S>) -> Vec<&'static str> {
    let Ok(runtime) = runtime() else { return Vec::new() };
    runtime.block_on(async {
        let bed = Bed::new(Arc::clone(open)).await;
        let ignores = |rule: &&Rule<S>| match &bed {
            Ok(Some(bed)) => unmet(rule, &bed.store).is_some(),
            Ok(None) => !required(backend),
            Err(_) => false,
        };
        rules.iter().filter(ignores).map(|rule| rule.name).collect()
    })
}

/// What the run shows for a rule; `None` is the outcome where the backend is not configured.
fn verdict(backend: &str, outcome: Option<Outcome>, required: bool) -> Result<Completion, Failed> {
    match outcome {
        Some(Ok(())) => Ok(Completion::Completed),
        Some(Err(Stop::Ignored(reason))) => Ok(Completion::ignored_with(reason)),
        Some(Err(Stop::Broken(message))) => Err(message.into()),
        None if required => Err(format!("{backend} is not configured here, and {REQUIRE} names it").into()),
        None => Ok(Completion::ignored_with("not configured here")),
    }
}

/// Plays one rule on a fresh store; `None` if the backend is not configured.
///
/// # Errors
/// If there is no runtime to play it on.
pub(crate) fn outcome<S>(rule: &Rule<S>, open: Opener<S>) -> std::io::Result<Option<Outcome>> {
    Ok(runtime()?.block_on(async {
        match Bed::new(open).await {
            Err(stop) => Some(Err(stop)),
            Ok(None) => None,
            Ok(Some(bed)) => Some(match unmet(rule, &bed.store) {
                Some(reason) => Err(Stop::Ignored(reason.to_owned())),
                None => (rule.run)(&bed).await,
            }),
        }
    }))
}

fn unmet<S>(rule: &Rule<S>, store: &S) -> Option<&'static str> {
    rule.needs.iter().find(|need| !(need.met)(store)).map(|need| need.otherwise)
}

/// Environment variable with the backends, comma separated, that must be configured.
const REQUIRE: &str = "CONFORMANCE_REQUIRE";

fn required(backend: &str) -> bool {
    std::env::var(REQUIRE).is_ok_and(|names| is_named(backend, &names))
}

fn is_named(backend: &str, names: &str) -> bool {
    names.split(',').any(|name| name.trim() == backend)
}

/// Several threads, so that tasks of a rule really run at the same time.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// A [`Rule`] of a function and its needs: `rule!(order::late_row_is_ignored, NEWEST_WINS)`.
macro_rules! rule {
    ($module:ident :: $name:ident $(, $need:expr)*) => {
        $crate::harness::Rule {
            name: stringify!($name),
            needs: &[$($need),*],
            run: |bed| Box::pin($module::$name(bed)),
        }
    };
}
pub(crate) use rule;

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::Error;

    const RULE: Rule<u32> = Rule {
        name: "stores_are_small",
        needs: &[Need { met: |store| *store != 7, otherwise: "this store is 7" }],
        run: |bed| {
            Box::pin(async move {
                let fresh = std::fs::read_dir(&bed.context.repo_dir).is_ok_and(|files| files.count() == 0);
                if bed.store < 10 && fresh { Ok(()) } else { Err(Stop::broken("too large")) }
            })
        },
    };

    fn play(store: Option<Result<u32>>, required: bool) -> String {
        let store = std::sync::Mutex::new(store);
        let open = opener(move |_| std::future::ready(store.lock().unwrap().take()));
        match verdict("small", outcome(&RULE, open).unwrap(), required) {
            Ok(Completion::Completed) => "passed".to_owned(),
            Ok(Completion::Ignored { reason }) => format!("ignored: {}", reason.unwrap()),
            Err(failed) => format!("failed: {}", failed.message().unwrap()),
        }
    }

    #[test]
    fn a_rule_passes_fails_or_says_why_it_was_ignored() {
        assert_eq!(play(Some(Ok(1)), false), "passed");
        assert!(play(Some(Ok(11)), false).starts_with("failed: too large\n  at "));
        assert_eq!(play(Some(Ok(7)), true), "ignored: this store is 7");
        let unreachable = play(Some(Err(Error::unavailable("no route to it"))), false);
        assert!(unreachable.starts_with("failed: ") && unreachable.contains("no route to it"));
    }

    #[test]
    fn what_is_not_configured_is_ignored_unless_required() {
        assert_eq!(play(None, false), "ignored: not configured here");
        assert!(
            play(None, true).starts_with("failed: small is not configured here, and CONFORMANCE_REQUIRE")
        );
        assert!(is_named("redis", "dynamodb, redis") && !is_named("redis", "redis-cluster"));
    }

    #[test]
    fn every_rule_has_a_project_of_its_own() {
        let open = opener(|context: OpenContext| std::future::ready(Some(Ok(context.project))));
        let project = || runtime().unwrap().block_on(Bed::new(Arc::clone(&open))).unwrap().unwrap().store;
        assert_ne!(project(), project());
    }
}
