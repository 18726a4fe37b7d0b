//! Changes of prices, sent to whoever listens as they happen.

mod batch;
mod places;
mod reader;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

use self::batch::Batch;
pub use self::batch::{Assets, PriceEvent};
use self::places::Places;
pub use self::reader::Reader;
use crate::InventoryError;
use crate::snapshot::Snapshot;

/// So many messages may be ahead of a reader; one that is further behind is dropped.
const CAPACITY: usize = 32;

/// What is sent to all readers.
#[derive(Clone)]
enum Message {
    /// What changed.
    Changes(Arc<Batch>),
    /// Nothing, so that whoever is between knows that the connection lives.
    Beat,
    /// That the process stops.
    End,
}

/// Everybody who listens to this process.
pub struct Streams {
    messages: broadcast::Sender<Message>,
    has_ended: AtomicBool,
    places: Arc<Places>,
    /// All prices of the newest snapshot that somebody asked for them, with its number.
    whole: Mutex<Option<(u64, Arc<Batch>)>>,
}

impl Streams {
    /// Nobody listens yet. From one address, no more than so many may.
    pub fn new(per_client: u32) -> Self {
        Self {
            messages: broadcast::Sender::new(CAPACITY),
            has_ended: AtomicBool::new(false),
            places: Arc::new(Places::new(per_client)),
            whole: Mutex::new(None),
        }
    }

    /// Tells everybody what changed since the snapshot before this one, which must be the one that is read now.
    pub fn publish(&self, snapshot: &Snapshot) {
        // Whoever comes after this look reads the snapshot itself.
        if self.messages.receiver_count() == 0 {
            return;
        }
        let changed = snapshot.entries.iter().filter(|entry| entry.priced == snapshot.number);
        let batch = Batch::write(snapshot.version, snapshot.number, changed);
        if !batch.is_empty() {
            self.send(Message::Changes(Arc::new(batch)));
        }
    }

    /// Tells everybody that there is nothing new, again and again.
    pub async fn beat(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.send(Message::Beat);
        }
    }

    /// Ends every stream, and any that is begun from now on once it has said what the prices are.
    pub fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.send(Message::End);
    }

    fn send(&self, message: Message) {
        // An error means that nobody listens.
        let _ = self.messages.send(message);
    }

    /// Begins a stream for the client with this key: first what the asked assets cost, or what of that changed after
    /// the version that the client has, and then what changes. `None` asks for all assets.
    ///
    /// # Errors
    /// When the client has as many streams as it may, or the catalog lacks an asset.
    pub fn open(
        &self,
        client: u128,
        snapshot: impl Fn() -> Arc<Snapshot>,
        assets: Option<Assets>,
        since: Option<u64>,
    ) -> Result<Reader, InventoryError> {
        let place = self.places.take(client)?;
        let messages = self.messages.subscribe();
        // In this order, so that no change falls between what is read now and what is heard of.
        let snapshot = snapshot();
        let unknown = |asset: &&_| snapshot.get(**asset).is_none();
        if let Some(asset) = assets.iter().flatten().find(unknown) {
            return Err(InventoryError::AssetNotFound(*asset));
        }
        let since = since.and_then(|version| snapshot.number_of(version)).unwrap_or(0);
        let first = match &assets {
            None if since == 0 => self.whole(&snapshot),
            None => Arc::new(Batch::of(&snapshot, snapshot.entries.iter(), since)),
            Some(assets) => {
                let asked = assets.iter().filter_map(|asset| snapshot.get(*asset));
                Arc::new(Batch::of(&snapshot, asked, since))
            }
        };
        let has_ended = self.has_ended.load(Ordering::SeqCst);
        Ok(Reader::new(messages, place, assets, &first, has_ended))
    }

    /// After a restart everybody comes at once.
    fn whole(&self, snapshot: &Snapshot) -> Arc<Batch> {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, batch)) = whole.as_ref().filter(|(number, _)| *number == snapshot.number) {
            return Arc::clone(batch);
        }
        let batch = Arc::new(Batch::of(snapshot, snapshot.entries.iter(), 0));
        *whole = Some((snapshot.number, Arc::clone(&batch)));
        batch
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
