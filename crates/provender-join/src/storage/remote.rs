//! Objects in buckets, over `object_store`.

mod clouds;
mod connect;
mod credentials;
mod error;
mod file;
mod runtime;
mod upload;

pub(super) use connect::{connect, needs_probe};
pub(super) use error::failed;
pub(super) use file::requests;
pub(super) use runtime::run;
pub(super) use upload::Upload;

use super::url::Location;
use super::{ReadAt, StorageOptions, StoredFile};
use file::RemoteFile;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use provender_core::{Error, Kind, Result};
use std::sync::Arc;

/// A bucket's store and the place in it that a URL means.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) location: Location,
    pub(super) key: Path,
}

impl Place {
    /// # Errors
    /// `Invalid` for a key that no store accepts; those of connecting.
    pub(super) async fn of(location: &Location, options: &StorageOptions) -> Result<Self> {
        let key = key(&location.key, &location.url())?;
        let store = connect(location, options).await?;
        Ok(Self { store, location: location.clone(), key })
    }

    pub(super) fn url(&self) -> String {
        self.location.url()
    }

    fn failed(&self, error: &object_store::Error, action: &'static str) -> Error {
        failed(error, action, &self.url())
    }
}

fn key(key: &str, url: &str) -> Result<Path> {
    Path::parse(key).map_err(|e| Error::invalid("not the key of an object").with("path", url).because(e))
}

/// The object at a URL, or all visible ones below it.
pub(super) fn list(url: &str, options: &StorageOptions) -> Result<Vec<StoredFile>> {
    let (location, options) = (Location::parse(url)?, options.clone());
    let is_folder = url.ends_with('/') || location.key.is_empty();
    runtime::wait(async move {
        let place = Place::of(&location, &options).await?;
        if !is_folder {
            match place.store.head(&place.key).await {
                Ok(meta) if !is_marker(&meta) => {
                    return Ok(vec![StoredFile { path: place.url(), size: meta.size, tag: meta.e_tag }]);
                }
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(place.failed(&e, "read")),
            }
        }
        let found = place.store.list(Some(&place.key)).map_err(|e| place.failed(&e, "list"));
        let found: Vec<ObjectMeta> = found.try_collect().await?;
        if found.is_empty() {
            return Err(
                Error::new(Kind::NotFound, "there is no such object or folder").with("path", place.url())
            );
        }
        let visible =
            found.into_iter().filter(|meta| !is_marker(meta) && is_visible(&meta.location, &place.key));
        let file = |meta: ObjectMeta| StoredFile {
            path: place.location.url_of(meta.location.as_ref()),
            size: meta.size,
            tag: meta.e_tag,
        };
        Ok(visible.map(file).collect())
    })?
}

/// Consoles and hierarchical stores keep folders as empty objects; nothing that can be read has no byte and no extension.
fn is_marker(meta: &ObjectMeta) -> bool {
    meta.size == 0 && meta.location.extension().is_none()
}

/// Whether no name below the folder begins with `.` or `_`.
fn is_visible(location: &Path, folder: &Path) -> bool {
    match location.prefix_match(folder) {
        Some(mut names) => !names.any(|name| name.as_ref().starts_with(['.', '_'])),
        None => true,
    }
}

/// Whether any object is below a URL.
pub(super) fn is_folder(url: &str, options: &StorageOptions) -> Result<bool> {
    let (location, options) = (Location::parse(url)?, options.clone());
    runtime::wait(async move {
        let place = Place::of(&location, &options).await?;
        let mut found = place.store.list(Some(&place.key));
        Ok(found.try_next().await.map_err(|e| place.failed(&e, "list"))?.is_some())
    })?
}

/// Opens an object that was listed. Makes no request: a read says what is wrong with it.
pub(super) fn open(file: &StoredFile, options: &StorageOptions) -> Result<Arc<dyn ReadAt>> {
    let (location, options) = (Location::parse(&file.path)?, options.clone());
    let place = match connect::known(&location, &options) {
        Some(store) => Place { store, key: key(&location.key, &file.path)?, location },
        None => runtime::wait(async move { Place::of(&location, &options).await })??,
    };
    Ok(Arc::new(RemoteFile::new(place, file)))
}
