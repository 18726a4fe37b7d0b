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

#[test]
fn the_roles_may_do_what_the_code_does_and_nothing_more() {
    let mut policies = Vec::new();
    collect(&root().join("config/deploy/iam"), &mut policies);
    let allowed: BTreeSet<_> = policies.iter().flat_map(|file| actions(&read(file))).collect();
    assert_eq!(allowed, calls());
}

#[test]
fn each_index_is_named_in_the_policy_of_the_service_that_has_it() {
    let mut indexes = 0;
    for module in ["user", "order"] {
        let store = read(&root().join(format!("modules/{module}/src/store.rs")));
        let policy = read(&root().join(format!("config/deploy/iam/{module}.json")));
        let named: Vec<_> = store.split("IndexDefinition { name: \"").skip(1).collect();
        assert_eq!(policy.matches("/index/").count(), named.len(), "{module}");
        for index in named.iter().map(|rest| rest.split('"').next().unwrap()) {
            assert!(policy.contains(&format!("s/index/{index}\"")), "{module}: {index}");
        }
        indexes += named.len();
    }
    assert!(indexes > 0, "none was found");
}

#[test]
fn expiry_may_be_switched_on_for_the_tables_that_have_it() {
    let policy = read(&root().join("config/deploy/iam/create-tables.json"));
    let expiry = policy.split("dynamodb:UpdateTimeToLive").nth(1).unwrap();
    for (module, table) in [("user", "users"), ("order", "orders"), ("inventory", "inventory")] {
        let store = read(&root().join(format!("modules/{module}/src/store.rs")));
        let expires = store.contains("expires_at: Some(");
        assert!(expires || store.contains("expires_at: None"), "{module}");
        assert_eq!(expiry.contains(&format!("tradepost_{table}\"")), expires, "{module}");
    }
}

/// cargo looks for a test or benchmark without a path in the folder of its kind, which the image is built without.
#[test]
fn every_named_test_and_benchmark_says_where_it_is() {
    let manifest = read(&root().join("Cargo.toml"));
    for kind in ["[[test]]", "[[bench]]"] {
        for target in manifest.split(kind).skip(1) {
            let entry = target.split("\n\n").next().unwrap();
            assert!(entry.contains("\npath = \""), "{kind}{entry}");
        }
    }
}

#[test]
fn what_is_compiled_in_is_given_to_the_build_of_the_image() {
    let ignored = read(&root().join(".dockerignore"));
    let given: Vec<_> =
        ignored.lines().filter_map(|line| Some(root().join(line.strip_prefix('!')?))).collect();
    let mut sources = Vec::new();
    collect(&root().join("src"), &mut sources);
    collect(&root().join("modules"), &mut sources);
    let is_shipped = |file: &&PathBuf| {
        let name = file.to_string_lossy();
        name.ends_with(".rs") && !name.ends_with("_tests.rs") && !name.contains("/tests/")
    };
    let included: Vec<_> = sources.iter().filter(is_shipped).flat_map(|file| included(file)).collect();
    assert!(included.contains(&root().join("openapi.json")), "{included:?}");
    for file in included {
        assert!(given.iter().any(|path| file.starts_with(path)), "{}", file.display());
    }
}

/// The files that a source file is compiled with.
fn included(source: &Path) -> Vec<PathBuf> {
    let text = read(source);
    let names = text.split("include_str!(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    names.map(|name| source.parent().unwrap().join(name).canonicalize().unwrap()).collect()
}

/// The actions on tables that a policy allows.
fn actions(policy: &str) -> Vec<String> {
    policy.split("\"dynamodb:").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// The actions that the code takes: its calls of the client, and the parts of its transactions, which need the right
/// to each part and none for the whole.
fn calls() -> BTreeSet<String> {
    let mut sources = Vec::new();
    collect(&root().join("modules/platform/src/dynamo"), &mut sources);
    let mut found = BTreeSet::new();
    for source in sources {
        let text: String = read(&source).split_whitespace().collect();
        let named = |rest: &str| rest.split_once('(').map(|(name, _)| name.to_owned());
        found.extend(text.split(".client.").skip(1).filter_map(named));
        let parts = text.split("TransactWriteItem::builder().").skip(1).filter_map(named);
        found.extend(parts.map(|part| format!("{part}_item")));
    }
    assert!(found.remove("transact_write_items"), "{found:?}");
    found.iter().map(|call| capitalized(call)).collect()
}

/// `put_item` as `PutItem`.
fn capitalized(call: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    call.split('_').map(word).collect()
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
