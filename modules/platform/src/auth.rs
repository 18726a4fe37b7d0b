//! Who is calling: access tokens, the middleware that checks them, and whether their session still lives.

mod caller;
mod keys;
mod liveness;
mod token;

pub(crate) use caller::user_of_token;
pub use caller::{Caller, admin_only, signed_in};
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

/// As `tradepost_problem::http` lists it for the framework's own 403.
const FORBIDDEN: About = About {
    code: "forbidden",
    kind: Kind::Forbidden,
    title: "Forbidden",
    explanation: "The caller is known and may not do this.",
};

/// The problems of authentication, and of what is only for some.
pub const PROBLEMS: &[&About] = &[&UNAUTHENTICATED, &FORBIDDEN];

/// The role of a user like any other, in `role` of an access token.
pub const USER: &str = "user";
/// The role that [`admin_only`] asks for.
pub const ADMIN: &str = "admin";

#[cfg(test)]
mod tests {
    use tradepost_problem::http;

    use super::FORBIDDEN;

    #[test]
    fn there_is_one_problem_of_a_code() {
        let of_http = http::PROBLEMS.iter().find(|about| about.code == FORBIDDEN.code);
        assert_eq!(of_http, Some(&&FORBIDDEN));
    }
}
