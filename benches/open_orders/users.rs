//! The users whose orders are open. They sign up over HTTP, as anybody does.

use jsonwebtoken::dangerous::insecure_decode;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tradepost_kernel::UserId;

use crate::Outcome;
use crate::platform::Platform;

pub const USERS: usize = 200;
const PASSWORD: &str = "TestPassword123!";
/// What a user may deposit in a day.
const CASH: &str = "10000.00";

#[derive(Deserialize)]
struct Claims {
    uid: UserId,
}

/// Signs up users with cash, at a server that is stopped afterwards.
pub async fn sign_up(platform: &Platform) -> Outcome<Vec<UserId>> {
    let app = platform.serve().await?;
    let base = format!("http://{}/api/v1", app.address());
    let http = Client::builder().no_proxy().build()?;
    let mut users = Vec::new();
    for number in 0..USERS {
        users.push(sign_up_one(&http, &base, number).await?);
    }
    app.stop().await;
    Ok(users)
}

async fn sign_up_one(http: &Client, base: &str, number: usize) -> Outcome<UserId> {
    let username = format!("trader_{number}");
    let registration = json!({
        "username": username, "email": format!("{username}@example.com"), "password": PASSWORD,
        "first_name": "Jane", "last_name": "Doe",
    });
    let post = async |path: &str, token: &str, body: &Value| -> Outcome<Value> {
        let request = http.post(format!("{base}{path}")).json(body);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let answer = request.send().await?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => Ok(answer.json().await?),
            status => Err(format!("POST {path} was answered {status}: {}", answer.text().await?).into()),
        }
    };
    post("/auth/register", "", &registration).await?;
    let login = post("/auth/login", "", &json!({ "username": username, "password": PASSWORD })).await?;
    let token = login["access_token"].as_str().ok_or("a login without a token")?;
    post("/balance/deposit", token, &json!({ "amount": CASH })).await?;
    Ok(insecure_decode::<Claims>(token)?.claims.uid)
}
