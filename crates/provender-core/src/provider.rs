//! Providers: backends picked by `type:` in the configuration, in a table that is passed as a value.

mod feast;

use crate::config::StoreConfig;
use crate::{Error, OfflineStore, OnlineStore, Registry, Result, SqlEngine};
use futures::future::BoxFuture;
use sealed::{Entry, Opener, Sealed as _, Table};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

/// One backend, selectable by `type:` in `feature_store.yaml`.
pub trait Provider: 'static {
    /// `dyn OfflineStore`, `dyn OnlineStore`, `dyn Registry` or `dyn SqlEngine`.
    type Store: StoreKind + ?Sized;
    /// Its settings: everything in the section except `type`. Unknown keys should be refused (`deny_unknown_fields`).
    type Config: DeserializeOwned + Send;
    /// The value of `type:`.
    const TYPE: &'static str;
    /// Other values of `type:` that mean the same.
    const ALIASES: &'static [&'static str] = &[];

    /// Opens the store. May do I/O; fails early on bad settings.
    fn open(
        config: Self::Config,
        context: &OpenContext,
    ) -> impl Future<Output = Result<Arc<Self::Store>>> + Send;
}

/// What a provider may know of the repository that opens it.
#[derive(Clone, Debug)]
pub struct OpenContext {
    /// Name of the project.
    pub project: String,
    /// The repository's folder: relative paths start here.
    pub repo_dir: PathBuf,
}

impl OpenContext {
    /// A context of a project and folder.
    pub fn new(project: impl Into<String>, repo_dir: impl Into<PathBuf>) -> Self {
        Self { project: project.into(), repo_dir: repo_dir.into() }
    }

    /// A path of the configuration or of a source, made absolute by the repository's folder. `file://` is taken off.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.repo_dir.join(path.strip_prefix("file://").unwrap_or(path))
    }
}

/// The kinds of backend: three stores, and the engine for SQL. Sealed.
pub trait StoreKind: sealed::Sealed + Send + Sync + 'static {
    /// Section of the configuration that picks it.
    const SECTION: &'static str;
}

mod sealed {
    use super::{Arc, BTreeMap, BoxFuture, OpenContext, Providers, Result, StoreConfig};

    /// Opens a store from its section.
    pub(super) type Opener<S> = for<'a> fn(&'a StoreConfig, &'a OpenContext) -> BoxFuture<'a, Result<Arc<S>>>;
    /// The backends of one kind of store, by type.
    pub(super) type Table<S> = BTreeMap<&'static str, Entry<S>>;

    /// A backend that can be opened, or the feature that would bring it.
    #[derive(Debug)]
    pub enum Entry<S: ?Sized> {
        Ready(Opener<S>),
        LeftOut { feature: &'static str },
    }

    impl<S: ?Sized> Clone for Entry<S> {
        fn clone(&self) -> Self {
            match self {
                Self::Ready(opener) => Self::Ready(*opener),
                Self::LeftOut { feature } => Self::LeftOut { feature },
            }
        }
    }

    pub trait Sealed {
        fn table(providers: &Providers) -> &Table<Self>;
        fn table_mut(providers: &mut Providers) -> &mut Table<Self>;
    }
}

macro_rules! store_kind {
    ($store:ty, $section:literal, $field:ident) => {
        impl StoreKind for $store {
            const SECTION: &'static str = $section;
        }

        impl sealed::Sealed for $store {
            fn table(providers: &Providers) -> &Table<Self> {
                &providers.$field
            }
            fn table_mut(providers: &mut Providers) -> &mut Table<Self> {
                &mut providers.$field
            }
        }
    };
}

store_kind!(dyn OfflineStore, "offline_store", offline);
store_kind!(dyn OnlineStore, "online_store", online);
store_kind!(dyn Registry, "registry", registry);
store_kind!(dyn SqlEngine, "sql", sql);

/// Every backend that this program can open, by `type:`.
#[derive(Clone, Default)]
pub struct Providers {
    offline: Table<dyn OfflineStore>,
    online: Table<dyn OnlineStore>,
    registry: Table<dyn Registry>,
    sql: Table<dyn SqlEngine>,
    /// Types of offline stores, each with one that is opened beside it.
    companions: Vec<(&'static str, &'static str)>,
}

impl Providers {
    /// Adds a backend under its type and aliases, or replaces the one of the same type.
    #[must_use]
    pub fn with<P: Provider>(mut self) -> Self {
        let opener: Opener<P::Store> = |config, context| {
            Box::pin(async move {
                let settings = config.settings::<P::Config>(P::Store::SECTION)?;
                P::open(settings, context).await
            })
        };
        let table = P::Store::table_mut(&mut self);
        for name in std::iter::once(&P::TYPE).chain(P::ALIASES) {
            table.insert(name, Entry::Ready(opener));
        }
        self
    }

