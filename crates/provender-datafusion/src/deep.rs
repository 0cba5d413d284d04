//! Work that goes down a query level by level, on a stack of its own: one of a query that is as deep as [`parse`](crate::parse) lets through, or that it has yet
//! to look at.

use provender_core::{Error, Result};
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Bytes of the stack: address space, of which little is used.
const STACK: usize = 256 << 20;

/// Does the work on a thread with room for deep calls.
///
/// # Errors
/// Those of the work; `Unavailable` if there is no thread to be had.
pub(crate) async fn deep<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let runtime = Handle::current();
    let thread = thread::Builder::new().name("provender-sql".to_owned()).stack_size(STACK);
    let spawned = thread.spawn(move || {
        // Whoever asked may have gone.
        let _ = sender.send(runtime.block_on(work));
    });
    spawned.map_err(|e| Error::unavailable("there is no thread to plan the query on").because(e))?;
    receiver.await.map_err(|e| Error::internal("the thread that plans a query stopped").because(e))?
}
