//! One stream: what is to be sent to one client.

use std::convert::Infallible;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::batch::{Assets, Batch};
use super::places::Place;
use super::{CAPACITY, Message};

/// How long clients wait before they connect again.
const RETRY: Bytes = Bytes::from_static(b"retry: 2000\n\n");
const BEAT: Bytes = Bytes::from_static(b":\n\n");
const BYE: Bytes = Bytes::from_static(b": bye\n\n");

/// One stream.
pub struct Reader {
    messages: Receiver<Message>,
    assets: Option<Assets>,
    /// The snapshot it began with.
    number: u64,
    /// What is to be sent, the next one last.
    pieces: Vec<Bytes>,
    is_over: bool,
    /// Whether it did not keep up.
    is_behind: bool,
    _place: Place,
}

impl Reader {
    pub(super) fn new(
        messages: Receiver<Message>,
        place: Place,
        assets: Option<Assets>,
        first: &Batch,
        is_over: bool,
    ) -> Self {
        let mut pieces = vec![RETRY];
        pieces.extend(first.pieces(assets.as_ref()));
        pieces.reverse();
        Self { messages, assets, number: first.number, pieces, is_over, is_behind: false, _place: place }
    }

    /// What is sent, piece by piece as there is room for it.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, async |mut reader| reader.next().await.map(|piece| (Ok(piece), reader)))
    }

    async fn next(&mut self) -> Option<Bytes> {
        while self.pieces.is_empty() && !self.is_over {
            match self.messages.recv().await {
                Ok(Message::Changes(batch)) if batch.number > self.number => {
                    self.pieces = batch.pieces(self.assets.as_ref());
                    self.pieces.reverse();
                }
                Ok(Message::Changes(_)) => {}
                Ok(Message::Beat) => self.pieces.push(BEAT),
                Ok(Message::End) | Err(RecvError::Closed) => self.end(),
                // It connects again, and says which version it has.
                Err(RecvError::Lagged(_)) => {
                    self.is_behind = true;
                    self.end();
                }
            }
        }
        self.pieces.pop()
    }

    fn end(&mut self) {
        self.is_over = true;
        self.pieces.push(BYE);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // One that takes nothing at all is not asked for more, but cut off by whoever watches the connection.
        if self.is_behind || self.messages.len() > CAPACITY {
            metrics::counter!("tradepost_streams_dropped_total").increment(1);
        }
    }
}
