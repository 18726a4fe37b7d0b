//! Who is calling: access tokens, the middleware that checks them, and whether their session still lives.

mod caller;
mod keys;
mod liveness;
mod token;

pub(crate) use caller::user_of_token;
pub use caller::{Caller, signed_in};
pub use keys::{KeyRing, KeySource};
pub use liveness::{SessionCache, Sessions};
pub use token::{Claims, TokenSettings, Verifier};

use tradepost_problem::{About, Kind};

const UNAUTHENTICATED: About = About {
    code: "unauthenticated",
    kind: Kind::Unauthenticated,
    title: "Authentication required",
    explanation: "The route needs a valid access token in `Authorization: Bearer …`. It was missing or malformed, \
                  has expired, or belongs to a session that has ended. Log in, or use the refresh token.",
};

/// The problems of authentication.
pub const PROBLEMS: &[&About] = &[&UNAUTHENTICATED];
