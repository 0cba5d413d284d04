//! An object that is written piece by piece and appears when it is complete.

use super::{Place, runtime};
use crate::storage::StorageOptions;
use crate::storage::url::Location;
use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use provender_core::{Error, Result};
use std::io::{self, Write};
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Bytes of a part; S3 wants 5 MiB at least and takes 10,000 parts.
const PART_BYTES: usize = 16 << 20;
/// Parts on their way at a time, besides the one that is being filled.
const TOGETHER: usize = 3;

/// How long a process that ends waits for the store to forget what it was sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes bytes and sends them on their way. Dropped before [`Upload::finish`], it leaves nothing.
pub(in crate::storage) struct Upload {
    url: String,
    part: Vec<u8>,
    parts: Option<mpsc::Sender<Message>>,
    outcome: Receiver<Result<()>>,
}

enum Message {
    Part(Bytes),
    Finish(Bytes),
}

impl Upload {
    /// Prepares to write the object at a location.
    pub(in crate::storage) fn begin(location: &Location, options: &StorageOptions) -> Result<Self> {
        let (location, options) = (location.clone(), options.clone());
        let url = location.url();
        let place = runtime::wait(async move { Place::of(&location, &options).await })??;
        let (parts, receiver) = mpsc::channel(1);
        let outcome = runtime::start(send(place, receiver))?;
        Ok(Self { url, part: Vec::new(), parts: Some(parts), outcome })
    }

    /// Sends what is left and makes the object visible.
    ///
    /// # Errors
    /// Those of the store; there is no object then.
    pub(in crate::storage) fn finish(mut self) -> Result<()> {
        let last = std::mem::take(&mut self.part);
        self.tell(Message::Finish(last.into()))?;
        self.outcome()
    }

    fn tell(&mut self, message: Message) -> Result<()> {
        let Some(parts) = self.parts.clone() else { return self.outcome() };
        if runtime::wait(async move { parts.send(message).await.is_ok() })? {
            return Ok(());
        }
        // Nobody takes parts any more: the reason is in the outcome.
        self.parts = None;
        self.outcome()
    }

    fn outcome(&self) -> Result<()> {
        let cut_off = || Err(Error::unavailable("the upload was cut off").with("path", &self.url));
        self.outcome.recv().unwrap_or_else(|_| cut_off())
    }
}

impl Drop for Upload {
    /// Waits until what was sent is taken back: a process that ended at once would leave the parts in the bucket.
    fn drop(&mut self) {
        self.parts = None;
        // The outcome is that nobody wants the object any more, or was told already.
        drop(self.outcome.recv_timeout(PATIENCE));
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.capacity() == 0 {
            self.part.reserve_exact(PART_BYTES.min(bytes.len().max(64 << 10)));
        }
        let taken = bytes.len().min(PART_BYTES - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART_BYTES {
            let part = std::mem::take(&mut self.part);
            self.tell(Message::Part(part.into())).map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    /// Parts go when they are full; the last one with [`Upload::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends parts as they come. A channel that closes without the last one means that nobody wants the object any more.
async fn send(place: Place, mut parts: mpsc::Receiver<Message>) -> Result<()> {
    let mut upload: Option<Box<dyn MultipartUpload>> = None;
    let sent = send_parts(&place, &mut parts, &mut upload).await;
    if let (Some(mut upload), false) = (upload, matches!(sent, Ok(true))) {
        // The first error is the one to tell; what cannot be taken back now is left to the bucket's own rule for unfinished uploads.
        drop(upload.abort().await);
    }
    sent.map(drop).map_err(|error| place.failed(&error, "write"))
}

/// Whether the object is there now.
async fn send_parts(
    place: &Place,
    parts: &mut mpsc::Receiver<Message>,
    upload: &mut Option<Box<dyn MultipartUpload>>,
) -> object_store::Result<bool> {
    let mut flying = JoinSet::new();
    while let Some(message) = parts.recv().await {
        let (part, is_last) = match message {
            Message::Part(part) => (part, false),
            Message::Finish(part) => (part, true),
        };
        if is_last && upload.is_none() {
            place.store.put(&place.key, PutPayload::from(part)).await?;
            return Ok(true);
        }
        if upload.is_none() {
            *upload = Some(place.store.put_multipart(&place.key).await?);
        }
        let Some(upload) = upload else { return Ok(false) };
        while flying.len() >= TOGETHER {
            arrived(&mut flying).await?;
        }
        if !part.is_empty() {
            flying.spawn(upload.put_part(part.into()));
        }
        if is_last {
            while !flying.is_empty() {
                arrived(&mut flying).await?;
            }
            upload.complete().await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits for one of the parts that are on their way.
async fn arrived(flying: &mut JoinSet<object_store::Result<()>>) -> object_store::Result<()> {
    match flying.join_next().await {
        Some(part) => part?,
        None => Ok(()),
    }
}
