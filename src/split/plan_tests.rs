//! What each process of a split platform is told.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use clap::Parser;

use super::*;
use crate::cli::Cli;

fn layout() -> Layout {
    Layout {
        public: "0.0.0.0:8080".parse().unwrap(),
        data_dir: PathBuf::from("some data"),
        config_dir: None,
        set: Vec::new(),
        engine_secret: "nobody may see this".to_owned(),
        ports: Ports { engine: 1, user: 2, user_internal: 3, inventory: 4, inventory_internal: 5, order: 6 },
    }
}

fn child(layout: &Layout, name: &str) -> Spec {
    stages(layout).into_iter().flatten().find(|spec| spec.name == name).unwrap()
}

/// What the arguments of a process come to, as the process itself reads them.
fn settings(layout: &Layout, name: &str) -> BTreeMap<String, String> {
    let arguments = child(layout, name).arguments;
    let cli = Cli::try_parse_from(["tradepost".to_owned()].into_iter().chain(arguments)).unwrap();
    cli.overrides().keys.into_iter().collect()
}

fn assert_told(name: &str, expected: &[(&str, &str)]) {
    let settings = settings(&layout(), name);
    for (key, value) in expected {
        assert_eq!(settings.get(*key).map(String::as_str), Some(*value), "{name}: {key}");
    }
}

#[test]
fn the_engine_starts_first_and_the_gateway_last() {
    let stages = stages(&layout());
    let names: Vec<Vec<_>> =
        stages.iter().map(|stage| stage.iter().map(|spec| spec.name).collect()).collect();
    assert_eq!(names, [vec!["engine"], vec!["user", "inventory", "order"], vec!["gateway"]]);
}

#[test]
fn each_knows_where_it_listens_and_whom_it_calls() {
    assert_told("engine", &[("engine.listen", "127.0.0.1:1"), ("data_dir", "some data")]);
    assert_told(
        "user",
        &[
            ("serve", "user"),
            ("server.listen", "127.0.0.1:2"),
            ("server.internal_listen", "127.0.0.1:3"),
            ("data_dir", "some data"),
        ],
    );
    let internal = ("server.internal_listen", "127.0.0.1:5");
    let peer = ("peers.user", "http://127.0.0.1:3");
    assert_told("inventory", &[("serve", "inventory"), ("server.listen", "127.0.0.1:4"), internal, peer]);
    assert_told(
        "order",
        &[
            ("serve", "order"),
            ("server.listen", "127.0.0.1:6"),
            ("peers.user", "http://127.0.0.1:3"),
            ("peers.inventory", "http://127.0.0.1:5"),
        ],
    );
    assert_told(
        "gateway",
        &[
            ("serve", "gateway"),
            ("server.listen", "0.0.0.0:8080"),
            ("gateway.user", "http://127.0.0.1:2"),
            ("gateway.inventory", "http://127.0.0.1:4"),
            ("gateway.order", "http://127.0.0.1:6"),
        ],
    );
    assert_eq!(child(&layout(), "gateway").address, "127.0.0.1:8080");
}

#[test]
fn the_services_share_the_engine_and_trust_the_gateway() {
    for name in ["user", "inventory", "order"] {
        assert_told(
            name,
            &[
                ("storage.engine", "dynamodb"),
                ("storage.endpoint", "http://127.0.0.1:1"),
                ("storage.region", "local"),
                ("storage.create_tables", "true"),
                ("server.trusted_proxies", "127.0.0.1"),
            ],
        );
    }
    assert_told("gateway", &[("storage.engine", "dynamodb")]);
}

#[test]
fn the_secret_is_in_the_environment_of_who_needs_it_and_in_no_arguments() {
    let secret = layout().engine_secret;
    for spec in stages(&layout()).into_iter().flatten() {
        assert!(!spec.arguments.iter().any(|argument| argument.contains(&secret)), "{}", spec.name);
        let secrets: Vec<_> = spec.environment.iter().filter(|(_, value)| *value == secret).collect();
        let names: Vec<_> = secrets.iter().map(|(name, _)| name.as_str()).collect();
        match spec.name {
            "engine" => assert_eq!(names, ["TRADEPOST__ENGINE__SECRET"]),
            "gateway" => assert!(names.is_empty()),
            _ => assert_eq!(names, ["TRADEPOST__STORAGE__SECRET_ACCESS_KEY"], "{}", spec.name),
        }
    }
}

#[test]
fn options_of_the_whole_reach_each_and_undo_nothing() {
    let given = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let set = vec![
        given("order.max_value", "77.00"),
        given("server.listen", "0.0.0.0:1"),
        given("storage.secret_access_key", "mine"),
    ];
    let layout = Layout { set, config_dir: Some(PathBuf::from("conf")), ..layout() };
    for name in ["engine", "user", "inventory", "order", "gateway"] {
        let settings = settings(&layout, name);
        assert_eq!(settings["order.max_value"], "77.00", "{name}");
        assert!(!settings.contains_key("storage.secret_access_key"), "{name}");
        let arguments = child(&layout, name).arguments;
        assert!(arguments.windows(2).any(|pair| pair == ["--config-dir", "conf"]), "{name}");
    }
    assert_eq!(settings(&layout, "user")["server.listen"], "127.0.0.1:2");
}
