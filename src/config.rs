//! Settings in layers: the compiled-in defaults, files, environment variables, the command line. What belongs to
//! a module stays raw until the module takes it.

mod sections;

use std::path::{Path, PathBuf};

use config::{Config as Raw, Environment, File, FileFormat, Value, ValueKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use tradepost_platform::dynamo::{EngineKind, StorageSettings};
use tradepost_platform::settings::one_of;
use tradepost_platform::telemetry::LogSettings;

pub use self::sections::{AuthSettings, PeerSettings, ServerSettings};
use crate::limits::RateLimitSettings;

const DEFAULTS: &str = include_str!("../config/default.toml");
const PRODUCTION: &str = include_str!("../config/production.toml");
/// Keys whose values are never printed, and what stands there when they have none.
const SECRETS: [(&str, &str); 6] = [
    ("auth.signing_key", "(made and kept in data_dir)"),
    ("auth.service_secret", "(made and kept in data_dir)"),
    ("engine.secret", "(none)"),
    ("inventory.coingecko.api_key", "(none)"),
    ("storage.access_key_id", "(from the AWS chain)"),
    ("storage.secret_access_key", "(from the AWS chain)"),
];

/// The fewest characters of a service secret.
pub const SECRET_LENGTH: usize = 32;

/// A setting that is wrong, said in a sentence that names its key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// A sentence that names the key.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// What kind of installation this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On a developer's machine.
    Local,
    /// With other people's money.
    Production,
}

/// What the command line sets.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The folder with configuration files; `config` unless told.
    pub config_dir: Option<PathBuf>,
    /// Single keys with their values, as text.
    pub keys: Vec<(String, String)>,
}

/// The settings of this process.
pub struct Config {
    /// What kind of installation this is.
    pub environment: Kind,
    /// The modules asked for; empty is all.
    pub serve: Vec<String>,
    /// Where files are kept.
    pub data_dir: PathBuf,
    /// The file that moves the clock in tests; empty for the machine's clock.
    pub clock_file: String,
    /// The section `[server]`.
    pub server: ServerSettings,
    /// The section `[rate_limits]`.
    pub rate_limits: RateLimitSettings,
    /// The section `[log]`.
    pub log: LogSettings,
    /// The section `[storage]`.
    pub storage: StorageSettings,
    /// The section `[auth]`.
    pub auth: AuthSettings,
    /// The section `[peers]`.
    pub peers: PeerSettings,
    raw: Raw,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// A sentence naming the file or key that is wrong.
    pub fn load(overrides: &Overrides) -> Result<Self, ConfigError> {
        let environment = kind(&layers(overrides, None)?)?;
        let raw = layers(overrides, Some(environment))?;
        refuse_unknown(&raw)?;
        if kind(&raw)? != environment {
            let sentence = "environment chooses which file is read, so it cannot be set in that file: set it in \
                            default.toml, as TRADEPOST__ENVIRONMENT, or with --set.";
            return Err(ConfigError(sentence.to_owned()));
        }
        let config = Self {
            environment,
            serve: raw.get::<List>("serve").map_err(|error| wrong(&error))?.0,
            data_dir: raw.get("data_dir").map_err(|error| wrong(&error))?,
            clock_file: raw.get("clock_file").map_err(|error| wrong(&error))?,
            server: take(&raw, "server")?,
            rate_limits: take(&raw, "rate_limits")?,
            log: take(&raw, "log")?,
            storage: take(&raw, "storage")?,
            auth: take(&raw, "auth")?,
            peers: take(&raw, "peers")?,
            raw,
        };
        config.check()?;
        Ok(config)
    }

    /// The section of a module.
    ///
    /// # Errors
    /// A sentence naming the key that is unknown, missing or wrong.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        take(&self.raw, name)
    }

    /// Whether this is an installation with other people's money.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.environment == Kind::Production
    }

    /// Every setting as `key = value`, one a line, secrets masked.
    #[must_use]
    pub fn masked(&self) -> String {
        let mut lines = Vec::new();
        for (key, value) in self.raw.cache.clone().into_table().unwrap_or_default() {
            flatten(&key, &value, &mut lines);
        }
        lines.sort();
        lines.join("\n")
    }

    fn check(&self) -> Result<(), ConfigError> {
        use secrecy::ExposeSecret;
        let refuse = |sentence: &str| Err(ConfigError(sentence.to_owned()));
        let secret = self.auth.service_secret.expose_secret();
        if !secret.is_empty() && secret.trim().len() < SECRET_LENGTH {
            return refuse("auth.service_secret must have at least 32 characters.");
        }
        self.server.check()?;
        self.peers.check()?;
        self.storage.check().map_err(ConfigError)?;
        self.rate_limits.check()?;
        let plain = |text: &str| !text.is_empty() && text.is_ascii() && !text.contains(['>', '?', '~']);
        if !plain(&self.auth.issuer) || !plain(&self.auth.audience) {
            return refuse("auth.issuer and auth.audience must be plain ASCII without `>`, `?` or `~`.");
        }
        if !self.is_production() {
            return Ok(());
        }
        if !self.clock_file.is_empty() {
            return refuse("Production goes by the machine's clock: clear clock_file.");
        }
        if self.storage.engine == EngineKind::Embedded && !self.storage.embedded_in_production {
            return refuse(
                "Production runs on DynamoDB. To run the embedded engine all the same, set \
                 storage.embedded_in_production = true.",
            );
        }
        Ok(())
    }
}

