//! Administrators, as the operator makes and unmakes them with the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;

use jsonwebtoken::dangerous::insecure_decode;
use serde_json::{Value, json};
use support::{Client, Server, reconcile, run, text};
use tempfile::TempDir;
use tradepost_platform::auth::Claims;

const NAME: &str = "jane_doe";

/// What the operator is told, and what the log says of it.
fn told(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = run(folder, &[arguments, &["--set", "log.format=json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (text(&output.stdout).trim_end().to_owned(), text(&output.stderr))
}

/// The lines of a log that tell of a role.
fn audited(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"] == "audit" && line["message"] == "role changed").collect()
}

/// What a login or a refresh gives.
struct Session {
    client: Client,
    access_token: String,
    refresh_token: String,
}

impl Session {
    async fn ask(client: Client, path: &str, body: Value) -> Result<Self, (u16, String)> {
        let (status, body) = client.post(path, body).await.unwrap();
        let token = |name: &str| body[name].as_str().map(str::to_owned);
        let tokens = token("access_token").zip(token("refresh_token"));
        let (access_token, refresh_token) =
            tokens.ok_or_else(|| (status, body["code"].as_str().unwrap().to_owned()))?;
        Ok(Self { client, access_token, refresh_token })
    }

    async fn open(server: &Server) -> Self {
        let client = Client { http: reqwest::Client::new(), base: server.base.clone(), token: String::new() };
        let login = json!({ "username": NAME, "password": "TestPassword123!" });
        Self::ask(client, "/auth/login", login).await.unwrap()
    }

    /// At a server that was started after the one that opened it.
    async fn refresh(&self, server: &Server) -> Result<Self, (u16, String)> {
        let client = Client { base: server.base.clone(), ..self.client.clone() };
        Self::ask(client, "/auth/refresh", json!({ "refresh_token": self.refresh_token })).await
    }

    fn role(&self) -> String {
        let claims: Claims = insecure_decode(&self.access_token).unwrap().claims;
        assert_eq!(claims.sub, NAME);
        claims.role
    }

    /// What a route says that needs a live session.
    async fn look(&self, server: &Server) -> Value {
        let (base, token) = (server.base.clone(), self.access_token.clone());
        Client { base, token, ..self.client.clone() }.get("/balance").await["code"].clone()
    }
}

#[tokio::test]
async fn the_operator_makes_and_unmakes_an_administrator() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    Client::register(&server.base, NAME).await;
    let before = Session::open(&server).await;
    assert_eq!(before.role(), "user");
    let refused = run(folder.path(), &["grant-admin", NAME]);
    assert_eq!(refused.status.code(), Some(1), "the server has the data folder");
    assert!(text(&refused.stderr).contains(&format!("process {}", server.id())), "{}", text(&refused.stderr));
    server.stop();

    let (said, log) = told(folder.path(), &["grant-admin", NAME]);
    let expected = "jane_doe is an administrator now. A session that is open takes the role at its next refresh or \
                    login.";
    assert_eq!(said, expected);
    let [line] = &audited(&log)[..] else { panic!("{log}") };
    assert_eq!((&line["role"], &line["by"]), (&json!("admin"), &json!("operator")));
    let (said, log) = told(folder.path(), &["grant-admin", "Jane_Doe"]);
    assert_eq!((said.as_str(), audited(&log).len()), ("Jane_Doe is an administrator already.", 0));

    let server = Server::start(folder.path(), &[]);
    let refreshed = before.refresh(&server).await.unwrap();
    let opened = Session::open(&server).await;
    assert_eq!([refreshed.role(), opened.role()], ["admin", "admin"]);
    assert_eq!(opened.look(&server).await, Value::Null);
    server.stop();

    let (said, log) = told(folder.path(), &["revoke-admin", NAME]);
    assert_eq!(said, "jane_doe is no administrator any more. All sessions of jane_doe are ended.");
    let [line] = &audited(&log)[..] else { panic!("{log}") };
    assert_eq!((&line["role"], &line["by"]), (&json!("user"), &json!("operator")));
    let (said, log) = told(folder.path(), &["revoke-admin", NAME]);
    let expected = "jane_doe is no administrator. All sessions of jane_doe are ended.";
    assert_eq!((said.as_str(), audited(&log).len()), (expected, 0));

    let server = Server::start(folder.path(), &[]);
    for session in [&refreshed, &opened] {
        assert_eq!(session.look(&server).await, "unauthenticated");
        let refusal = session.refresh(&server).await.err();
        assert_eq!(refusal, Some((401, "invalid_refresh_token".to_owned())));
    }
    assert_eq!(Session::open(&server).await.role(), "user");
    server.stop();
    reconcile(folder.path());
}

#[tokio::test]
async fn nobody_is_made_an_administrator_by_mistake() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    Client::register(&server.base, NAME).await;
    server.stop();
    for verb in ["grant-admin", "revoke-admin"] {
        for (arguments, code, why) in [
            (&["nobody_here"][..], 1, "There is no user `nobody_here`."),
            (&["x"], 1, "6 to 30"),
            (&[NAME, "--data-dir", "nowhere"], 1, "nowhere"),
            (&[], 2, "<USERNAME>"),
        ] {
            let output = run(folder.path(), &[&[verb], arguments].concat());
            assert_eq!(output.status.code(), Some(code), "{verb} {arguments:?}");
            assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
            assert!(text(&output.stdout).is_empty(), "{}", text(&output.stdout));
        }
    }
    assert!(!folder.path().join("nowhere").exists());
    let server = Server::start(folder.path(), &[]);
    assert_eq!(Session::open(&server).await.role(), "user");
}
