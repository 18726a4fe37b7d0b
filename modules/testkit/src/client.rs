//! Clients: one without a token, and users with one.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::Answer;
use crate::world::{next_number, note};

/// A client of one platform, without a token.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
}

impl Client {
    /// A request to a path such as `/api/v1/balance`, to be completed and given to [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request, and checks what every answer must have.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let path = request.url().path().to_owned();
        let (method, what) = (request.method().clone(), format!("{} {}", request.method(), request.url()));
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer { request: what, status, headers, text: response.text().await.unwrap() };
        note(&method, &path);
        assert!(!answer.header("x-request-id").is_empty(), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{answer:?}");
        assert!(!answer.header("content-security-policy").is_empty(), "{answer:?}");
        if (status.is_client_error() || status.is_server_error()) && method != Method::HEAD {
            answer.check_problem(&path);
            self.check_page(&answer).await;
        }
        answer
    }

    /// The `type` of a problem must lead to a page that explains it.
    async fn check_page(&self, answer: &Answer) {
        let address = format!("{}{}", self.base, answer.field("type"));
        let page = self.http.get(&address).send().await.unwrap();
        assert_eq!(page.status().as_u16(), 200, "{address}");
        assert!(page.text().await.unwrap().contains(&answer.field("code")), "{address}");
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// POST with whatever text as a JSON body.
    pub async fn post_text(&self, path: &str, body: impl Into<String>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body.into())).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Signs up somebody new and logs them in.
    pub async fn new_user(&self) -> User {
        let username = format!("user_{:08}_{}", next_number(), std::process::id());
        let registration = registration(&username);
        self.post("/api/v1/auth/register", &registration).await.expect(201);
        self.log_in(&username, PASSWORD).await
    }

    /// Logs somebody in.
    pub async fn log_in(&self, username: &str, password: &str) -> User {
        let login = json!({ "username": username, "password": password });
        let answer = self.post("/api/v1/auth/login", &login).await.expect(200);
        User {
            username: username.to_owned(),
            token: answer.field("access_token"),
            refresh_token: answer.field("refresh_token"),
            client: self.clone(),
        }
    }
}

/// The password of every user that [`Client::new_user`] makes.
pub const PASSWORD: &str = "TestPassword123!";

/// A complete and valid body for `/auth/register`.
#[must_use]
pub fn registration(username: &str) -> Value {
    json!({
        "username": username,
        "email": format!("{username}@example.com"),
        "password": PASSWORD,
        "first_name": "Jane",
        "last_name": "Doe",
    })
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub username: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The client without the token.
    pub client: Client,
}

impl User {
    /// A request with the token, to be completed and given to [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, path).bearer_auth(&self.token)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.client.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.client.send(self.request(Method::POST, path).json(body)).await
    }

    /// POST with whatever text as a JSON body.
    pub async fn post_text(&self, path: &str, body: impl Into<String>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.client.send(request.body(body.into())).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.client.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Puts cash in.
    pub async fn deposit(&self, amount: &str) -> Answer {
        self.post("/api/v1/balance/deposit", &json!({ "amount": amount })).await.expect(201)
    }

    /// Places a market order.
    pub async fn order(&self, order_type: &str, asset: &str, quantity: &str) -> Answer {
        let order = json!({ "order_type": order_type, "asset_id": asset, "quantity": quantity });
        self.post("/api/v1/orders", &order).await
    }

    /// The available cash, e.g. `"100.00"`.
    pub async fn cash(&self) -> String {
        self.get("/api/v1/balance").await.expect(200).field("available_balance")
    }
}
