//! How long a connection may lie about without a request.
//!
//! The server itself times the head of the first request and the pause after an answer. A client that keeps a
//! connection from pausing, by the slow head of a later request, by a body that nobody reads or by not taking its
//! answer, would never be cut.

use std::any::Any;
use std::cell::Cell;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use actix_web::rt::task::JoinHandle;
use actix_web::web::Bytes;
use socket2::{SockRef, Socket};

/// A connection that is watched. It takes a second descriptor of the socket to cut it by.
struct Connection {
    socket: Socket,
    /// Requests whose answer is not sent off yet.
    under_way: Cell<u32>,
    idle_since: Cell<Instant>,
    /// Since when the server has had a piece of an answer and asked for no other: the client takes none.
    untaken_since: Cell<Option<Instant>>,
    watching: Cell<Option<JoinHandle<()>>>,
}

/// Cuts a new connection once it has had no request for `patience`, or its client has taken nothing of an answer for
/// as long. That should be longer than the time the server gives a pause and a head together. Give it to the server as `on_connect`, and [`hold_connection`] to the app.
pub fn watch_connection(stream: &dyn Any, extensions: &mut Extensions, patience: Duration) {
    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    let stream = SockRef::from(stream);
    let Ok(socket) = stream.try_clone() else {
        // There are no descriptors left, and what cannot be watched is not served.
        let _ = stream.shutdown(Shutdown::Both);
        return;
    };
    let connection = Rc::new(Connection {
        socket,
        under_way: Cell::new(0),
        idle_since: Cell::new(Instant::now()),
        untaken_since: Cell::new(None),
        watching: Cell::new(None),
    });
    let watching = actix_web::rt::spawn(cut_when_idle(Rc::downgrade(&connection), patience));
    connection.watching.set(Some(watching));
    extensions.insert(connection);
}

async fn cut_when_idle(connection: Weak<Connection>, patience: Duration) {
    let mut wait = patience;
    loop {
        tokio::time::sleep(wait).await;
        let Some(connection) = connection.upgrade() else { return };
        wait = connection.patience_left(patience);
        if wait.is_zero() {
            // The server sees the end of the stream and cleans up.
            let _ = connection.socket.shutdown(Shutdown::Both);
            return;
        }
    }
}

impl Connection {
    fn patience_left(&self, patience: Duration) -> Duration {
        let idle_since = (self.under_way.get() == 0).then(|| self.idle_since.get());
        let since = idle_since.or_else(|| self.untaken_since.get());
        since.map_or(patience, |since| patience.saturating_sub(since.elapsed()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(watching) = self.watching.take() {
            watching.abort();
        }
    }
}

/// A request that is being answered.
struct UnderWay(Rc<Connection>);

impl UnderWay {
    fn on(connection: &Rc<Connection>) -> Self {
        connection.under_way.set(connection.under_way.get() + 1);
        Self(Rc::clone(connection))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get().saturating_sub(1));
        self.0.idle_since.set(Instant::now());
        self.0.untaken_since.set(None);
    }
}

/// Keeps the connection from being cut until the answer has left. The outermost middleware.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn hold_connection(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let under_way = request.conn_data::<Rc<Connection>>().map(UnderWay::on);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| Held { body, under_way }))
}

/// The body of an answer that is not sent off yet.
struct Held {
    body: BoxBody,
    under_way: Option<UnderWay>,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let piece = Pin::new(&mut this.body).poll_next(context);
        if let Some(UnderWay(connection)) = &this.under_way {
            // The server asks for the next piece at once, unless what it has to send already is too much.
            let is_piece = matches!(piece, Poll::Ready(Some(Ok(_))));
            connection.untaken_since.set(is_piece.then(Instant::now));
        }
        piece
    }
}