fn layers(overrides: &Overrides, environment: Option<Kind>) -> Result<Raw, ConfigError> {
    let folder = overrides.config_dir.clone().unwrap_or_else(|| PathBuf::from("config"));
    if overrides.config_dir.is_some() && !folder.is_dir() {
        return Err(ConfigError(format!("There is no configuration folder {}.", folder.display())));
    }
    // What is compiled in comes first: a file of the operator's always counts more.
    let mut builder = Raw::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if environment == Some(Kind::Production) {
        builder = builder.add_source(File::from_str(PRODUCTION, FileFormat::Toml));
    }
    builder = builder.add_source(optional(&folder, "default"));
    if let Some(kind) = environment {
        let name = if kind == Kind::Production { "production" } else { "local" };
        builder = builder.add_source(optional(&folder, name));
    }
    let variables = Environment::with_prefix("TRADEPOST").prefix_separator("__").separator("__");
    // Values stay the text they are: guessing types would turn a secret of digits, or an amount, into a float.
    builder = builder.add_source(variables);
    for (key, value) in &overrides.keys {
        builder = builder.set_override(key, value.as_str()).map_err(|error| wrong(&error))?;
    }
    builder.build().map_err(|error| wrong(&error))
}

fn optional(folder: &Path, name: &str) -> File<config::FileSourceFile, FileFormat> {
    File::from(folder.join(format!("{name}.toml"))).format(FileFormat::Toml).required(false)
}

fn kind(raw: &Raw) -> Result<Kind, ConfigError> {
    let value: Value = raw.get("environment").map_err(|error| wrong(&error))?;
    let kind: Result<_, config::ConfigError> = one_of(value);
    kind.map_err(|error| ConfigError(format!("The setting environment is wrong: {error}.")))
}

fn take<T: DeserializeOwned>(raw: &Raw, section: &str) -> Result<T, ConfigError> {
    let value: Value = raw.get(section).map_err(|error| wrong(&error))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, mut cause) = (error.path().to_string(), error.into_inner().to_string());
        // The library adds the section where it knows no better.
        cause.truncate(cause.find(" for key ").unwrap_or(cause.len()));
        let key = if path == "." { section.to_owned() } else { format!("{section}.{path}") };
        ConfigError(format!("The setting {key} is wrong: {cause}."))
    })
}

fn wrong(error: &config::ConfigError) -> ConfigError {
    match error {
        // The library quotes the line that does not parse, and a secret may stand on it.
        config::ConfigError::FileParse { uri, cause } => {
            let (file, cause) = (uri.as_deref().unwrap_or("The configuration"), cause.to_string());
            let what = cause.lines().next().unwrap_or_default();
            ConfigError(format!("{file} cannot be read: {what}."))
        }
        error => ConfigError(format!("The configuration is wrong: {error}.")),
    }
}

/// A list, or a text with commas between its entries, as variables and the command line have it.
#[derive(Deserialize)]
struct List(#[serde(deserialize_with = "list")] Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<String>),
    Text(String),
}

fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(list) => list,
        ListOrText::Text(text) => {
            text.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
        }
    })
}

/// The top level of the defaults lists every section there is.
fn refuse_unknown(raw: &Raw) -> Result<(), ConfigError> {
    let defaults = Raw::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build();
    let known = defaults.map_err(|error| wrong(&error))?.cache.into_table().unwrap_or_default();
    let given = raw.cache.clone().into_table().unwrap_or_default();
    match given.keys().find(|key| !known.contains_key(*key)) {
        Some(key) => Err(ConfigError(format!("There is no setting or section named `{key}`."))),
        None => Ok(()),
    }
}

fn flatten(key: &str, value: &Value, lines: &mut Vec<String>) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, value) in table {
                flatten(&format!("{key}.{name}"), value, lines);
            }
        }
        kind if let Some((_, none)) = SECRETS.iter().find(|(secret, _)| *secret == key) => {
            let is_empty = matches!(kind, ValueKind::String(text) if text.is_empty());
            lines.push(format!("{key} = {}", if is_empty { none } else { "********" }));
        }
        ValueKind::String(text) => lines.push(format!("{key} = {text:?}")),
        ValueKind::Array(values) => {
            let values: Vec<_> = values.iter().map(|value| format!("{:?}", value.to_string())).collect();
            lines.push(format!("{key} = [{}]", values.join(", ")));
        }
        other => lines.push(format!("{key} = {other}")),
    }
}

#[cfg(test)]
mod tests {
    use tradepost_platform::dynamo::EngineKind;

