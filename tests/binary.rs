//! The real binary, as an operator runs it: what it says, and what it keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::json;
use support::{Client, Server, reconcile, run, text, tradepost};
use tempfile::TempDir;

#[tokio::test]
async fn it_says_what_runs_where_and_continues_with_its_data() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    for said in ["/api/v1", "/swagger-ui/", "/health", "./data (embedded engine)", "simulated"] {
        assert!(server.said.contains(said), "{said} is missing in {}", server.said);
    }
    let client = Client::register(&server.base, "keeper_1").await;
    assert_eq!(client.post("/balance/deposit", json!({ "amount": "12.34" })).await.unwrap().0, 201);
    assert!(server.stop(), "a stop that was asked for is a success");

    let server = Server::start(folder.path(), &[]);
    let same_token = Client { base: server.base.clone(), ..client };
    assert_eq!(same_token.get("/balance").await["current_balance"], "12.34");
    reconcile(folder.path());
}

#[test]
fn a_port_or_a_data_folder_in_use_is_said_and_who_uses_it() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let taken = run(folder.path(), &["serve", "--listen", &address, "--data-dir", "other"]);
    assert!(!taken.status.success());
    assert!(
        text(&taken.stderr).contains(&format!("already listens on {address}")),
        "{}",
        text(&taken.stderr)
    );

    let taken = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!taken.status.success());
    let said = text(&taken.stderr);
    assert!(said.contains("data") && said.contains(&format!("process {}", server.id())), "{said}");
}

#[test]
fn health_says_whether_a_process_is_ready() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let asked = ["health", "--address", &address];
    let from_settings = format!("server.listen={}", address.replace("127.0.0.1", "0.0.0.0"));
    for arguments in [&asked[..], &["health", "--set", &from_settings]] {
        let ready = run(folder.path(), arguments);
        assert!(
            ready.status.success() && text(&ready.stdout).contains("\"ready\""),
            "{}",
            text(&ready.stderr)
        );
    }
    server.kill();
    let gone = run(folder.path(), &asked);
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains(&address), "{}", text(&gone.stderr));

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unanswered = run(folder.path(), &["health", "--address", &silent.local_addr().unwrap().to_string()]);
    assert_eq!(unanswered.status.code(), Some(1));
}

#[test]
fn health_fails_when_the_process_is_not_ready() {
    let folder = TempDir::new().unwrap();
    let nowhere = ["endpoint=http://127.0.0.1:9", "region=local", "access_key_id=x", "secret_access_key=x"];
    let settings = nowhere.map(|setting| format!("--set=storage.{setting}"));
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let server = Server::start(folder.path(), &[&["--set=storage.engine=dynamodb"], &settings[..]].concat());
    let not_ready = run(folder.path(), &["health", "--address", server.base.trim_start_matches("http://")]);
    assert_eq!(not_ready.status.code(), Some(1));
    assert!(text(&not_ready.stdout).contains("not_ready"), "{}", text(&not_ready.stdout));
}

#[test]
fn help_lists_the_verbs_and_nonsense_is_refused() {
    let folder = TempDir::new().unwrap();
    let help = text(&run(folder.path(), &["--help"]).stdout);
    let verbs = [
        "serve",
        "split",
        "engine",
        "reconcile",
        "openapi",
        "create-tables",
        "check-config",
        "reset-password",
        "grant-admin",
        "revoke-admin",
        "deposit",
    ];
    for verb in verbs {
        assert!(help.contains(verb), "{verb} is missing in {help}");
    }
    assert!(!run(folder.path(), &["sevre"]).status.success());
    let refused = |arguments: &[&str], said: &str| {
        let output = run(folder.path(), arguments);
        assert!(!output.status.success() && text(&output.stderr).contains(said), "{}", text(&output.stderr));
    };
    refused(&["serve", "--serve", "ordr"], "There is no module `ordr`");
    refused(&["serve", "--serve", "order", "--listen", "127.0.0.1:0"], "needs `user`");
    refused(&["serve", "--set", "server.lisen=1"], "lisen");
    refused(&["serve", "--listen", "nonsense"], "server.listen");
    refused(&["serve", "--listen", "999.0.0.1:0"], "999.0.0.1");
    refused(&["--config-dir", "nowhere", "check-config"], "nowhere");
    refused(&["reconcile"], "data");
    assert!(!folder.path().join("data/tradepost.db").exists(), "a refused start leaves no database behind");
}

