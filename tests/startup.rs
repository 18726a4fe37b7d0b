//! What a process refuses to start with, in sentences that say what to set; and that a binary with one module
//! holds nothing of the others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use tradepost::{Config, Overrides, modules};

const SECRET: (&str, &str) = ("auth.service_secret", "0123456789abcdef0123456789abcdef");
const PEERS: [(&str, &str); 2] =
    [("peers.user", "http://user:9090"), ("peers.inventory", "http://inventory:9090")];

/// Why these settings are refused; empty if they are not.
fn refusal(keys: &[(&str, &str)]) -> String {
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = Config::load(&Overrides { keys, ..Overrides::default() });
    let checked = config
        .map_err(|error| error.to_string())
        .and_then(|config| modules::check_settings(&config).map_err(|error| error.to_string()));
    checked.err().unwrap_or_default()
}

fn refused(keys: &[(&str, &str)], mentioned: &[&str]) {
    let refusal = refusal(keys);
    for words in mentioned {
        assert!(
            refusal.contains(words),
            "{keys:?} is refused with {refusal:?}, which does not say {words:?}"
        );
    }
}

#[test]
fn a_module_needs_the_modules_it_calls_here_or_elsewhere() {
    refused(&[("serve", "order")], &["`order` needs `user`", "peers.user"]);
    refused(&[("serve", "order"), PEERS[0]], &["`order` needs `inventory`", "peers.inventory"]);
    refused(&[("serve", "order,user")], &["`order` needs `inventory`"]);
    for (served, peers) in
        [("order", &PEERS[..]), ("order,user", &PEERS[1..]), ("order,inventory", &PEERS[..1]), ("user", &[])]
    {
        let keys = [&[("serve", served)][..], peers].concat();
        assert_eq!(refusal(&keys), "", "{keys:?}");
    }
}

#[test]
fn a_module_is_not_in_two_places() {
    refused(&[("serve", "user"), PEERS[0]], &["peers.user is set", "serves `user` itself"]);
    refused(&[PEERS[1]], &["peers.inventory is set"]);
}

#[test]
fn there_are_no_other_modules() {
    refused(&[("serve", "payments")], &["no module `payments`", "inventory, user, order, gateway"]);
}

#[test]
fn the_gateway_stands_alone_and_needs_somebody_behind_it() {
    refused(&[("serve", "gateway,user")], &["`gateway`", "a process of its own"]);
    refused(&[("serve", "gateway")], &["gateway.user"]);
    let behind = [
        ("serve", "gateway"),
        ("gateway.user", "http://user:8080"),
        ("gateway.order", "http://order:8080,http://order2:8080"),
        ("gateway.inventory", "http://inventory:8080"),
    ];
    assert_eq!(refusal(&behind), "");
    for wrong in ["https://user:8443", "user:8080", "http://user:8080/path"] {
        refused(&[&behind[..], &[("gateway.user", wrong)]].concat(), &["gateway.user"]);
    }
}

#[test]
fn peers_are_addresses_on_the_network_inside() {
    for wrong in
        ["https://user:9090", "user:9090", "http://user", "http://user:9090/internal", "http://:9090"]
    {
        refused(&[("serve", "order"), ("peers.user", wrong), PEERS[1]], &["peers.user"]);
    }
    for (wrong, right) in [("99", "100"), ("60001", "60000")] {
        refused(&[("peers.timeout_ms", wrong)], &["peers.timeout_ms"]);
        assert_eq!(refusal(&[("peers.timeout_ms", right)]), "");
    }
}

#[test]
fn only_what_others_call_has_an_internal_listener() {
    let listen = ("server.internal_listen", "127.0.0.1:0");
    refused(&[("serve", "order"), PEERS[0], PEERS[1], listen], &["server.internal_listen", "order"]);
    refused(&[("server.internal_listen", "9090")], &["server.internal_listen"]);
    for served in ["user", "inventory"] {
        assert_eq!(refusal(&[("serve", served), listen]), "");
    }
}

#[test]
fn in_production_each_process_is_given_the_keys_it_uses() {
    let production = ("environment", "production");
    let key = ("auth.signing_key", "some key");
    let order = [production, ("serve", "order"), PEERS[0], PEERS[1]];
    refused(&order, &["auth.service_secret"]);
    assert_eq!(refusal(&[&order[..], &[SECRET]].concat()), "");
    refused(&[production, ("serve", "user"), SECRET], &["auth.signing_key"]);
    refused(&[production, ("serve", "user"), key], &["auth.service_secret"]);
    let gateway = [
        production,
        ("serve", "gateway"),
        ("gateway.user", "http://user:8080"),
        ("gateway.order", "http://order:8080"),
        ("gateway.inventory", "http://inventory:8080"),
    ];
    assert_eq!(refusal(&gateway), "");
}

/// The crates of a binary with these features, as cargo sees them.
fn crates(features: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "tradepost",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{lib}",
        ])
        .args(["--offline", "--no-default-features", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_binary_with_one_module_holds_nothing_of_the_others() {
    let modules = ["user", "order", "inventory", "gateway"];
    for module in modules {
        let crates = crates(module);
        let has = |name: &str| crates.iter().any(|library| library == name);
        for other in modules {
            assert_eq!(has(&format!("tradepost_{other}")), other == module, "{module} and {other}");
        }
        assert!(!has("tradepost_engine") && !has("dynoxide"), "{module} has the engine");
        assert_eq!(has("argon2"), module == "user", "{module}");
        assert_eq!(has("utoipa_swagger_ui"), module == "gateway", "{module}");
    }
    assert!(crates("user,embedded").iter().any(|library| library == "dynoxide"));
}
