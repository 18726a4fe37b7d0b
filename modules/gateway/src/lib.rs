//! The edge of a split deployment: one public origin in front of the processes that serve the modules, so that
//! clients cannot tell the shapes apart.
//!
//! A request goes to the module that owns its path ([`Module`]), there to one of its upstreams: of two healthy
//! ones drawn at random, the one with fewer requests in flight, unless its circuit breaker is open. Bodies
//! stream both ways. Only a request that is safe, or bears an `Idempotency-Key` that its route takes, is sent a
//! second time, and only when no answer came.
//!
//! What is taken from libraries and what is not:
//! * The client is hyper's own (`hyper-util`), not reqwest on top of it: reqwest passes each address through the
//!   rules of browsers, which resolve `%2e%2e` and escape some characters, so that what is sent could differ from
//!   what was matched. Here the target goes on byte for byte, without redirects, proxies or added headers.
//! * Of the breakers on offer, `failsafe` and `recloser` let everybody through when half open, and
//!   `tower-resilience-circuitbreaker` judges an exchange by the head of its answer; none of them takes its time
//!   from a clock that tests can move. `breaker` is a hundred lines of pure code instead.
//! * `tower`'s balancer owns its services and knows neither health nor a second choice that avoids the first;
//!   `pingora` is a server of its own, in which the limits, documents and headers of the monolith could not be
//!   the same code. Choosing one of two is the ten lines of `pool`.

mod answer;
mod breaker;
mod client;
mod error;
mod forward;
mod forwarded;
mod gateway;
mod headers;
mod health;
mod pool;
mod request;
mod routes;
mod settings;
mod upload;
mod upstream;

pub use error::PROBLEMS;
pub use forward::forward;
pub use gateway::{Gateway, TakesKey};
pub use routes::Module;
pub use settings::Settings;
