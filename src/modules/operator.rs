//! What the operator can do with accounts.

use tradepost_platform::secrets::random;
use tradepost_user::{NewPassword, Username};

use super::{Foundation, StartError, user};

/// Sets a new, random password and ends all sessions of the user. Answers the password.
///
/// # Errors
/// When there is no such user, or the store does not answer.
pub async fn reset_password(foundation: &Foundation, username: &str) -> Result<String, StartError> {
    let username = parse(username)?;
    let bytes: [u8; 12] = random()?;
    let letters: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("Tp-{letters}-0");
    let password: NewPassword = text.parse().map_err(|rule| StartError::new(format!("{rule}")))?;
    let service = user::service(foundation)?;
    service.reset_password(&username, &password).await.map_err(|error| refused(&username, &error))?;
    Ok(text)
}

/// Makes a user an administrator. Answers whether they were none.
///
/// # Errors
/// When there is no such user, or the store does not answer.
pub async fn grant_admin(foundation: &Foundation, username: &str) -> Result<bool, StartError> {
    let username = parse(username)?;
    let service = user::service(foundation)?;
    service.grant_admin(&username).await.map_err(|error| refused(&username, &error))
}

/// Makes an administrator a user like any other and ends all their sessions. Answers whether they were one.
///
/// # Errors
/// When there is no such user, or the store does not answer.
pub async fn revoke_admin(foundation: &Foundation, username: &str) -> Result<bool, StartError> {
    let username = parse(username)?;
    let service = user::service(foundation)?;
    service.revoke_admin(&username).await.map_err(|error| refused(&username, &error))
}

/// Credits a user with cash. Answers the balance after it.
///
/// # Errors
/// When there is no such user, the amount is none, or the store does not answer.
pub async fn deposit(foundation: &Foundation, username: &str, amount: &str) -> Result<String, StartError> {
    let username = parse(username)?;
    let amount = tradepost_kernel::Usd::parse(amount)
        .map_err(|error| StartError::new(format!("The amount {error}.")))?;
    if amount == tradepost_kernel::Usd::ZERO {
        return Err(StartError::new("The amount must be greater than 0."));
    }
    let service = user::service(foundation)?;
    let balance = service.deposit_for(&username, amount).await.map_err(|error| refused(&username, &error))?;
    Ok(balance.to_string())
}

fn parse(username: &str) -> Result<Username, StartError> {
    username.parse().map_err(|rule| StartError::new(format!("A username {rule}.")))
}

fn refused(username: &Username, error: &tradepost_user::UserError) -> StartError {
    match error {
        tradepost_user::UserError::InvalidCredentials => {
            StartError::new(format!("There is no user `{username}`."))
        }
        other => StartError::new(other.to_string()),
    }
}
