//! What the deployment files say is true of this version: they name settings that exist, and keep secrets apart.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_deployment_files_set_only_what_there_is() {
    let known = settings();
    for file in files() {
        for variable in variables(&read(&file)) {
            assert!(known.contains(&variable), "{}: {variable} is no setting", file.display());
        }
    }
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_workspace() {
    let toolchain = read(&root().join("rust-toolchain.toml"));
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    let minor = channel.rsplit_once('.').unwrap().0;
    assert!(
        read(&root().join("Dockerfile")).contains(&format!("\nARG RUST_IMAGE=rust:{minor}-")),
        "{channel}"
    );
}

#[test]
fn in_the_split_only_the_user_service_has_the_signing_key() {
    assert_eq!(holders("TRADEPOST__AUTH__SIGNING_KEY"), ["user.yaml"]);
}

#[test]
fn in_the_split_the_gateway_does_not_have_the_service_secret() {
    assert_eq!(holders("TRADEPOST__AUTH__SERVICE_SECRET"), ["inventory.yaml", "order.yaml", "user.yaml"]);
}

/// The manifests of the split that name a variable.
fn holders(variable: &str) -> Vec<String> {
    let split = root().join("config/deploy/kubernetes/split");
    let mut found = Vec::new();
    collect(&split, &mut found);
    let holds = |file: &PathBuf| variables(&read(file)).contains(variable);
    let mut names: Vec<_> = found
        .into_iter()
        .filter(holds)
        .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The variable of every key in config/default.toml.
fn settings() -> BTreeSet<String> {
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in read(&root().join("config/default.toml")).lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}__");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.insert(format!("TRADEPOST__{section}{key}").to_uppercase());
        }
    }
    assert!(found.contains("TRADEPOST__SERVE") && found.contains("TRADEPOST__SERVER__LISTEN"), "{found:?}");
    found
}

/// Every variable of a setting that a text names.
fn variables(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    text.split(|letter| !is_part(letter))
        .filter(|word| word.starts_with("TRADEPOST__"))
        .map(str::to_owned)
        .collect()
}

/// The files that set variables.
fn files() -> Vec<PathBuf> {
    let mut found = vec![root().join("Dockerfile"), root().join("docs/deployment.md")];
    collect(&root().join("config/deploy"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
