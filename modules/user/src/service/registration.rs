//! Signing up.

use tradepost_kernel::UserId;
use tradepost_platform::auth::USER;
use tradepost_platform::dynamo::WriteError;

use super::UserService;
use crate::UserError;
use crate::fields::{DateOfBirth, Email, NewPassword, PersonName, Phone, Username};
use crate::store::{Credentials, Profile};

/// What somebody signs up with.
#[derive(Debug)]
pub struct Registration {
    pub username: Username,
    pub email: Email,
    pub password: NewPassword,
    pub first_name: PersonName,
    pub last_name: PersonName,
    pub phone: Option<Phone>,
    pub date_of_birth: Option<DateOfBirth>,
    pub marketing_emails_consent: bool,
}

impl UserService {
    /// Makes the user, the claims on name and address, and the empty cash position, in one write.
    pub async fn register(&self, registration: Registration) -> Result<UserId, UserError> {
        let user = UserId::generate();
        let now = self.clock.now();
        let password_hash = self.passwords.hash(registration.password.password()).await?;
        let credentials = Credentials { user, role: USER.to_owned(), password_hash };
        let profile = Profile {
            user,
            username: registration.username,
            email: registration.email,
            first_name: registration.first_name,
            last_name: registration.last_name,
            phone: registration.phone,
            date_of_birth: registration.date_of_birth,
            marketing_emails_consent: registration.marketing_emails_consent,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        let write = self.store.write(user).new_user(
            &profile,
            &credentials,
            UserError::UsernameTaken,
            UserError::EmailTaken,
        );
        match write.into_write().commit().await {
            Ok(()) => {
                tracing::info!(target: "audit", %user, "registered");
                Ok(user)
            }
            Err(WriteError::Lost(lost)) => Err(lost.error),
            Err(WriteError::Outage(outage)) => Err(outage.into()),
        }
    }
}
