//! Reading bodies, with a bound on how much memory they take all together.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, Payload};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::refusal::Refusal;

/// The most that DynamoDB takes.
const LARGEST: usize = 16 * 1024 * 1024;
/// Bodies up to this size need no room of their own; that of nearly every request is one.
const SMALL: usize = 64 * 1024;
/// What larger bodies may take all together, in KiB: four of the largest.
const ROOM_KIB: usize = 4 * LARGEST / 1024;
/// How long a body may take, the wait for its room included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The room for large bodies: without a bound, a few hundred connections could fill the memory.
pub(super) struct Room(Semaphore);

/// A body, and its place in the room.
pub(super) struct Body<'a> {
    pub(super) bytes: Bytes,
    _place: Option<SemaphorePermit<'a>>,
}

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(ROOM_KIB))
    }
}

impl Room {
    /// Reads a body once there is room for it.
    pub(super) async fn read(&self, request: &HttpRequest, payload: Payload) -> Result<Body<'_>, Refusal> {
        let size = announced(request)?;
        tokio::time::timeout(PATIENCE, async {
            let place = self.place(size).await?;
            match payload.to_bytes_limited(size).await {
                Ok(Ok(bytes)) => Ok(Body { bytes, _place: place }),
                Ok(Err(_)) => Err(Refusal::Unreadable),
                Err(_) => Err(Refusal::TooLarge),
            }
        })
        .await
        .unwrap_or(Err(Refusal::TooSlow))
    }

    async fn place(&self, size: usize) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        if size <= SMALL {
            return Ok(None);
        }
        let kib = u32::try_from(size.div_ceil(1024)).map_err(|_| Refusal::TooLarge)?;
        // The semaphore is never closed.
        self.0.acquire_many(kib).await.map(Some).map_err(|_| Refusal::TooSlow)
    }
}

/// How large the body is at most: a body that comes in chunks does not say.
fn announced(request: &HttpRequest) -> Result<usize, Refusal> {
    let Some(length) = request.headers().get(CONTENT_LENGTH) else { return Ok(LARGEST) };
    let length = length.to_str().ok().and_then(|length| length.parse().ok()).ok_or(Refusal::Unreadable)?;
    if length > LARGEST { Err(Refusal::TooLarge) } else { Ok(length) }
}
