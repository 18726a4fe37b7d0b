//! The routes of the whole platform, as its document describes them.

use actix_web::dev::ResourceDef;
use serde_json::Value;

/// The routes behind the gateway.
pub struct Routes(Vec<Route>);

struct Route {
    template: String,
    pattern: ResourceDef,
    method: String,
    takes_key: bool,
}

impl Routes {
    /// Reads them from a document; one that takes an `Idempotency-Key` has a header parameter of that name.
    pub fn new(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let item = item.as_object().into_iter().flatten();
            item.map(move |(method, operation)| (path, method, operation))
        });
        let routes = operations.map(|(path, method, operation)| Route {
            template: path.clone(),
            pattern: ResourceDef::new(path.as_str()),
            method: method.clone(),
            takes_key: takes_key(&document, operation),
        });
        Self(routes.collect())
    }

    /// Whether a route takes a key with this method and path.
    pub fn take_key(&self, method: &str, path: &str) -> bool {
        let mut keyed = self.0.iter().filter(|route| route.takes_key);
        keyed.any(|route| route.method.eq_ignore_ascii_case(method) && route.pattern.is_match(path))
    }

    /// The template that a path fits.
    pub fn template(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|route| route.pattern.is_match(path)).map(|route| route.template.as_str())
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

    use super::Routes;

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
        let routes = Routes::new(&document.to_string());
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
            assert_eq!(routes.take_key(method, path), is_taken, "{method} {path}");
        }
        assert_eq!(routes.template("/orders/0123456789"), Some("/orders/{order_id}"));
        assert_eq!(routes.template("/elsewhere"), None);
    }
}
