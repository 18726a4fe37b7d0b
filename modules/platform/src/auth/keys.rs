//! The public keys that verify access tokens: given, or fetched from whoever publishes them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tradepost_problem::Outage;

/// Keys are asked for at most this often, however many tokens name unknown ones.
const PAUSE: Duration = Duration::from_secs(1);
/// And at least this often, so that a key that was withdrawn is forgotten.
const REFRESH: Duration = Duration::from_secs(300);

/// Whoever publishes the keys.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// All keys that are good now.
    ///
    /// # Errors
    /// [`Outage`] when they cannot be had now.
    async fn fetch(&self) -> Result<JwkSet, Outage>;
}

/// The keys this process knows. Those it fetched stay good while their source does not answer.
pub struct KeyRing {
    keys: ArcSwap<Vec<(String, DecodingKey)>>,
    source: Option<Arc<dyn KeySource>>,
    /// When the source was asked last, and how that ended.
    asked: Mutex<Option<(Instant, Result<(), Outage>)>>,
}

impl KeyRing {
    /// Keys that never change. Those that are not Ed25519 or have no `kid` are left out.
    #[must_use]
    pub fn fixed(keys: &JwkSet) -> Self {
        Self { keys: ArcSwap::from_pointee(usable(keys)), source: None, asked: Mutex::default() }
    }

    /// Keys fetched when a token names one that is not known yet, and every five minutes by [`KeyRing::run`].
    #[must_use]
    pub fn fetched(source: Arc<dyn KeySource>) -> Self {
        Self { keys: ArcSwap::default(), source: Some(source), asked: Mutex::default() }
    }

    /// The key of this id, or `None` if there is no such key.
    ///
    /// # Errors
    /// [`Outage`] when it is not known, and whether it exists cannot be found out now.
    pub async fn key(&self, kid: &str) -> Result<Option<DecodingKey>, Outage> {
        if let Some(key) = self.known(kid) {
            return Ok(Some(key));
        }
        self.refresh().await?;
        Ok(self.known(kid))
    }

    /// Keeps fetched keys fresh until told to stop.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        loop {
            let pause = if self.refresh().await.is_ok() { REFRESH } else { PAUSE };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        self.keys.load().iter().find(|(id, _)| id == kid).map(|(_, key)| key.clone())
    }

    async fn refresh(&self) -> Result<(), Outage> {
        let Some(source) = &self.source else { return Ok(()) };
        // Whoever comes while the source is being asked waits for that answer and takes it.
        let mut asked = self.asked.lock().await;
        if let Some((at, outcome)) = *asked
            && at.elapsed() < PAUSE
        {
            return outcome;
        }
        let outcome = source.fetch().await.map(|keys| self.keys.store(Arc::new(usable(&keys))));
        *asked = Some((Instant::now(), outcome));
        outcome
    }
}

fn usable(keys: &JwkSet) -> Vec<(String, DecodingKey)> {
    let usable = keys.keys.iter();
    usable.filter_map(|jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Publisher {
        is_down: AtomicBool,
        asked: AtomicU32,
    }

    #[async_trait]
    impl KeySource for Publisher {
        async fn fetch(&self) -> Result<JwkSet, Outage> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.is_down.load(Ordering::SeqCst) {
                return Err(Outage::peer("fetch", &"down"));
            }
            let key = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","alg":"EdDSA","use":"sig",
                          "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
            Ok(serde_json::from_str(key).unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_are_fetched_once_a_second_and_known_ones_never() {
        let publisher = Arc::new(Publisher::default());
        let ring = KeyRing::fetched(publisher.clone());
        assert!(ring.key("one").await.unwrap().is_some());
        assert!(ring.key("one").await.unwrap().is_some());
        for _ in 0..10 {
            assert!(ring.key("made up").await.unwrap().is_none());
        }
        assert_eq!(publisher.asked.load(Ordering::SeqCst), 1);
        tokio::time::advance(PAUSE).await;
        assert!(ring.key("made up").await.unwrap().is_none());
        assert_eq!(publisher.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn known_keys_outlive_their_source_and_unknown_ones_are_an_outage() {
        let publisher = Arc::new(Publisher::default());
        publisher.is_down.store(true, Ordering::SeqCst);
        let ring = KeyRing::fetched(publisher.clone());
        assert!(ring.key("one").await.is_err());
        publisher.is_down.store(false, Ordering::SeqCst);
        tokio::time::advance(PAUSE).await;
        assert!(ring.key("one").await.unwrap().is_some());
        publisher.is_down.store(true, Ordering::SeqCst);
        tokio::time::advance(REFRESH * 2).await;
        assert!(ring.key("one").await.unwrap().is_some());
        assert!(ring.key("two").await.is_err());
    }
}
