//! Pieces read by threads that stay a little ahead of whoever takes the batches; the batches come in the order of the pieces.

use arrow_array::RecordBatch;
use provender_core::{Error, Result};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Batches of a piece that may wait to be taken.
const WAITING: usize = 2;

/// What a thread says of a piece: a batch, or that the piece has ended.
type Message = Result<Option<RecordBatch>>;

/// Batches that threads read ahead.
pub(crate) struct Ahead {
    /// The pieces that are being read, in order; `None` once the reader is being dropped.
    pieces: Option<Receiver<Receiver<Message>>>,
    piece: Option<Receiver<Message>>,
    threads: Vec<JoinHandle<()>>,
}

/// Pieces that no thread has taken yet. A thread that takes one announces it first, which waits while enough are under way.
struct Queue<P> {
    pieces: Box<dyn Iterator<Item = P> + Send>,
    announce: SyncSender<Receiver<Message>>,
}

impl Ahead {
    /// Reads pieces on some threads. `read` gives each batch of a piece to the function it gets, which says whether anybody still wants them.
    pub(crate) fn new<P: Send + 'static>(
        pieces: impl Iterator<Item = P> + Send + 'static,
        threads: usize,
        read: impl Fn(P, &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let threads = threads.max(1);
        let (announce, announced) = sync_channel(threads);
        let queue = Arc::new(Mutex::new(Queue { pieces: Box::new(pieces), announce }));
        let read = Arc::new(read);
        let spawn = |_| {
            let (queue, read) = (Arc::clone(&queue), Arc::clone(&read));
            thread::spawn(move || work(&queue, read.as_ref()))
        };
        Self { pieces: Some(announced), piece: None, threads: (0..threads).map(spawn).collect() }
    }

    /// The next batch; `None` after the last.
    ///
    /// # Errors
    /// The first error of the piece that is due.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(piece) = &self.piece else {
                let next = self.pieces.as_ref().and_then(|pieces| pieces.recv().ok());
                if next.is_none() {
                    return Ok(None);
                }
                self.piece = next;
                continue;
            };
            match piece.recv() {
                Ok(Ok(Some(batch))) => return Ok(Some(batch)),
                Ok(Ok(None)) => self.piece = None,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(Error::internal("a reading thread panicked")),
            }
        }
    }
}

impl Iterator for Ahead {
    type Item = Result<RecordBatch>;

    /// Ends after an error.
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.next_batch().transpose();
        if matches!(batch, Some(Err(_))) {
            (self.pieces, self.piece) = (None, None);
        }
        batch
    }
}

fn work<P>(queue: &Mutex<Queue<P>>, read: &impl Fn(P, &mut dyn FnMut(RecordBatch) -> bool) -> Result<()>) {
    loop {
        let (piece, sender) = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(piece) = queue.pieces.next() else { return };
            let (sender, receiver) = sync_channel(WAITING);
            if queue.announce.send(receiver).is_err() {
                return;
            }
            (piece, sender)
        };
        let end = read(piece, &mut |batch| sender.send(Ok(Some(batch))).is_ok());
        // Nobody may be there any more to hear how it ended.
        drop(sender.send(end.map(|()| None)));
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without receivers every thread ends at its next batch.
        (self.pieces, self.piece) = (None, None);
        for thread in self.threads.drain(..) {
            // A panic was told when its piece was due.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::record_batch;
    use arrow_array::types::Int64Type;

    fn numbers(pieces: i64, threads: usize) -> Ahead {
        Ahead::new(0..pieces, threads, |piece, give| {
            for n in 0..piece % 5 {
                if !give(record_batch!(("n", Int64, [piece * 10 + n])).unwrap()) {
                    break;
                }
            }
            if piece == 40 { Err(Error::invalid("forty")) } else { Ok(()) }
        })
    }

    #[test]
    fn batches_come_in_order_whatever_the_number_of_threads() {
        let expected: Vec<i64> = (0..40).flat_map(|p| (0..p % 5).map(move |n| p * 10 + n)).collect();
        for threads in [1, 2, 9] {
            let mut ahead = numbers(40, threads);
            let mut found = Vec::new();
            while let Some(batch) = ahead.next_batch().unwrap() {
                found.push(batch.column(0).as_primitive::<Int64Type>().value(0));
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn errors_come_when_they_are_due_and_dropping_ends_the_threads() {
        let mut ahead = numbers(1_000, 4);
        let taken = std::iter::from_fn(|| ahead.next_batch().transpose()).take_while(Result::is_ok).count();
        assert_eq!(taken, 80);
        let mut early = numbers(1_000, 4);
        assert!(early.next_batch().unwrap().is_some());
        drop(early);
        let mut panics = Ahead::new(0..1, 1, |_, _| panic!("damaged"));
        assert!(panics.next_batch().unwrap_err().message().contains("panicked"));
    }
}