    /// Notes a backend that this build leaves out, for the sake of the error message.
    #[must_use]
    pub fn left_out<S: StoreKind + ?Sized>(mut self, kind: &'static str, feature: &'static str) -> Self {
        S::table_mut(&mut self).entry(kind).or_insert(Entry::LeftOut { feature });
        self
    }

    /// Has the sections that pick an offline store of one type open another type too, with the same settings: what that one reads needs no section of its own.
    #[must_use]
    pub fn beside(mut self, kind: &'static str, companion: &'static str) -> Self {
        self.companions.push((kind, companion));
        self
    }

    /// The types of one kind of store that can be opened, sorted.
    #[must_use]
    pub fn types<S: StoreKind + ?Sized>(&self) -> Vec<&'static str> {
        S::table(self).iter().filter(|(_, e)| matches!(e, Entry::Ready(_))).map(|(name, _)| *name).collect()
    }

    /// Opens the store that a section of the configuration names.
    ///
    /// # Errors
    /// `Unsupported` naming the Cargo feature if this build leaves the type out, or if it is one of Feast's that Provender does not have; `Invalid` if there is none
    /// such, both listing the known types; and what the provider says.
    pub async fn open<S: StoreKind + ?Sized>(
        &self,
        config: &StoreConfig,
        context: &OpenContext,
    ) -> Result<Arc<S>> {
        match S::table(self).get(config.kind.as_str()) {
            Some(Entry::Ready(opener)) => opener(config, context).await,
            Some(Entry::LeftOut { feature }) => Err(Error::unsupported("this build leaves that backend out")
                .with("section", S::SECTION)
                .with("type", &config.kind)
                .with("rebuild with --features", feature)),
            None => Err(match feast::has(S::SECTION, &config.kind) {
                true => Error::unsupported("Provender does not have this store yet"),
                false => Error::invalid("unknown store type"),
            }
            .with("section", S::SECTION)
            .with("type", &config.kind)
            .with("known types", self.types::<S>().join(", "))
            .suggest(&config.kind, self.types::<S>())),
        }
    }
}

impl Providers {
    /// Opens the offline stores that sections name, in their order, and behind them those that are opened beside these.
    ///
    /// # Errors
    /// Those of [`Providers::open`].
    pub async fn open_offline(
        &self,
        sections: &[StoreConfig],
        context: &OpenContext,
    ) -> Result<Vec<Arc<dyn OfflineStore>>> {
        let mut stores = Vec::with_capacity(sections.len());
        for section in sections {
            stores.push(self.open(section, context).await?);
        }
        let mut picked: Vec<&str> = sections.iter().map(|section| section.kind.as_str()).collect();
        for section in sections {
            for (_, companion) in self.companions.iter().filter(|(kind, _)| *kind == section.kind) {
                if !picked.contains(companion) {
                    picked.push(companion);
                    let section = StoreConfig { kind: (*companion).to_owned(), ..section.clone() };
                    stores.push(self.open(&section, context).await?);
                }
            }
        }
        Ok(stores)
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers")
            .field("offline", &self.types::<dyn OfflineStore>())
            .field("online", &self.types::<dyn OnlineStore>())
            .field("registry", &self.types::<dyn Registry>())
            .field("sql", &self.types::<dyn SqlEngine>())
            .finish()
    }
}
