//! Making tokens: access tokens signed with Ed25519, and opaque refresh tokens that each lead to the next.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use tradepost_kernel::{SessionId, Timestamp, UserId};
use tradepost_platform::auth::{Claims, TokenSettings};
use tradepost_platform::secrets::{Key, Secret, random, sha256};
use tradepost_problem::Outage;

use crate::store::Session;

/// The key that signs access tokens. Only the user module has it.
pub struct SigningKey {
    key: EncodingKey,
    public: Jwk,
}

impl SigningKey {
    /// Reads a PKCS#8 private key in PEM form.
    ///
    /// # Errors
    /// A sentence that says what is wrong; it never quotes the key.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let wrong = |_| "it must be an Ed25519 private key in PKCS#8 PEM form".to_owned();
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(wrong)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(wrong)?;
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256).map_err(wrong)?);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, public })
    }

    /// A new private key in PEM form.
    ///
    /// # Errors
    /// [`Outage::Internal`] when the system gives no randomness.
    pub fn generate_pem() -> Result<String, Outage> {
        let defect = |_| Outage::internal("signing key", &"no key could be made");
        let pair = Ed25519KeyPair::generate().map_err(defect)?;
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(defect)?;
        let body = STANDARD.encode(der.as_ref());
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"))
    }

    /// The public half, for everyone who verifies (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }
}

/// Makes the tokens of a session.
pub struct Tokens {
    signing: SigningKey,
    settings: TokenSettings,
    refresh: Key,
    access_token_s: i64,
}

/// What a refresh token says once it is unpacked: user id, session id, and 32 secret bytes. Its text ends with a
/// signature, so that nobody can end a session with a token that was made up.
#[derive(Clone, Copy)]
pub struct RefreshToken {
    pub user: UserId,
    pub session: SessionId,
    secret: [u8; 32],
}

impl Tokens {
    pub fn new(
        signing: SigningKey,
        settings: TokenSettings,
        secret: &Secret,
        access_token_minutes: u32,
    ) -> Self {
        let access_token_s = i64::from(access_token_minutes) * 60;
        Self { signing, settings, refresh: secret.derive("refresh tokens"), access_token_s }
    }

    pub fn jwks(&self) -> JwkSet {
        self.signing.jwks()
    }

    /// How long an access token is valid, in seconds.
    pub fn access_token_s(&self) -> i64 {
        self.access_token_s
    }

    /// The access token that goes with a refresh token. Everything in it, its id included, follows from its
    /// arguments, so that a repeated refresh gets the same answer.
    pub fn access(&self, session: &Session, refresh: &RefreshToken, at: Timestamp) -> Result<String, Outage> {
        let claims = Claims {
            sub: session.username.clone(),
            uid: session.user,
            role: session.role.clone(),
            sid: session.id,
            typ: "access".to_owned(),
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            iat: at.timestamp(),
            exp: at.timestamp() + self.access_token_s,
            jti: URL_SAFE_NO_PAD.encode(&self.refresh.sign(&[b"jti", &refresh.secret])[..16]),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = self.signing.public.common.key_id.clone();
        jsonwebtoken::encode(&header, &claims, &self.signing.key)
            .map_err(|error| Outage::internal("access token", &error))
    }

    /// The text of a refresh token.
    pub fn encode(&self, token: &RefreshToken) -> String {
        let signature = self.signature(token);
        URL_SAFE_NO_PAD.encode([&token.parts().concat()[..], &signature[..]].concat())
    }

    /// Reads a refresh token, if this platform made it.
    pub fn decode(&self, text: &str) -> Option<RefreshToken> {
        let bytes: [u8; 80] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let token = RefreshToken {
            user: UserId::from_bytes(bytes[..16].try_into().ok()?),
            session: SessionId::from_bytes(bytes[16..32].try_into().ok()?),
            secret: bytes[32..64].try_into().ok()?,
        };
        verify_slices_are_equal(&self.signature(&token), &bytes[64..]).ok().map(|()| token)
    }

    fn signature(&self, token: &RefreshToken) -> [u8; 16] {
        let [user, session, secret] = token.parts();
        let mut signature = [0; 16];
        signature.copy_from_slice(&self.refresh.sign(&[b"token", user, session, secret])[..16]);
        signature
    }

    /// The refresh token after this one. Only who has the server's key can tell it.
    pub fn successor(&self, token: &RefreshToken) -> RefreshToken {
        RefreshToken { secret: self.refresh.sign(&[b"next", &token.secret]), ..*token }
    }
}

impl RefreshToken {
    /// The first refresh token of a session.
    pub fn first(user: UserId, session: SessionId) -> Result<Self, Outage> {
        Ok(Self { user, session, secret: random()? })
    }

    /// What is stored of it.
    pub fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&self.secret))
    }

    fn parts(&self) -> [&[u8]; 3] {
        [self.user.as_bytes(), self.session.as_bytes(), &self.secret]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Engine, RefreshToken, Secret, SessionId, SigningKey, TokenSettings, Tokens, URL_SAFE_NO_PAD, UserId,
    };

    #[test]
    fn a_made_key_can_be_read_and_its_public_half_has_an_id() {
        let key = SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap();
        let jwk = &key.jwks().keys[0];
        assert!(jwk.common.key_id.is_some());
        assert!(SigningKey::from_pem("nonsense").is_err());
    }

    #[test]
    fn a_refresh_token_survives_its_text_form_and_cannot_be_made_up() {
        let key = SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap();
        let settings = TokenSettings { issuer: "i".into(), audience: "a".into() };
        let tokens = Tokens::new(key, settings, &Secret::from_bytes(b"test"), 60);
        let token = RefreshToken::first(UserId::generate(), SessionId::generate()).unwrap();
        let text = tokens.encode(&token);
        let read = tokens.decode(&text).unwrap();
        assert_eq!((read.user, read.session, read.hash()), (token.user, token.session, token.hash()));

        let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            assert!(tokens.decode(&URL_SAFE_NO_PAD.encode(&bytes)).is_none(), "byte {index}");
            bytes[index] ^= 1;
        }
        assert!(tokens.decode("abc").is_none());
    }
}
