//! What settings are taken and what is said of the others.

use serde_json::{Value, json};

use super::Settings;
use crate::Module;

fn good() -> Value {
    json!({
        "user": ["http://127.0.0.1:8081"],
        "order": ["http://order-1:8082", "http://order-2:8082/"],
        "inventory": ["http://[::1]:8083"],
        "connect_timeout_ms": 1000,
        "idle_timeout_ms": 30000,
        "total_timeout_ms": 30000,
        "keep_alive_ms": 3000,
        "health_interval_ms": 1000,
        "health_timeout_ms": 1000,
        "breaker_failures": 5,
        "breaker_forget_ms": 2000,
        "breaker_open_ms": 5000,
    })
}

fn with(key: &str, value: Value) -> Result<Settings, String> {
    let mut settings = good();
    settings[key] = value;
    let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    settings.check().map(|()| settings)
}

#[test]
fn upstreams_are_base_addresses_of_plain_http() {
    let settings = with("breaker_failures", json!(5)).unwrap();
    let order: Vec<_> =
        settings.upstreams(Module::Order).unwrap().iter().map(|a| a.as_str().to_owned()).collect();
    assert_eq!(order, ["order-1:8082", "order-2:8082"]);
    assert!(with("user", json!(["http://users"])).is_ok(), "port 80");

    for broken in [
        "",
        "127.0.0.1:8081",
        "user",
        "ftp://127.0.0.1:8081",
        "http://",
        "http://:8081",
        "http://127.0.0.1:",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:8081/api",
        "http://127.0.0.1:8081?a=b",
        "http://root@127.0.0.1:8081",
        "http://127.0.0.1:8081 ",
    ] {
        let error = with("order", json!(["http://order-1:8082", broken])).unwrap_err();
        assert!(error.starts_with("gateway.order: ") && error.contains("http://127.0.0.1:8081"), "{error}");
    }
}

#[test]
fn tls_is_refused_with_a_word_about_whose_it_is() {
    let error = with("inventory", json!(["https://inventory:443"])).unwrap_err();
    assert!(error.starts_with("gateway.inventory: https://inventory:443 must begin with http://"), "{error}");
    assert!(error.contains("mesh") && error.contains("load balancer"), "{error}");
}

#[test]
fn every_module_needs_an_upstream_and_none_twice() {
    for key in ["user", "order", "inventory"] {
        for empty in [json!([]), json!(""), json!(" , ")] {
            let error = with(key, empty).unwrap_err();
            assert!(error.starts_with(&format!("gateway.{key} must name")), "{error}");
        }
        let error = with(key, json!("http://a:1,http://b:1,http://a:1/")).unwrap_err();
        assert!(error.starts_with(&format!("gateway.{key}: http://a:1/ stands there twice")), "{error}");
    }
}

#[test]
fn lists_may_be_texts_with_commas() {
    let settings = with("user", json!("http://a:1, http://b:2")).unwrap();
    assert_eq!(settings.user, ["http://a:1", "http://b:2"]);
}

#[test]
fn numbers_have_bounds() {
    for key in [
        "connect_timeout_ms",
        "idle_timeout_ms",
        "total_timeout_ms",
        "keep_alive_ms",
        "health_interval_ms",
        "health_timeout_ms",
        "breaker_forget_ms",
        "breaker_open_ms",
    ] {
        for (value, is_valid) in [(9, false), (10, true), (600_000, true), (600_001, false)] {
            assert_eq!(with(key, json!(value)).is_ok(), is_valid, "{key} {value}");
        }
        assert!(with(key, json!(0)).unwrap_err().starts_with(&format!("gateway.{key} must be")));
    }
    for (value, is_valid) in [(0, false), (1, true), (1000, true), (1001, false)] {
        assert_eq!(with("breaker_failures", json!(value)).is_ok(), is_valid, "{value}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    assert!(with("retries", json!(1)).unwrap_err().contains("retries"));
}
