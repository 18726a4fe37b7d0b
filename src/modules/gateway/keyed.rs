//! Which routes take an `Idempotency-Key`, as the document of the platform says.

use actix_web::dev::ResourceDef;
use serde_json::Value;

/// The routes that take an `Idempotency-Key`.
pub struct KeyedRoutes(Vec<(String, ResourceDef)>);

impl KeyedRoutes {
    /// Reads them from a document, as the header parameters of its operations.
    pub fn new(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let item = item.as_object().into_iter().flatten();
            item.map(move |(method, operation)| (path, method, operation))
        });
        let keyed = operations.filter(|(.., operation)| takes_key(&document, operation));
        Self(keyed.map(|(path, method, _)| (method.clone(), ResourceDef::new(path.as_str()))).collect())
    }

    /// Whether one of them takes this method and path.
    pub fn take(&self, method: &str, path: &str) -> bool {
        self.0.iter().any(|(taken, route)| taken.eq_ignore_ascii_case(method) && route.is_match(path))
    }
}

fn takes_key(document: &Value, operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let mut parameters = parameters.filter_map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')),
        None => Some(parameter),
    });
    parameters.any(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        parameter["in"] == "header" && name.eq_ignore_ascii_case("Idempotency-Key")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KeyedRoutes;

    #[test]
    fn a_route_takes_a_key_if_its_description_says_so() {
        let key = json!([{ "name": "idempotency-key", "in": "header" }]);
        let document = json!({
            "paths": {
                "/orders": { "post": { "parameters": key }, "get": { "parameters": [] } },
                "/orders/{order_id}": { "delete": { "parameters": [{ "$ref": "#/components/parameters/Key" }] } },
                "/login": { "post": { "parameters": [{ "name": "Idempotency-Key", "in": "query" }] }, "put": {} },
            },
            "components": { "parameters": { "Key": { "name": "Idempotency-Key", "in": "header" } } },
        });
        let keyed = KeyedRoutes::new(&document.to_string());
        for (method, path, is_taken) in [
            ("POST", "/orders", true),
            ("DELETE", "/orders/0123456789", true),
            ("GET", "/orders", false),
            ("POST", "/orders/0123456789", false),
            ("DELETE", "/orders", false),
            ("POST", "/login", false),
            ("PUT", "/login", false),
            ("POST", "/elsewhere", false),
        ] {
            assert_eq!(keyed.take(method, path), is_taken, "{method} {path}");
        }
    }
}