#[test]
fn options_of_serve_work_without_the_verb() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = server.base.trim_start_matches("http://").to_owned();
    let taken = run(folder.path(), &["--listen", &address, "--data-dir", "other"]);
    assert!(text(&taken.stderr).contains("already listens on"), "{}", text(&taken.stderr));
    let missing = run(folder.path(), &["--set", "serve=order"]);
    assert!(text(&missing.stderr).contains("needs `user`"), "{}", text(&missing.stderr));
}

#[test]
fn files_of_the_operator_count_more_than_what_is_compiled_in() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("config");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("default.toml"), "[server]\nlisten = \"127.0.0.1:9999\"\n").unwrap();
    let secret = "auth.service_secret=12345678901234567890123456789012";
    let production =
        ["check-config", "--set", "environment=production", "--set", secret, "--set", "auth.signing_key=x"];
    let said = text(&run(folder.path(), &production).stdout);
    assert!(said.contains("server.listen = \"127.0.0.1:9999\""), "{said}");
    assert!(said.contains("user.deposits = \"operator\"") && !said.contains("1234567890"), "{said}");

    std::fs::write(config.join("local.toml"), "environment = \"production\"\n").unwrap();
    let refused = run(folder.path(), &["check-config"]);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("environment"),
        "{}",
        text(&refused.stderr)
    );

    std::fs::write(config.join("local.toml"), "[auth]\nservice_secret = 'hush, a secret'x\n").unwrap();
    let refused = text(&run(folder.path(), &["check-config"]).stderr);
    assert!(refused.contains("local.toml") && !refused.contains("hush"), "{refused}");
}

#[test]
fn what_serve_would_refuse_check_config_refuses() {
    let folder = TempDir::new().unwrap();
    for (setting, named) in [
        ("auth.signing_key=garbage", "auth.signing_key"),
        ("server.listen=", "server.listen"),
        ("server.workers=100000", "server.workers"),
        ("inventory.catalog=/nowhere.json", "/nowhere.json"),
        ("order.min_value=20000.00", "order.min_value"),
        ("user.concurrent_hashes=0", "user.concurrent_hashes"),
    ] {
        let output = run(folder.path(), &["check-config", "--set", setting]);
        assert!(!output.status.success() && text(&output.stderr).contains(named), "{}", text(&output.stderr));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "\"$0\" openapi | head -n 1", env!("CARGO_BIN_EXE_tradepost")]);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("{\n".to_owned(), String::new()));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_data_and_a_damaged_secret_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    reconcile(folder.path());
    server.stop();
    let data = folder.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["tradepost.db", "signing-key.pem", "service-secret"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let left: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("reconcile")), "{left:?}");

    std::fs::write(data.join("service-secret"), "  \n").unwrap();
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("service-secret is damaged"));
}

#[test]
fn settings_come_from_files_and_variables_and_secrets_are_masked() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    std::fs::write(folder.path().join("config/local.toml"), "[order]\nmax_value = \"77.00\"\n").unwrap();
    let mut command = tradepost(folder.path(), &["check-config", "--set", "order.min_value=2.00"]);
    command.env("TRADEPOST__AUTH__SERVICE_SECRET", "0123456789abcdef0123456789abcdef");
    command.env("TRADEPOST__SERVER__CORS_ORIGINS", "https://a.example,https://b.example");
    let output = command.output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for line in [
        "order.max_value = \"77.00\"",
        "order.min_value = \"2.00\"",
        "auth.service_secret = ********",
        "server.cors_origins = \"https://a.example,https://b.example\"",
    ] {
        assert!(said.contains(line), "{line} is missing in {said}");
    }
    assert!(!said.contains("0123456789abcdef"));
}

