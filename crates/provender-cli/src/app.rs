//! What most commands begin with: the configuration, the opened store, the repository's definitions.

use crate::args::{Form, Globals};
use crate::output;
use provender::config::RepoConfig;
use provender::{Definitions, Error, FeatureStore, Providers, RequestContext, Result};
use std::path::{Path, PathBuf};

/// One invocation: options and providers.
pub(crate) struct App {
    pub(crate) globals: Globals,
    providers: Providers,
}

impl App {
    pub(crate) fn new(globals: Globals, providers: Providers) -> Self {
        Self { globals, providers }
    }

    pub(crate) fn json(&self) -> bool {
        self.globals.output == Form::Json
    }

    /// The repository's folder: `--chdir`, else the folder of `--feature-store-yaml`, else the current one.
    pub(crate) fn repo_dir(&self) -> PathBuf {
        let beside =
            self.globals.yaml.as_deref().and_then(Path::parent).filter(|p| !p.as_os_str().is_empty());
        match (&self.globals.chdir, beside) {
            (Some(dir), _) => dir.clone(),
            (None, Some(dir)) => dir.to_path_buf(),
            (None, None) => PathBuf::from("."),
        }
    }

    /// Reads and checks the configuration; keys without effect are named in one warning.
    pub(crate) fn config(&self) -> Result<RepoConfig> {
        let dir = self.repo_dir();
        let file = self.globals.yaml.clone().unwrap_or_else(|| dir.join("feature_store.yaml"));
        let text = std::fs::read_to_string(&file).map_err(|e| {
            let missing = e.kind() == std::io::ErrorKind::NotFound;
            let error = Error::io(e, "read the configuration", &file);
            if missing {
                error.with(
                    "expected",
                    "a feature repository: name its folder with --chdir, or make one with `provender init`",
                )
            } else {
                error
            }
        })?;
        let dir = std::path::absolute(&dir).map_err(|e| Error::io(e, "find the repository", &dir))?;
        let config = RepoConfig::parse(&text, &file, dir, &|name| std::env::var(name).ok())?;
        if !config.ignored.is_empty() {
            output::warning(&format!(
                "{}: no effect in Provender: {}",
                file.display(),
                config.ignored.join(", ")
            ));
        }
        Ok(config)
    }

    pub(crate) async fn store(&self) -> Result<FeatureStore> {
        FeatureStore::open(self.config()?, &self.providers).await
    }

    /// The definitions in the repository's files.
    pub(crate) fn definitions(
        &self,
        store: &FeatureStore,
    ) -> Result<Definitions, provender::engine::Problems> {
        Definitions::load(&store.config().repo_dir)
    }

    /// A request context that Ctrl-C cancels.
    pub(crate) fn context(&self) -> RequestContext {
        let context = RequestContext::local();
        crate::signal::cancel_on_interrupt(context.cancel.clone());
        context
    }
}
