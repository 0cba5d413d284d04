//! Which layout a project is in, and while it is being changed.
//!
//! The settings say how a project is laid out that has no rows yet. Once `migrate-layout` or an `apply` with the packed layout has run, a key of the project
//! in Redis says it, so that programs with other settings, and those that run while it changes, agree. What they know of it is good for [`LEASE`]; a migration
//! waits longer than that after each step.

use crate::config::Layout;
use crate::lane::{Commands, Lanes, refused};
use crate::lane::{Replies, Reply, garbled};
use provender_core::{Error, RequestContext, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long what was read of the layout may be relied on.
const LEASE: Duration = Duration::from_secs(2);
/// How long it takes until everybody knows of a change.
const SETTLING: Duration = LEASE.saturating_add(Duration::from_secs(1));
/// When it is read again, if there is a chance.
const REFRESH: Duration = Duration::from_secs(1);

/// How the rows of a project are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As Feast does.
    Feast,
    /// Packed.
    Packed,
    /// Some rows so, some so: they are written as said, and read from both.
    Both {
        /// The layout that rows are written in.
        to: Layout,
    },
}

impl Form {
    /// All rows in one layout.
    pub(crate) fn of(layout: Layout) -> Self {
        match layout {
            Layout::Feast => Self::Feast,
            Layout::Packed => Self::Packed,
        }
    }

    /// The layout that rows are written in.
    pub(crate) fn target(self) -> Layout {
        match self {
            Self::Feast => Layout::Feast,
            Self::Packed => Layout::Packed,
            Self::Both { to } => to,
        }
    }
}

/// What is known of a project's layout, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) form: Form,
    pub(crate) until: Instant,
}

impl Lease {
    pub(crate) fn has_ended(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// The layouts of projects, as they were last read.
#[derive(Debug)]
pub(crate) struct Layouts {
    lanes: Arc<Lanes>,
    /// For a project of which nothing is known.
    configured: Layout,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

#[derive(Debug)]
struct Known {
    lease: Lease,
    /// When it was read, or somebody last set out to.
    read: Instant,
}

impl Layouts {
    pub(crate) fn new(lanes: Arc<Lanes>, configured: Layout) -> Arc<Self> {
        Arc::new(Self { lanes, configured, known: Mutex::default() })
    }

    /// The layout of a project; read from Redis if what is known is a second old.
    ///
    /// # Errors
    /// `Unavailable` if Redis does not answer and what is known has ended.
    pub(crate) async fn current(&self, project: &str, context: &RequestContext) -> Result<Lease> {
        match self.known(project) {
            (Some(lease), false) => Ok(lease),
            (Some(lease), true) => match self.read(project, context).await {
                Err(_) if !lease.has_ended() => Ok(lease),
                answer => answer,
            },
            (None, _) => self.read(project, context).await,
        }
    }

    /// What is known of a project, and whether the caller is to read it again: of many, while the lease lasts, only one.
    fn known(&self, project: &str) -> (Option<Lease>, bool) {
        let mut known = self.lock();
        let Some(known) = known.get_mut(project) else { return (None, true) };
        let old = known.read.elapsed() >= REFRESH;
        if old {
            known.read = Instant::now();
        }
        (Some(known.lease), old || known.lease.has_ended())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the project's key says now.
    pub(crate) async fn stored(&self, project: &str, context: &RequestContext) -> Result<Option<Form>> {
        let mut commands = Commands::default();
        commands.command(&[b"GET", &key(project)]);
        self.lanes.ask(&key(project), &commands, context, |replies| stored(replies, project)).await
    }

    /// Says how a project is laid out from now on. Others see it within [`LEASE`].
    pub(crate) async fn set(&self, project: &str, form: Form, context: &RequestContext) -> Result<()> {
        let (key, mut commands) = (key(project), Commands::default());
        commands.command(&[b"SET", &key, word(form)]);
        let done = self.lanes.ask(&key, &commands, context, |mut replies| {
            match replies.next().map_err(|_| garbled())? {
                Reply::Error(text) => Err(refused("note the layout", text)),
                _ => Ok(()),
            }
        });
        done.await?;
        self.lock().remove(project);
        Ok(())
    }

    /// Lets everybody read both layouts, and then write the new one: whoever writes it takes the row out of the old one, which by then nobody reads alone.
    /// Returns when everybody knows, some seconds later.
    pub(crate) async fn begin(&self, project: &str, to: Layout, context: &RequestContext) -> Result<()> {
        let before = self.stored(project, context).await?.map_or(Layout::Feast, Form::target);
        if before != to {
            self.set(project, Form::Both { to: before }, context).await?;
            wait(SETTLING, context).await?;
        }
        self.set(project, Form::Both { to }, context).await?;
        wait(SETTLING, context).await
    }

    async fn read(&self, project: &str, context: &RequestContext) -> Result<Lease> {
        // The lease begins before the question: the answer may have been on its way for long.
        let until = Instant::now() + LEASE;
        let stored = self.stored(project, context).await?;
        let lease = Lease { form: stored.unwrap_or_else(|| unsettled(self.configured)), until };
        self.lock().insert(project.into(), Known { lease, read: until - LEASE });
        Ok(lease)
    }
}

/// Without a word in Redis rows are as Feast writes them, also where the settings say packed, until they are converted.
fn unsettled(configured: Layout) -> Form {
    match configured {
        Layout::Feast => Form::Feast,
        Layout::Packed => Form::Both { to: Layout::Feast },
    }
}

/// The key that says how a project is laid out.
pub(crate) fn key(project: &str) -> Vec<u8> {
    format!("provender:layout:{project}").into_bytes()
}

fn word(form: Form) -> &'static [u8] {
    match form {
        Form::Feast => b"feast",
        Form::Packed => b"packed",
        Form::Both { to: Layout::Feast } => b"to-feast",
        Form::Both { to: Layout::Packed } => b"to-packed",
    }
}

fn stored(mut replies: Replies<'_>, project: &str) -> Result<Option<Form>> {
    let word_in_redis = match replies.next().map_err(|_| garbled())? {
        Reply::Nil => return Ok(None),
        Reply::Value(word) => word,
        Reply::Error(text) => return Err(refused("read the layout", text)),
        _ => return Err(garbled()),
    };
    let known = [Layout::Feast, Layout::Packed];
    let known = known.map(Form::of).into_iter().chain(known.map(|to| Form::Both { to }));
    let mut known = known.filter(|form| word(*form) == word_in_redis);
    known.next().map(Some).ok_or_else(|| {
        Error::unsupported("the project has a layout that this build does not know")
            .with("project", project)
            .with("layout", String::from_utf8_lossy(word_in_redis))
    })
}

/// Waits, unless it is cancelled.
async fn wait(time: Duration, context: &RequestContext) -> Result<()> {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        context.check()?;
        sleep(left.min(Duration::from_millis(100))).await;
    }
    Ok(())
}
