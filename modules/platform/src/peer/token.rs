//! Service tokens: who calls whom, on whose behalf, signed with a key that only the platform's processes can
//! derive.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use tradepost_kernel::{Clock, UserId};
use tradepost_problem::Outage;

use crate::secrets::Secret;

/// A token is good for this many seconds, and as far may two clocks be apart.
const LIFETIME_S: i64 = 30;

/// What a service token says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ServiceClaims {
    /// The module that calls.
    pub iss: String,
    /// The module that is called.
    pub aud: String,
    /// The user on whose behalf, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<UserId>,
    pub iat: i64,
    pub exp: i64,
}

/// Makes and checks service tokens.
pub struct ServiceTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    clock: Arc<dyn Clock>,
}

impl ServiceTokens {
    /// Tokens of the installation that has this secret.
    #[must_use]
    pub fn new(secret: &Secret, clock: Arc<dyn Clock>) -> Self {
        let key = secret.derive("service-tokens").sign(&[b"HS256"]);
        Self { encoding: EncodingKey::from_secret(&key), decoding: DecodingKey::from_secret(&key), clock }
    }

    pub(super) fn issue(&self, caller: &str, callee: &str, user: Option<UserId>) -> Result<String, Outage> {
        let iat = self.clock.now().timestamp();
        let (iss, aud) = (caller.to_owned(), callee.to_owned());
        let claims = ServiceClaims { iss, aud, uid: user, iat, exp: iat + LIFETIME_S };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| Outage::internal("service token", &error))
    }

    /// The claims of a token for this audience that is valid now.
    pub(super) fn verify(&self, token: &str, audience: &str) -> Option<ServiceClaims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The library would ask the machine's clock.
        validation.validate_exp = false;
        let claims = decode::<ServiceClaims>(token, &self.decoding, &validation).ok()?.claims;
        let now = self.clock.now().timestamp();
        (claims.iat <= now + LIFETIME_S && now < claims.exp + LIFETIME_S).then_some(claims)
    }
}
