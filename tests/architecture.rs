//! The rules of the architecture, held against what cargo and the sources say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The workspace crates each workspace crate depends on when it is built, and all its dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let of = |package: &cargo_metadata::Package| {
        let built =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        built.map(|dependency| dependency.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), of(package))).collect()
}

fn own(of: &BTreeSet<String>) -> BTreeSet<&str> {
    of.iter().filter_map(|name| name.strip_prefix("tradepost-")).collect()
}

#[test]
fn crates_depend_only_on_what_stands_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("tradepost-kernel", &[][..]),
        ("tradepost-problem", &["kernel"]),
        ("tradepost-platform", &["kernel", "problem"]),
        ("tradepost-engine", &["kernel"]),
        ("tradepost-user-api", &["kernel", "problem", "platform"]),
        ("tradepost-inventory-api", &["kernel", "problem", "platform"]),
        ("tradepost-user", &["kernel", "problem", "platform", "user-api"]),
        ("tradepost-inventory", &["kernel", "problem", "platform", "inventory-api"]),
        ("tradepost-order", &["kernel", "problem", "platform", "user-api", "inventory-api"]),
        ("tradepost-gateway", &["kernel", "problem", "platform"]),
    ]);
    for (name, dependencies) in &dependencies() {
        let Some(allowed) = allowed.get(name.as_str()) else {
            assert!(["tradepost", "tradepost-testkit"].contains(&name.as_str()), "{name} has no rule");
            continue;
        };
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let extra: Vec<_> = own(dependencies).difference(&allowed).copied().collect();
        assert!(extra.is_empty(), "{name} must not depend on {extra:?}");
    }
}

#[test]
fn each_technology_stays_where_it_belongs() {
    let rules: &[(&str, &[&str])] = &[
        ("dynoxide-rs", &["tradepost-engine"]),
        // The tests delete the tables they make.
        ("aws-sdk-dynamodb", &["tradepost-platform", "tradepost-testkit"]),
        ("aws-config", &["tradepost-platform", "tradepost-testkit"]),
        ("aws-sigv4", &["tradepost-engine"]),
        ("argon2", &["tradepost-user"]),
        ("hyper", &["tradepost-gateway"]),
        // The inventory asks third parties for prices.
        (
            "reqwest",
            &[
                "tradepost-platform",
                "tradepost-gateway",
                "tradepost-inventory",
                "tradepost",
                "tradepost-testkit",
            ],
        ),
        ("utoipa-swagger-ui", &["tradepost"]),
        ("hyper-util", &["tradepost-gateway"]),
    ];
    let dependencies = dependencies();
    for (technology, homes) in rules.iter().copied() {
        for (name, of) in &dependencies {
            assert!(
                !of.contains(technology) || homes.contains(&name.as_str()),
                "{name} must not use {technology}"
            );
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["src", "modules"] {
        collect(&root().join(folder), &mut files);
    }
    let name = |file: &Path| file.strip_prefix(root()).unwrap().display().to_string();
    files.iter().map(|file| (name(file), std::fs::read_to_string(file).unwrap())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn features_are_known_to_the_composition_root_alone() {
    for (file, text) in sources() {
        assert!(file == "src/modules.rs" || !text.contains("feature ="), "{file} knows a feature");
    }
}

#[test]
fn money_never_meets_a_float() {
    for (file, text) in sources() {
        let is_about_money = ["modules/kernel", "modules/user", "modules/order", "modules/inventory"];
        if is_about_money.iter().any(|folder| file.starts_with(folder)) {
            assert!(!text.contains("f32") && !text.contains("f64"), "{file} has a float");
        }
    }
}

#[test]
fn layers_see_only_what_they_may() {
    let rules: [(&str, &[&str]); 4] = [
        ("domain", &["async ", "actix", "dynamo", "Utc::now", ".now()"]),
        ("service", &["actix", "aws_", "reqwest", "http::"]),
        ("store", &["actix", "reqwest"]),
        ("http", &["aws_", "crate::store::Store", "dynamo::"]),
    ];
    let mut seen = BTreeSet::new();
    for (file, text) in sources() {
        let Some((module, layer)) = file.strip_prefix("modules/").and_then(|file| file.split_once("/src/"))
        else {
            continue;
        };
        if !["user", "order", "inventory"].contains(&module) || file.contains("tests") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (layer_name, forbidden) in rules {
            if layer.starts_with(layer_name) {
                seen.insert(layer_name);
                for word in forbidden {
                    assert!(!code.contains(word), "{file} must not see {word:?}");
                }
            }
        }
    }
    assert_eq!(seen.len(), rules.len(), "a layer has no file any more");
}

#[test]
fn nothing_is_called_a_drawer() {
    for (file, _) in sources() {
        for drawer in ["utils", "util", "common", "helpers", "types", "models"] {
            let is_drawer = file.split('/').any(|part| part.trim_end_matches(".rs") == drawer);
            assert!(!is_drawer, "{file} is a drawer: name it after what it holds");
        }
    }
}
