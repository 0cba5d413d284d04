//! Threads that own a connection each: SQLite blocks, its callers must not.

use crate::database::Database;
use futures::channel::oneshot;
use provender_core::{Error, Result};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// Threads that take work from one queue. Dropping them finishes what is queued and closes the connections.
#[derive(Debug)]
pub(crate) struct Workers {
    queue: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// One thread a database.
    pub(crate) fn start(name: &str, databases: impl IntoIterator<Item = Database>) -> Result<Self> {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut workers = Self { queue: Some(queue), threads: Vec::new() };
        for database in databases {
            let jobs = Arc::clone(&jobs);
            let thread = Builder::new().name(name.to_owned()).spawn(move || work(&jobs, database));
            let thread = thread.map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// Runs `work` on the next free thread. If the caller goes away first, it does not run; once it runs, it runs to its end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |database| {
            if !reply.is_canceled() {
                // A caller that left meanwhile needs no answer.
                let _ = reply.send(work(database));
            }
        });
        let ended = || Error::internal("the threads of the online store have ended");
        self.queue.as_ref().ok_or_else(ended)?.send(job).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; there is nothing left to close.
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, mut database: Database) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut database),
            Err(_) => return,
        }
    }
}
