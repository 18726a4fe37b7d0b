//! Secrets and what is derived from them, and the one source of random bytes.

use aws_lc_rs::{digest, hmac, rand};
use tradepost_problem::Outage;

/// The installation's service secret; every key with a purpose of its own is derived from it.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Takes the bytes of a secret.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The key for one purpose. Different purposes give unrelated keys.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Key {
        Key(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.0, purpose.as_bytes()).as_ref()))
    }
}

/// A key for one purpose.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// HMAC-SHA-256 over the parts, one after the other (RFC 2104).
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Bytes nobody can guess.
///
/// # Errors
/// [`Outage::Internal`] when the operating system gives no randomness.
pub fn random<const N: usize>() -> Result<[u8; N], Outage> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Outage::internal("random", &"no randomness from the system"))?;
    Ok(bytes)
}
