//! How many streams each client has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::InventoryError;

/// How many streams each client has, and may have.
pub struct Places {
    per_client: u32,
    taken: Mutex<HashMap<u128, u32>>,
}

/// The place of one stream, free again when this is dropped.
pub struct Place {
    client: u128,
    places: Arc<Places>,
}

impl Places {
    pub fn new(per_client: u32) -> Self {
        Self { per_client, taken: Mutex::default() }
    }

    /// Takes a place for a client.
    ///
    /// # Errors
    /// When it has all it may have.
    pub fn take(self: &Arc<Self>, client: u128) -> Result<Place, InventoryError> {
        let mut taken = self.taken();
        let own = taken.get(&client).copied().unwrap_or(0);
        if own >= self.per_client {
            return Err(InventoryError::TooManyStreams(self.per_client));
        }
        taken.insert(client, own + 1);
        metrics::gauge!("tradepost_streams").increment(1.0);
        Ok(Place { client, places: Arc::clone(self) })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u128, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.client);
            }
        }
        metrics::gauge!("tradepost_streams").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Places;
    use crate::InventoryError;

    #[test]
    fn each_client_has_its_places_and_gets_them_back() {
        let places = Arc::new(Places::new(2));
        let held = [places.take(1), places.take(1), places.take(2)].map(Result::unwrap);
        assert_eq!(places.take(1).err(), Some(InventoryError::TooManyStreams(2)));
        let last = places.take(2).unwrap();
        drop(held);
        assert!(places.take(1).is_ok());
        drop(last);
        assert!(places.taken().is_empty());
    }
}
