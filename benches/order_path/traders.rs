//! Users with more cash than they can spend in a run.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::Outcome;

const PASSWORD: &str = "TestPassword123!";

/// A user who is logged in.
pub struct Trader {
    /// The access token.
    pub token: String,
}

impl Trader {
    /// Signs up the user of a number, and gives them a million dollars.
    pub async fn sign_up(base: &str, number: usize) -> Outcome<Self> {
        let username = format!("trader_{number}");
        let registration = json!({
            "username": username, "email": format!("{username}@example.com"), "password": PASSWORD,
            "first_name": "Jane", "last_name": "Doe",
        });
        post(base, "/auth/register", "", &registration, StatusCode::CREATED).await?;
        let login = json!({ "username": username, "password": PASSWORD });
        let answer = post(base, "/auth/login", "", &login, StatusCode::OK).await?;
        let token = answer["access_token"].as_str().ok_or("a login without a token")?.to_owned();
        let cash = json!({ "amount": "1000000.00" });
        post(base, "/balance/deposit", &token, &cash, StatusCode::CREATED).await?;
        Ok(Self { token })
    }
}

async fn post(base: &str, path: &str, token: &str, body: &Value, expected: StatusCode) -> Outcome<Value> {
    let request = Client::new().request(Method::POST, format!("{base}/api/v1{path}"));
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    let response = request.json(body).send().await?;
    let status = response.status();
    let answer = response.text().await?;
    if status != expected {
        return Err(format!("POST {path} was answered {status}: {answer}").into());
    }
    Ok(serde_json::from_str(&answer)?)
}
