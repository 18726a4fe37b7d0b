//! The OpenAPI document is the one that is checked in, and complete enough to try every route out from it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Map, Value};

fn document() -> Value {
    serde_json::from_str(&tradepost::document()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn the_document_checked_in_is_the_one_the_binary_prints() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let checked_in: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(checked_in == document(), "renew it with: cargo run -- openapi > openapi.json");
}

#[test]
fn it_is_openapi_3_1_and_says_who_may_call_what() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let public = ["/auth/register", "/auth/login", "/auth/refresh", "/inventory/"];
    for (name, operation) in operations(&document).iter().filter(|(name, _)| name.contains("/api/v1")) {
        let is_administration = name.contains("/admin/");
        let is_public = !is_administration && public.iter().any(|path| name.contains(path));
        assert_eq!(operation["security"].is_null(), is_public, "{name}");
        let takes_nobody_for_another = is_public && !name.contains("login") && !name.contains("refresh");
        assert_eq!(operation["responses"]["401"].is_null(), takes_nobody_for_another, "{name}");
        assert!(!is_administration || operation["responses"]["403"].is_object(), "{name}");
    }
}

#[test]
fn every_route_of_the_api_says_that_it_is_limited() {
    let document = document();
    for (name, operation) in operations(&document) {
        let limited = &operation["responses"]["429"];
        assert_eq!(limited.is_null(), !name.contains("/api/v1/"), "{name}");
        for (header, reference) in limited["headers"].as_object().into_iter().flatten() {
            assert_eq!(reference["$ref"], format!("#/components/headers/{header}"), "{name}");
            assert!(document["components"]["headers"][header]["description"].is_string(), "{header}");
        }
        assert!(limited.is_null() || limited["headers"]["RateLimit"].is_object(), "{name}");
    }
}

#[test]
fn what_takes_a_key_says_what_the_key_does() {
    let document = document();
    let keyed: Vec<_> = operations(&document)
        .into_iter()
        .filter(|(_, operation)| {
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.any(|parameter| parameter["name"] == "Idempotency-Key" && parameter["in"] == "header")
        })
        .collect();
    for route in ["post /api/v1/balance/deposit", "post /api/v1/balance/withdraw"] {
        assert!(keyed.iter().any(|(name, _)| name == route), "{route}");
    }
    assert!(document["components"]["headers"]["Idempotency-Replayed"]["description"].is_string());
    for (name, operation) in keyed {
        let problems = |status: &str| {
            let content = &operation["responses"][status]["content"]["application/problem+json"];
            content["examples"].as_object().unwrap_or_else(|| panic!("{name} {status}")).clone()
        };
        assert!(problems("409").contains_key("idempotency_in_flight"), "{name}");
        assert_eq!(
            operation["responses"]["409"]["headers"]["Retry-After"]["$ref"],
            "#/components/headers/Retry-After"
        );
        assert!(problems("422").contains_key("idempotency_key_reused"), "{name}");
        assert!(problems("422").contains_key("invalid_idempotency_key"), "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let header = &response["headers"]["Idempotency-Replayed"];
            let expected = status.starts_with('2') || status == "422";
            assert!(
                !expected || header["$ref"] == "#/components/headers/Idempotency-Replayed",
                "{name} {status}"
            );
        }
    }
}

#[test]
fn every_route_that_a_gateway_forwards_says_what_it_may_answer_and_when_to_try_again() {
    let document = document();
    for (name, operation) in operations(&document) {
        let is_forwarded = name.contains("/api/v1/") || name.contains("/.well-known/");
        for (status, code) in
            [("502", "bad_gateway"), ("503", "service_unavailable"), ("504", "gateway_timeout")]
        {
            let response = &operation["responses"][status];
            let examples = &response["content"]["application/problem+json"]["examples"];
            assert_eq!(examples[code].is_object(), is_forwarded, "{name} {status}");
            let reference = response["headers"]["Retry-After"]["$ref"].as_str();
            let expected = is_forwarded.then_some("#/components/headers/Retry-After");
            assert_eq!(reference, expected, "{name} {status}");
        }
    }
}

#[test]
fn every_operation_is_explained_and_every_refusal_has_an_example() {
    for (name, operation) in operations(&document()) {
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["content"].is_object() || status == "304", "{name} {status} has no body");
            let Some(problem) = response["content"].get("application/problem+json") else { continue };
            let examples = problem["examples"].as_object().unwrap_or_else(|| panic!("{name} {status}"));
            assert!(!examples.is_empty(), "{name} {status}");
            for (code, example) in examples {
                assert_eq!(example["value"]["code"], *code, "{name}");
                assert_eq!(example["value"]["status"].to_string(), *status, "{name} {code}");
            }
            let named = response["description"].as_str().unwrap().split('`').skip(1).step_by(2).count();
            assert_eq!(named, examples.len(), "{name} {status} names a code that there is not");
        }
    }
}

#[test]
fn everything_sent_or_answered_has_an_example() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        let body = operation["requestBody"]["content"].as_object();
        let answers = operation["responses"].as_object().unwrap().values();
        let contents = answers.filter_map(|response| response["content"].as_object()).chain(body);
        for content in contents.flat_map(Map::values) {
            if !has_example(content) && !schema_has_examples(&content["schema"], schemas) {
                missing.push(format!("{name}: {}", content["schema"]));
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            // Without an example these are left out when a route is tried, which is right for the first page, and a
            // second try is meant to do something again.
            let is_left_out =
                ["cursor", "offset", "Idempotency-Key"].contains(&parameter["name"].as_str().unwrap());
            if !is_left_out && !has_example(parameter) {
                missing.push(format!("{name}: parameter {}", parameter["name"]));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn has_example(value: &Value) -> bool {
    ["example", "examples", "default"].iter().any(|key| !value[key].is_null())
}

/// A schema has examples if it has one as a whole, or each of its properties has, through any references.
fn schema_has_examples(schema: &Value, schemas: &Map<String, Value>) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        return schema_has_examples(&schemas[reference.rsplit('/').next().unwrap()], schemas);
    }
    let all = |values: &[Value]| values.iter().any(|value| schema_has_examples(value, schemas));
    let is_nullable_text = schema["type"].as_array().is_some_and(|types| types.iter().any(|t| t == "null"));
    has_example(schema)
        || is_nullable_text
        || !schema["enum"].is_null()
        || (!schema["items"].is_null() && schema_has_examples(&schema["items"], schemas))
        || schema["oneOf"].as_array().is_some_and(|values| all(values))
        || schema["properties"].as_object().is_some_and(|properties| {
            properties.values().all(|property| schema_has_examples(property, schemas))
        })
}
