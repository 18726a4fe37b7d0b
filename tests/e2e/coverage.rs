//! The routes the suite called against the routes the OpenAPI document lists.

use std::collections::BTreeSet;

use serde_json::Value;
use tradepost_testkit::{Shape, World, block_on, calls};

/// Prints the routes that no test called, and says whether there were none.
pub fn every_route_was_called() -> bool {
    let document = block_on(async {
        World::shared(Shape::Monolith).await.get("/api-docs/openapi.json").await.expect(200).json()
    });
    let calls = calls();
    let missed: Vec<_> = routes(&document).into_iter().filter(|route| !was_called(route, &calls)).collect();
    for (method, path) in &missed {
        eprintln!("no end-to-end test calls {method} {path}");
    }
    missed.is_empty()
}

fn routes(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(|(method, _)| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

fn was_called((method, template): &(String, String), calls: &BTreeSet<(String, String)>) -> bool {
    calls.iter().any(|(called, path)| called == method && matches(template, path))
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(expected, given): (&&str, &&str)| expected.starts_with('{') || expected == given;
    template.len() == path.len() && template.iter().zip(&path).all(same)
}
