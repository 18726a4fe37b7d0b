//! What stands at every public listener: whose address a request comes from, how large its head may be, how many
//! requests there may be a minute, and how long a connection may lie about without one.
//!
//! The server's own parser stops earlier at what it cannot hold, and answers without a problem document: 400 to a
//! URI of 65 535 bytes or more, 431 to a head that is not complete within 128 KiB or has more than 96 header lines.

mod address;
mod allowance;
mod connection;
mod head;
mod hop;
mod rates;
mod standing;

use std::net::{IpAddr, Ipv4Addr};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use tradepost_problem::{About, Outage, Rejection};

pub use address::{ClientAddress, PublicOrigin, TrustedProxies};
pub use connection::{hold_connection, watch_connection};
pub use head::HeadLimits;
pub use rates::{Each, Policy, RateLimits};

use crate::auth::user_of_token;
use rates::RATE_LIMITED;
use standing::Standings;

/// The problems of the guard, beside those of HTTP itself.
pub const PROBLEMS: &[&About] = &[&RATE_LIMITED];

/// What every request has to pass. Give it to the app as [`Data`], one for all workers.
pub struct Guard {
    proxies: TrustedProxies,
    head: HeadLimits,
    rates: RateLimits,
}

impl Guard {
    /// A guard with these limits.
    #[must_use]
    pub fn new(proxies: TrustedProxies, head: HeadLimits, rates: RateLimits) -> Self {
        Self { proxies, head, rates }
    }

    /// A connection without an address, which TCP does not have, shares one allowance with all of its kind.
    fn client(&self, request: &ServiceRequest) -> IpAddr {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let (client, origin) = self.proxies.client(peer, request.headers());
        let mut extensions = request.extensions_mut();
        extensions.insert(ClientAddress(client));
        extensions.insert(origin);
        client
    }

    /// What costs least comes first, so that what is refused by its address costs no check of a signature.
    async fn admit(&self, request: &ServiceRequest, standings: &mut Standings) -> Result<(), Rejection> {
        let client = self.client(request);
        let is_limited = self.rates.is_limited(request);
        if is_limited {
            self.rates.draw(Each::Address, address::key(client), request, standings)?;
        }
        let peer = request.peer_addr().map(|peer| peer.ip());
        self.head.check(request, peer.is_some_and(|peer| self.proxies.trusts(peer)))?;
        if is_limited
            && self.rates.has(Each::User)
            && let Some(user) = user_of_token(request).await
        {
            self.rates.draw(Each::User, u128::from_be_bytes(*user.as_bytes()), request, standings)?;
        }
        Ok(())
    }
}

/// Lets a request pass that the [`Guard`] of the app admits, says with every answer how much of each limit is left,
/// and puts the [`ClientAddress`] and the [`PublicOrigin`] into the request's extensions. Wrap it inside the middleware that writes problem
/// documents and CORS headers, and outside the routes; where paths are normalised, inside of that, so that no way of
/// writing a path escapes its class.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn guard<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let mut standings = Standings::default();
    let admitted = match request.app_data::<Data<Guard>>().cloned() {
        Some(guard) => guard.admit(&request, &mut standings).await,
        None => Err(Outage::internal("guard", &"the app has no guard").into()),
    };
    let mut response = match admitted {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(rejection) => request.error_response(rejection).map_into_right_body(),
    };
    standings.write(response.headers_mut());
    Ok(response)
}
