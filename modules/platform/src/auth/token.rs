//! Access tokens: Ed25519 signatures (RFC 8037), one fixed algorithm, issuer and audience.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use tradepost_kernel::{Clock, SessionId, UserId};
use tradepost_problem::Outage;

use super::KeyRing;

/// What an access token says (RFC 7519 section 4, and `uid`, `sid`, `role`, `typ` of this platform).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The username.
    pub sub: String,
    /// The immutable user id.
    pub uid: UserId,
    /// `user`, or `admin`.
    pub role: String,
    /// The session this token belongs to.
    pub sid: SessionId,
    /// Always `access`.
    pub typ: String,
    /// Who issued it.
    pub iss: String,
    /// Who it is for.
    pub aud: String,
    /// Issued at, in Unix seconds.
    pub iat: i64,
    /// Refused from this Unix second on.
    pub exp: i64,
    /// Unique per token.
    pub jti: String,
}

/// The issuer and audience that all processes of one installation agree on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TokenSettings {
    /// `iss` of every token.
    pub issuer: String,
    /// `aud` of every token.
    pub audience: String,
}

/// Checks access tokens against the published keys. Costs no storage call.
pub struct Verifier {
    keys: Arc<KeyRing>,
    validation: Validation,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// A verifier for tokens signed with one of `keys`.
    #[must_use]
    pub fn new(keys: Arc<KeyRing>, settings: &TokenSettings, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the machine's clock; expiry is checked below against the platform's.
        validation.validate_exp = false;
        Self { keys, validation, clock }
    }

    /// The claims of a valid token, or `None`.
    ///
    /// # Errors
    /// [`Outage`] when the key of the token is not known yet and cannot be had now.
    pub async fn verify(&self, token: &str) -> Result<Option<Claims>, Outage> {
        let Some(kid) = decode_header(token).ok().and_then(|header| header.kid) else { return Ok(None) };
        let Some(key) = self.keys.key(&kid).await? else { return Ok(None) };
        let claims = decode::<Claims>(token, &key, &self.validation).ok().map(|token| token.claims);
        let now = self.clock.now().timestamp();
        Ok(claims.filter(|claims| claims.typ == "access" && now < claims.exp))
    }
}
