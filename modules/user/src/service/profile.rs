//! What users say of themselves.

use tradepost_kernel::{EntryId, UserId};
use tradepost_platform::dynamo::WriteError;
use tradepost_problem::Outage;
use tradepost_user_api::AccountsError;

use super::{MOST_RACES, UserService};
use crate::UserError;
use crate::fields::{DateOfBirth, Email, PersonName, Phone};
use crate::store::Profile;

/// The fields to change; `None` leaves one as it is.
#[derive(Debug)]
pub struct ProfileChanges {
    pub first_name: Option<PersonName>,
    pub last_name: Option<PersonName>,
    pub email: Option<Email>,
    /// `Some(None)` removes the number.
    pub phone: Option<Option<Phone>>,
    pub date_of_birth: Option<DateOfBirth>,
    pub marketing_emails_consent: Option<bool>,
}

impl UserService {
    /// The profile of a user.
    pub async fn profile(&self, user: UserId) -> Result<Profile, UserError> {
        Ok(self.store.profile(user).await?.ok_or(AccountsError::UnknownUser)?)
    }

    /// Changes a profile and answers the new one.
    pub async fn change_profile(&self, user: UserId, changes: &ProfileChanges) -> Result<Profile, UserError> {
        for _ in 0..MOST_RACES {
            let old = self.profile(user).await?;
            let new = changes.applied_to(&old, self.clock.now());
            let write = self.store.write(EntryId::generate());
            let write = write.profile(&old, &new, None, Some(UserError::EmailTaken));
            match write.into_write().commit().await {
                Ok(()) => return Ok(new),
                Err(WriteError::Lost(lost)) => {
                    if let Some(error) = lost.error {
                        return Err(error);
                    }
                }
                Err(WriteError::Outage(outage)) => return Err(outage.into()),
            }
        }
        Err(Outage::busy("change profile").into())
    }
}

impl ProfileChanges {
    fn applied_to(&self, old: &Profile, now: tradepost_kernel::Timestamp) -> Profile {
        Profile {
            first_name: self.first_name.clone().unwrap_or_else(|| old.first_name.clone()),
            last_name: self.last_name.clone().unwrap_or_else(|| old.last_name.clone()),
            email: self.email.clone().unwrap_or_else(|| old.email.clone()),
            phone: self.phone.clone().unwrap_or_else(|| old.phone.clone()),
            date_of_birth: self.date_of_birth.or(old.date_of_birth),
            marketing_emails_consent: self.marketing_emails_consent.unwrap_or(old.marketing_emails_consent),
            version: old.version + 1,
            updated_at: now,
            ..old.clone()
        }
    }
}
