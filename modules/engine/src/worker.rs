//! The one thread on which the database works.
//!
//! The engine has one connection behind one mutex, so more threads would only wait for each other, and an
//! async worker must not wait for a disk.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use dynoxide::Database;
use tokio::sync::oneshot;

use crate::open_file;

/// Where a database lives.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    Memory,
    File(PathBuf),
}

impl Location {
    pub(crate) fn open(&self) -> dynoxide::Result<Database> {
        match self {
            Location::Memory => Database::memory(),
            Location::File(path) => open_file(path),
        }
    }

    /// The file, or what SQLite calls a database without one.
    pub(crate) fn name(&self) -> PathBuf {
        match self {
            Location::Memory => PathBuf::from(":memory:"),
            Location::File(path) => path.clone(),
        }
    }
}

/// The work ended without an answer: it panicked, or there is no database to work on.
#[derive(Debug)]
pub(crate) struct NoAnswer;

enum Job {
    Run(Box<dyn FnOnce(&Database) + Send>),
    Reopen,
}

/// The thread and its queue. Dropping it closes the database.
///
/// The queue has no bound of its own: an entry is a request whose caller waits for it, so whoever bounds the
/// requests bounds the queue, and a full queue would only move the wait to its entrance.
pub(crate) struct Worker {
    location: Location,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread on a database that is open already.
    pub(crate) fn start(location: Location, database: Database) -> io::Result<Worker> {
        let (jobs, queue) = channel();
        let mut desk = Desk { location: location.clone(), database: Some(database) };
        let thread =
            thread::Builder::new().name("tradepost-engine".to_owned()).spawn(move || desk.serve(&queue))?;
        Ok(Worker { location, jobs: Some(jobs), thread: Some(thread) })
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// Does the work on the engine's thread and answers what it returns. If the caller goes away before its
    /// turn the work is not done at all; once begun it is finished.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Run(Box::new(move |database| {
            if !reply.is_closed() {
                // An error means that the caller went away meanwhile; then nobody wants the answer.
                let _ = reply.send(work(database));
            }
        })));
        answer.await.map_err(|_| NoAnswer)
    }

    /// Opens the database anew, for after a panic on another thread that shares it.
    pub(crate) fn reopen(&self) {
        self.send(Job::Reopen);
    }

    /// A job that cannot be sent is dropped, and with it the means to answer, which its caller sees.
    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

/// The thread's side: the database, or none if it could not be reopened.
struct Desk {
    location: Location,
    database: Option<Database>,
}

impl Desk {
    fn serve(&mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            match job {
                Job::Run(work) => self.run(work),
                Job::Reopen => self.reopen(),
            }
        }
    }

    fn run(&mut self, work: Box<dyn FnOnce(&Database) + Send>) {
        if self.database.is_none() {
            self.reopen();
        }
        let Some(database) = &self.database else { return };
        if catch_unwind(AssertUnwindSafe(|| work(database))).is_err() {
            tracing::error!(location = ?self.location, "an operation of the embedded engine panicked");
            self.reopen();
        }
    }

    /// A panic poisons the database's mutex for good, and closing it rolls back what was half done. Data in
    /// memory would be lost by that: it is kept, and every further call is refused with an internal error,
    /// because a database that is suddenly empty is worse than one that is out of order.
    fn reopen(&mut self) {
        if matches!(self.location, Location::Memory) {
            return;
        }
        self.database = None;
        match self.location.open() {
            Ok(database) => self.database = Some(database),
            Err(error) => {
                tracing::error!(location = ?self.location, %error, "the database cannot be reopened");
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use dynoxide::storage_backend::Clock;

    use super::*;

    /// A clock that panics, and so does a sweep, with the database's mutex held.
    struct BrokenClock;

    impl Clock for BrokenClock {
        fn now_unix_secs(&self) -> u64 {
            panic!("the clock is broken")
        }

        fn now_unix_secs_f64(&self) -> f64 {
            panic!("the clock is broken")
        }
    }

    fn start_with_broken_clock(location: Location) -> Worker {
        let database = Database::memory_with_clock(Arc::new(BrokenClock)).unwrap();
        Worker::start(location, database).unwrap()
    }

    #[tokio::test]
    async fn after_a_panic_the_file_is_reopened_and_serves_on() {
        let folder = tempfile::tempdir().unwrap();
        let worker = start_with_broken_clock(Location::File(folder.path().join("reopened.db")));
        assert!(worker.run(Database::sweep_ttl).await.is_err());
        assert_eq!(worker.run(Database::table_count).await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn after_a_panic_a_database_in_memory_refuses_and_does_not_turn_empty() {
        let worker = start_with_broken_clock(Location::Memory);
        assert!(worker.run(Database::sweep_ttl).await.is_err());
        let refusal = worker.run(Database::table_count).await.unwrap().unwrap_err();
        assert_eq!(refusal.status_code(), 500);
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_reopened_gives_no_answer_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let worker = start_with_broken_clock(Location::File(missing.join("reopened.db")));
        assert!(worker.run(Database::sweep_ttl).await.is_err());
        assert!(worker.run(Database::table_count).await.is_err());
        std::fs::create_dir(&missing).unwrap();
        assert_eq!(worker.run(Database::table_count).await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn work_whose_caller_went_away_before_its_turn_is_not_done() {
        let worker = Worker::start(Location::Memory, Database::memory().unwrap()).unwrap();
        let (begin, begun) = std::sync::mpsc::channel::<()>();
        let (done, was_done) = std::sync::mpsc::channel();
        let busy = worker.run(move |_| begun.recv().unwrap());
        let abandoned = worker.run(move |_| done.send(()).unwrap());
        tokio::join!(busy, async {
            let _ = tokio::time::timeout(std::time::Duration::from_millis(10), abandoned).await;
            begin.send(()).unwrap();
        })
        .0
        .unwrap();
        drop(worker);
        assert!(was_done.recv().is_err());
    }
}