#[test]
fn production_refuses_what_is_only_fit_for_a_demo() {
    let folder = TempDir::new().unwrap();
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----";
    let all = [
        ("TRADEPOST__ENVIRONMENT", "production", ""),
        ("TRADEPOST__AUTH__SIGNING_KEY", key, "auth.signing_key"),
        ("TRADEPOST__AUTH__SERVICE_SECRET", "0123456789abcdef0123456789abcdef", "auth.service_secret"),
        ("TRADEPOST__INVENTORY__SIMULATED_IN_PRODUCTION", "true", "inventory.simulated_in_production"),
    ];
    for (left_out, _, named) in &all[1..] {
        let mut command = tradepost(folder.path(), &["check-config"]);
        command.envs(all.iter().filter(|(name, ..)| name != left_out).map(|(name, value, _)| (name, value)));
        let output = command.output().unwrap();
        assert!(!output.status.success() && text(&output.stderr).contains(named), "{}", text(&output.stderr));
    }
    let demo = [
        ("TRADEPOST__USER__DEPOSITS", "self_service", "user.self_service_in_production"),
        ("TRADEPOST__STORAGE__ENGINE", "embedded", "storage.embedded_in_production"),
    ];
    for (name, value, named) in demo {
        let mut command = tradepost(folder.path(), &["check-config"]);
        command.envs(all.iter().map(|(name, value, _)| (name, value))).env(name, value);
        let output = command.output().unwrap();
        assert!(!output.status.success() && text(&output.stderr).contains(named), "{}", text(&output.stderr));
    }
    let mut command = tradepost(folder.path(), &["check-config"]);
    command.envs(all.iter().map(|(name, value, _)| (name, value)));
    assert!(command.output().unwrap().status.success());
}

#[tokio::test]
async fn the_operator_resets_passwords_and_credits_accounts() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    let client = Client::register(&server.base, "forgetful_1").await;
    let refused = run(folder.path(), &["reset-password", "forgetful_1"]);
    assert!(!refused.status.success(), "the server has the data folder");
    server.stop();

    let reset = run(folder.path(), &["reset-password", "Forgetful_1"]);
    assert!(reset.status.success(), "{}", text(&reset.stderr));
    let said = text(&reset.stdout);
    let password = said.lines().next().unwrap().rsplit(' ').next().unwrap();
    let credited = run(folder.path(), &["deposit", "forgetful_1", "25000.50"]);
    assert!(text(&credited.stdout).contains("$25000.50"), "{}", text(&credited.stderr));
    let elsewhere = run(folder.path(), &["deposit", "forgetful_1", "1", "--data-dir", "nowhere"]);
    assert!(text(&elsewhere.stderr).contains("nowhere") && !folder.path().join("nowhere").exists());
    for (arguments, why) in [
        (&["deposit", "nobody_here", "1"][..], "no user `nobody_here`"),
        (&["deposit", "forgetful_1", "0"], "greater than 0"),
        (&["deposit", "forgetful_1", "1.001"], "decimal places"),
        (&["reset-password", "nobody_here"], "no user `nobody_here`"),
        (&["reset-password", "x"], "6 to 30"),
    ] {
        let output = run(folder.path(), arguments);
        assert!(!output.status.success() && text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }

    let server = Server::start(folder.path(), &[]);
    let old_session = Client { base: server.base.clone(), ..client };
    assert_eq!(old_session.get("/balance").await["code"], "unauthenticated");
    assert!(Client::log_in(&server.base, "forgetful_1", "TestPassword123!").await.is_none());
    let client = Client::log_in(&server.base, "forgetful_1", password).await.unwrap();
    assert_eq!(client.get("/balance").await["current_balance"], "25000.50");
}

/// A file-size limit stands in for a disk without room: the engine sees the same failing write.
#[tokio::test]
async fn a_full_disk_is_said_and_costs_nothing_that_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let limits = ["--set", "user.daily_deposit_limit=1000000.00"];
    let server = Server::start(folder.path(), &limits);
    let client = Client::register(&server.base, "hoarder_1").await;
    assert!(server.stop());

    let full = Server::start_with(folder.path(), &limits, "trap '' XFSZ; ulimit -f 900; exec \"$0\" \"$@\"");
    let client = Client { base: full.base.clone(), ..client };
    let note = "x".repeat(200);
    let mut acknowledged = 0;
    let refusal = loop {
        let deposit = json!({ "amount": "1.00", "description": note });
        match client.post("/balance/deposit", deposit).await.unwrap() {
            (201, _) => acknowledged += 1,
            refused => break refused,
        }
        assert!(acknowledged < 5000, "the disk never became full");
    };
    assert_eq!((refusal.0, &refusal.1["code"]), (503, &json!("storage_unavailable")), "{refusal:?}");
    let ready = reqwest::get(format!("{}/health/ready", full.base)).await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    assert_eq!(client.get("/balance").await["current_balance"], format!("{acknowledged}.00"), "reads go on");
    full.kill();

    let server = Server::start(folder.path(), &limits);
    let client = Client { base: server.base.clone(), ..client };
    assert_eq!(client.get("/balance").await["current_balance"], format!("{acknowledged}.00"));
    assert_eq!(client.post("/balance/deposit", json!({ "amount": "1.00" })).await.unwrap().0, 201);
    reconcile(folder.path());
}
