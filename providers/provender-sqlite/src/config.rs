//! The settings of `type: sqlite`.

use provender_core::{Error, Result};
use serde::Deserialize;

/// The settings of `type: sqlite`: Feast's, and `write_mode`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct SqliteConfig {
    /// The database file; a relative path starts at the repository's folder.
    pub path: String,
    /// Which row stays when a key is written again.
    pub write_mode: WriteMode,
    /// Feast's full-text search over features. Only `false`: this build has none.
    pub text_search_enabled: bool,
    /// Feast's vector search. Only `false`: this build has none.
    pub vector_enabled: bool,
    /// Feast's distance of its vector search. Without vector search it means nothing.
    pub similarity: Option<String>,
    /// Feast's `value_num` column for filters of its vector search. Only `false`: this build has none.
    pub enable_openai_compatible_store: bool,
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self {
            path: "data/online_store.db".to_owned(),
            write_mode: WriteMode::default(),
            text_search_enabled: false,
            vector_enabled: false,
            similarity: None,
            enable_openai_compatible_store: false,
        }
    }
}

/// Which row stays when a key is written again.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// The one with the newest event time, and among equals the newest created time; of equals in both the one that is written last.
    #[default]
    Newest,
    /// The one that is written last, as Feast does it.
    Overwrite,
}

impl SqliteConfig {
    /// Refuses what Feast could do and this build cannot.
    ///
    /// # Errors
    /// `Unsupported` naming the setting; `Invalid` for an empty path.
    pub(crate) fn check(&self) -> Result<()> {
        let refused = [
            ("text_search_enabled", self.text_search_enabled),
            ("vector_enabled", self.vector_enabled),
            ("enable_openai_compatible_store", self.enable_openai_compatible_store),
        ];
        if let Some((key, _)) = refused.into_iter().find(|(_, on)| *on) {
            let error = Error::unsupported("the SQLite online store has no text or vector search");
            return Err(error.with("at", format!("online_store.{key}")).with("expected", "false"));
        }
        if self.path.is_empty() {
            let error = Error::invalid("the SQLite online store needs a file");
            return Err(error.with("at", "online_store.path"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::Kind;
    use provender_core::config::StoreConfig;

    fn settings(config: &StoreConfig) -> Result<SqliteConfig> {
        config.settings("online_store")
    }

    #[test]
    fn nothing_set_means_the_default_file_of_feast() {
        let config = settings(&StoreConfig::new("sqlite")).unwrap();
        assert_eq!(config, SqliteConfig::default());
        assert_eq!(config.path, "data/online_store.db");
        assert_eq!(config.write_mode, WriteMode::Newest);
    }

    #[test]
    fn settings_of_feast_are_accepted_while_they_are_off() {
        let config = StoreConfig::new("sqlite")
            .with("path", "x.db")
            .with("write_mode", "overwrite")
            .with("text_search_enabled", false)
            .with("vector_enabled", false)
            .with("similarity", "cosine")
            .with("enable_openai_compatible_store", false);
        let config = settings(&config).unwrap();
        assert!(config.check().is_ok());
        assert_eq!(config.write_mode, WriteMode::Overwrite);
    }

    #[test]
    fn what_this_build_cannot_do_is_refused_by_name() {
        for key in ["text_search_enabled", "vector_enabled", "enable_openai_compatible_store"] {
            let error = settings(&StoreConfig::new("sqlite").with(key, true)).unwrap().check().unwrap_err();
            assert_eq!(error.kind(), Kind::Unsupported);
            assert_eq!(error.get("at"), Some(&*format!("online_store.{key}")));
        }
    }

    #[test]
    fn unknown_settings_and_modes_are_refused_with_what_is_known() {
        let error = settings(&StoreConfig::new("sqlite").with("pth", "x")).unwrap_err();
        assert!(error.to_string().contains("`path`"), "{error}");
        let error = settings(&StoreConfig::new("sqlite").with("write_mode", "oldest")).unwrap_err();
        assert_eq!((error.kind(), error.get("at")), (Kind::Invalid, Some("online_store.write_mode")));
        assert!(error.to_string().contains("`overwrite`"), "{error}");
    }

    #[test]
    fn empty_path_is_refused() {
        let error = settings(&StoreConfig::new("sqlite").with("path", "")).unwrap().check().unwrap_err();
        assert_eq!((error.kind(), error.get("at")), (Kind::Invalid, Some("online_store.path")));
    }
}
