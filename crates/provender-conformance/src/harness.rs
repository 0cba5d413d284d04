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
        Ok(match open(context.clone()).await.transpose()? {
            Some(store) => Some(Self { store, context, open, _folder: folder }),
            None => None,
        })
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
    let probe = (arguments.list || arguments.ignored).then(|| Probe::new(open));
    let trials = rules.iter().map(|rule| {
        let ignored = probe.as_ref().is_some_and(|probe| probe.ignores(backend, rule));
        let open = Arc::clone(open);
        Trial::ignorable_test(format!("{backend}::{}", rule.name), move || play(backend, rule, open))
            .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// A store that is opened to ask what it can do.
enum Probe<S> {
    Store(S),
    NotConfigured,
    Fails,
}

impl<S: Send + Sync + 'static> Probe<S> {
    fn new(open: &Opener<S>) -> Self {
        let bed = runtime().ok().map(|runtime| runtime.block_on(Bed::new(Arc::clone(open))));
        match bed {
            Some(Ok(Some(bed))) => Self::Store(bed.store),
            Some(Ok(None)) => Self::NotConfigured,
            Some(Err(_)) | None => Self::Fails,
        }
    }

    fn ignores(&self, backend: &str, rule: &Rule<S>) -> bool {
        match self {
            Self::Store(store) => unmet(rule, store).is_some(),
            Self::NotConfigured => !required(backend),
            Self::Fails => false,
        }
    }
}

fn play<S: Send + Sync + 'static>(
    backend: &str,
    rule: &Rule<S>,
    open: Opener<S>,
) -> Result<Completion, Failed> {
    match outcome(rule, open)? {
        Some(Ok(())) => Ok(Completion::Completed),
        Some(Err(Stop::Ignored(reason))) => Ok(Completion::ignored_with(reason)),
        Some(Err(Stop::Broken(message))) => Err(Failed::from(message)),
        None if required(backend) => {
            Err(Failed::from(format!("{backend} is not configured here, and CONFORMANCE_REQUIRE names it")))
        }
        None => Ok(Completion::ignored_with("not configured here")),
    }
}

/// Plays one rule on a fresh store; `None` if the backend is not configured.
///
/// # Errors
/// If there is no runtime to play it on.
pub(crate) fn outcome<S: Send + Sync + 'static>(
    rule: &Rule<S>,
    open: Opener<S>,
) -> std::io::Result<Option<Outcome>> {
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

fn required(backend: &str) -> bool {
    std::env::var("CONFORMANCE_REQUIRE").is_ok_and(|names| names.split(',').any(|n| n.trim() == backend))
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
