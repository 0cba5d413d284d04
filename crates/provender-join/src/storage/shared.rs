//! One object that several processes read and replace: compared before it is replaced, so that nobody's change is lost.

use super::StorageOptions;
use super::remote::{Place, failed, needs_probe, run};
use super::url::Location;
use bytes::Bytes;
use object_store::{
    Error as StoreError, GetOptions, ObjectStore, PutMode, PutPayload, PutResult, UpdateVersion,
};
use provender_core::{Error, Result};
use std::sync::Arc;

/// What tells one content of an object from the next.
#[derive(Clone, Debug)]
pub struct Tag(UpdateVersion);

impl Tag {
    fn of(put: PutResult) -> Self {
        Self(UpdateVersion { e_tag: put.e_tag, version: put.version })
    }
}

/// What a read found.
#[derive(Debug)]
pub enum Contents {
    /// There is no object.
    Missing,
    /// Still the content of the tag that was given.
    Unchanged,
    /// The content, and its tag.
    Bytes(Bytes, Tag),
}

/// An object in a bucket.
#[derive(Clone, Debug)]
pub struct SharedObject {
    place: Arc<Place>,
    probe: bool,
}

impl SharedObject {
    /// The object at a URL, whether it is there or not. Makes no request.
    ///
    /// # Errors
    /// `Invalid` for a URL or settings that make no sense, `Unsupported` if this build does not reach the store.
    pub async fn open(url: &str, options: &StorageOptions) -> Result<Self> {
        let location = Location::parse(url)?;
        if location.key.is_empty() {
            return Err(Error::invalid("the URL names a bucket and no object in it").with("path", url));
        }
        let probe = needs_probe(&location, options);
        let options = options.clone();
        let place = run(async move { Place::of(&location, &options).await }).await?;
        Ok(Self { place: Arc::new(place), probe })
    }

    /// The object's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.place.url()
    }

    /// Reads the object, unless it is still what `known` says.
    ///
    /// # Errors
    /// `Denied` or `Unavailable` as the store says.
    pub async fn read(&self, known: Option<&Tag>) -> Result<Contents> {
        let options =
            GetOptions { if_none_match: known.and_then(|tag| tag.0.e_tag.clone()), ..GetOptions::default() };
        let place = Arc::clone(&self.place);
        run(async move {
            let read = async {
                let found = place.store.get_opts(&place.key, options).await?;
                let tag = Tag(UpdateVersion {
                    e_tag: found.meta.e_tag.clone(),
                    version: found.meta.version.clone(),
                });
                Ok(Contents::Bytes(found.bytes().await?, tag))
            };
            match read.await {
                Ok(contents) => Ok(contents),
                Err(StoreError::NotFound { source, .. }) if !is_bucket(&source.to_string()) => {
                    Ok(Contents::Missing)
                }
                Err(StoreError::NotModified { .. }) => Ok(Contents::Unchanged),
                Err(error) => Err(failed(&error, "read", &place.url())),
            }
        })
        .await
    }

    /// Replaces the content of a tag, or makes the object if there is none; answers the new tag, and `None` if somebody else was faster.
    ///
    /// A request whose answer was lost counts by its effect: what is there is compared with what was sent. No two writers may send the same bytes.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`, and `Unsupported` where the store makes no such comparison.
    pub async fn replace(&self, base: Option<&Tag>, bytes: Bytes) -> Result<Option<Tag>> {
        let mode = match base {
            Some(tag) => PutMode::Update(tag.0.clone()),
            None => PutMode::Create,
        };
        match self.put(mode, bytes.clone()).await {
            Ok(tag) => Ok(Some(tag)),
            Err(StoreError::NotSupported { .. } | StoreError::NotImplemented { .. }) => {
                Err(self.no_conditions())
            }
            Err(error) => match (self.read(None).await, error) {
                (Ok(Contents::Bytes(there, tag)), _) if there == bytes => Ok(Some(tag)),
                (Ok(_), StoreError::Precondition { .. } | StoreError::AlreadyExists { .. }) => Ok(None),
                (_, error) => Err(failed(&error, "write", &self.url())),
            },
        }
    }

    async fn put(&self, mode: PutMode, bytes: Bytes) -> object_store::Result<Tag> {
        let place = Arc::clone(&self.place);
        let put = run(async move {
            Ok(place.store.put_opts(&place.key, PutPayload::from(bytes), mode.into()).await)
        });
        match put.await {
            Ok(put) => put.map(Tag::of),
            Err(error) => Err(StoreError::Generic { store: "object store", source: Box::new(error) }),
        }
    }

    /// Makes sure that the store compares before it replaces. Amazon, Google and Azure say that they do; any other is tried on an object beside this one,
    /// `<name>.probe`, which stays: it is made once, and must from then on be refused to be made again, or to be replaced under a wrong tag.
    ///
    /// # Errors
    /// `Unsupported` if it does not; whoever may not write is not asked.
    pub async fn require_conditions(&self) -> Result<()> {
        if !self.probe {
            return Ok(());
        }
        let probe = self.probe_object()?;
        let content =
            Bytes::from_static(b"Tells whether this store makes conditional puts. May be deleted.\n");
        let mut made = probe.put(PutMode::Create, content.clone()).await;
        if made.is_ok() {
            made = probe.put(PutMode::Create, content.clone()).await;
        }
        let wrong =
            UpdateVersion { e_tag: Some("\"00000000000000000000000000000000\"".to_owned()), version: None };
        match made {
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {}
            Ok(_) => return Err(self.no_conditions()),
            Err(error) if is_unknown(&error) => return Err(self.no_conditions()),
            Err(StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. }) => return Ok(()),
            Err(error) => return Err(failed(&error, "write", &probe.url())),
        }
        match probe.put(PutMode::Update(wrong), content).await {
            Err(StoreError::Precondition { .. } | StoreError::AlreadyExists { .. }) => Ok(()),
            Ok(_) | Err(StoreError::NotSupported { .. } | StoreError::NotImplemented { .. }) => {
                Err(self.no_conditions())
            }
            Err(error) => Err(failed(&error, "write", &probe.url())),
        }
    }

    fn probe_object(&self) -> Result<Self> {
        let mut place = Place::clone(&self.place);
        place.location.key.push_str(".probe");
        place.key = object_store::path::Path::parse(&place.location.key)
            .map_err(|e| Error::invalid("not the key of an object").with("path", self.url()).because(e))?;
        Ok(Self { place: Arc::new(place), probe: false })
    }

    fn no_conditions(&self) -> Error {
        Error::unsupported(
            "the store cannot replace an object only if it is unchanged, so changes could be lost",
        )
        .with("path", self.url())
        .with("expected", "a store that honours If-None-Match and If-Match on PUT")
    }
}

/// Whether a store, or the client for it, says that it does not know conditions.
fn is_unknown(error: &StoreError) -> bool {
    match error {
        StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => true,
        // As S3 and its kin put it, with status 501.
        StoreError::Generic { source, .. } => source.to_string().contains("NotImplemented"),
        _ => false,
    }
}

/// Whether it is the bucket that is not there.
fn is_bucket(text: &str) -> bool {
    text.contains("NoSuchBucket") || text.contains("ContainerNotFound")
}
