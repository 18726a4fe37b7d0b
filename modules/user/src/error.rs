//! Why the user module refuses.

use tradepost_kernel::Usd;
use tradepost_platform::idempotency::KeyRefusal;
use tradepost_problem::{About, Failure, FieldError, Kind, Outage, http};
use tradepost_user_api::AccountsError;

const USERNAME_TAKEN: About = About {
    code: "username_taken",
    kind: Kind::Conflict,
    title: "Username taken",
    explanation: "Another user has this name. Names are unique whatever their case, and never given away again.",
};
const EMAIL_TAKEN: About = About {
    code: "email_taken",
    kind: Kind::Conflict,
    title: "E-mail address taken",
    explanation: "Another account uses this e-mail address.",
};
const INVALID_CREDENTIALS: About = About {
    code: "invalid_credentials",
    kind: Kind::Unauthenticated,
    title: "Invalid credentials",
    explanation: "The name or the password is wrong. Which of them is never told.",
};
const INVALID_REFRESH_TOKEN: About = About {
    code: "invalid_refresh_token",
    kind: Kind::Unauthenticated,
    title: "Invalid refresh token",
    explanation: "The refresh token is unknown, expired, or was used before. When a used one comes back, its \
                  whole session is ended, because it may have been stolen. Log in again.",
};
const SESSION_NOT_FOUND: About = About {
    code: "session_not_found",
    kind: Kind::NotFound,
    title: "No such session",
    explanation: "You have no live session with this id: it has ended, or there never was one.",
};
const TOO_MANY_ATTEMPTS: About = About {
    code: "too_many_attempts",
    kind: Kind::Limited,
    title: "Too many attempts",
    explanation: "There were too many wrong passwords for this account, or from this address, within five minutes. \
                  Until the time in `Retry-After` has passed, even the right one is refused; what is tried \
                  meanwhile does not prolong it.",
};
const WRONG_PASSWORD: About = About {
    code: "wrong_password",
    kind: Kind::Invalid,
    title: "Wrong password",
    explanation: "The current password given with the change is not the password of the account.",
};
const DAILY_LIMIT_EXCEEDED: About = About {
    code: "daily_limit_exceeded",
    kind: Kind::Invalid,
    title: "Daily limit exceeded",
    explanation: "Deposits and withdrawals are limited per user and UTC day. Nothing was moved; a smaller amount \
                  may still fit, and the count starts anew at midnight UTC.",
};
const DEPOSITS_DISABLED: About = About {
    code: "deposits_disabled",
    kind: Kind::Forbidden,
    title: "Deposits by the operator only",
    explanation: "On this installation users do not credit themselves; the operator does.",
};

/// The problems of this module, besides those of the accounts.
pub const PROBLEMS: &[&About] = &[
    &USERNAME_TAKEN,
    &EMAIL_TAKEN,
    &INVALID_CREDENTIALS,
    &INVALID_REFRESH_TOKEN,
    &SESSION_NOT_FOUND,
    &TOO_MANY_ATTEMPTS,
    &WRONG_PASSWORD,
    &DAILY_LIMIT_EXCEEDED,
    &DEPOSITS_DISABLED,
];

/// A refusal of the user module, or an outage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The name belongs to somebody.
    #[error("The username is already taken.")]
    UsernameTaken,
    /// The address belongs to somebody.
    #[error("The e-mail address is already in use.")]
    EmailTaken,
    /// Unknown name or wrong password.
    #[error("The username or the password is wrong.")]
    InvalidCredentials,
    /// A refresh token that is not, or no longer, good.
    #[error("The refresh token is not valid. Please log in again.")]
    InvalidRefreshToken,
    /// Not a live session of the caller.
    #[error("There is no such session.")]
    UnknownSession,
    /// The account or the address is blocked for a while.
    #[error("There were too many wrong passwords. Please try again in {retry_after_s} seconds.")]
    TooManyAttempts {
        /// When the block ends, in seconds from now.
        retry_after_s: u64,
    },
    /// The current password was not right.
    #[error("The current password is wrong.")]
    WrongPassword,
    /// The new password contains its owner's name or address.
    #[error("new_password must not contain the username or the e-mail address")]
    UnsuitablePassword,
    /// Over the daily cap.
    #[error("The daily limit is ${limit}, and ${left} of it is left today.")]
    DailyLimitExceeded {
        /// The cap in dollars.
        limit: Usd,
        /// What is left of it today, in dollars.
        left: Usd,
    },
    /// Users do not credit themselves here.
    #[error("Deposits are made by the operator on this installation.")]
    DepositsDisabled,
    /// The request is not the first under its idempotency key.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// What the accounts say.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
}

impl From<Outage> for UserError {
    fn from(outage: Outage) -> Self {
        Self::Accounts(outage.into())
    }
}

impl Failure for UserError {
    fn about(&self) -> &'static About {
        match self {
            Self::UsernameTaken => &USERNAME_TAKEN,
            Self::EmailTaken => &EMAIL_TAKEN,
            Self::InvalidCredentials => &INVALID_CREDENTIALS,
            Self::InvalidRefreshToken => &INVALID_REFRESH_TOKEN,
            Self::UnknownSession => &SESSION_NOT_FOUND,
            Self::TooManyAttempts { .. } => &TOO_MANY_ATTEMPTS,
            Self::WrongPassword => &WRONG_PASSWORD,
            Self::UnsuitablePassword => &http::VALIDATION,
            Self::DailyLimitExceeded { .. } => &DAILY_LIMIT_EXCEEDED,
            Self::DepositsDisabled => &DEPOSITS_DISABLED,
            Self::Key(refusal) => refusal.about(),
            Self::Accounts(error) => error.about(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let message = "must not contain the username or the e-mail address".to_owned();
        let broken = matches!(self, Self::UnsuitablePassword);
        broken.then(|| FieldError { field: "new_password".to_owned(), message }).into_iter().collect()
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after_s } => Some(*retry_after_s),
            Self::Key(refusal) => refusal.retry_after_s(),
            Self::Accounts(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