    use super::{Config, Overrides};

    fn with(keys: &[(&str, &str)]) -> Result<Config, String> {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let overrides = Overrides { keys, ..Overrides::default() };
        Config::load(&overrides).map_err(|error| error.to_string())
    }

    const PRODUCTION: [(&str, &str); 3] = [
        ("environment", "production"),
        ("auth.signing_key", "some key"),
        ("auth.service_secret", "0123456789abcdef0123456789abcdef"),
    ];

    #[test]
    fn the_defaults_are_complete() {
        let config = with(&[]).unwrap();
        assert_eq!(config.server.listen, "127.0.0.1:8080");
        assert!(!config.is_production());
    }

    #[test]
    fn unknown_and_wrong_keys_are_named() {
        for (key, value, named) in [
            ("serverr.listen", "x", "serverr"),
            ("server.lisen", "x", "lisen"),
            (
                "storage.engine",
                "sqlite",
                "storage.engine is wrong: unknown variant `sqlite`, expected `embedded` or",
            ),
            ("log.format", "xml", "log.format is wrong: unknown variant `xml`, expected `pretty` or `json`."),
            ("server.workers", "many", "workers"),
            ("auth.service_secret", "too short", "auth.service_secret"),
            ("environment", "prod", "environment is wrong: unknown variant `prod`, expected `local` or"),
            ("storage.access_key_id", "AKIDEXAMPLE", "storage.secret_access_key"),
            ("storage.secret_access_key", "secret", "storage.access_key_id"),
        ] {
            let error = with(&[(key, value)]).err().unwrap();
            assert!(error.contains(named), "{key}: {error}");
        }
    }

    #[test]
    fn words_are_read_in_either_case() {
        let config = with(&[("storage.engine", "Embedded"), ("environment", "LOCAL")]).unwrap();
        assert_eq!(config.storage.engine, EngineKind::Embedded);
    }

    #[test]
    fn production_refuses_the_embedded_engine_unless_told() {
        assert!(with(&PRODUCTION).is_ok());
        let embedded = [&PRODUCTION[..], &[("storage.engine", "embedded")]].concat();
        assert!(with(&embedded).err().unwrap().contains("storage.embedded_in_production"));
        let told = [&embedded[..], &[("storage.embedded_in_production", "true")]].concat();
        assert!(with(&told).is_ok());
    }

    #[test]
    fn lists_may_be_texts_with_commas() {
        let config =
            with(&[("serve", "user, inventory"), ("server.cors_origins", "https://a.example")]).unwrap();
        assert_eq!(config.serve, ["user", "inventory"]);
        assert_eq!(config.server.cors_origins, ["https://a.example"]);
    }

    #[test]
    fn settings_of_the_server_and_its_guard_have_bounds() {
        for (key, good, bad) in [
            ("server.listen", "[::1]:0", "8080"),
            ("server.listen", "localhost:8080", ":8080"),
            ("server.workers", "512", "513"),
            ("server.max_body_bytes", "1024", "1023"),
            ("server.max_uri_bytes", "256", "255"),
            ("server.max_uri_bytes", "65534", "65535"),
            ("server.max_head_bytes", "1024", "1023"),
            ("server.max_head_bytes", "131072", "131073"),
            ("server.max_connections", "1", "0"),
            ("server.max_connections", "1000000", "1000001"),
            ("server.keep_alive_s", "3600", "3601"),
            ("server.trusted_proxies", "10.0.0.0/8, fd00::/8, ::1, 127.0.0.1", "10.0.0.0/33"),
            ("server.trusted_proxies", "", "proxy.example.com"),
            ("server.trusted_proxies", "10.0.0.0/8", "::ffff:10.0.0.0/104"),
            ("rate_limits.per_user", "0", "-1"),
            ("rate_limits.per_address", "1000000000", "1000000001"),
            ("server.client_timeout_ms", "100", "99"),
            ("server.body_timeout_ms", "600000", "600001"),
        ] {
            assert!(with(&[(key, good)]).is_ok(), "{key} {good}");
            assert!(with(&[(key, bad)]).err().unwrap().contains(key), "{key} {bad}");
        }
    }

    #[test]
    fn printed_settings_hide_secrets() {
        let keys = [
            ("storage.access_key_id", "AKIDEXAMPLE"),
            ("storage.secret_access_key", "a key to it"),
            ("inventory.coingecko.api_key", "CG-of-somebody"),
        ];
        let printed = with(&[&PRODUCTION[..], &keys].concat()).unwrap().masked();
        assert!(printed.contains("auth.service_secret = ********"), "{printed}");
        assert!(!printed.contains("0123456789abcdef") && !printed.contains("some key"));
        assert!(printed.contains("inventory.coingecko.api_key = ********") && !printed.contains("CG-of"));
        assert!(!printed.contains("AKIDEXAMPLE") && !printed.contains("a key to it"));
        assert!(printed.contains("server.listen = \"0.0.0.0:8080\""));
    }
}
