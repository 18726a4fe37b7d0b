//! What every module of this process stands on: the store, the keys and the clock.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use secrecy::ExposeSecret;
use tradepost_kernel::Clock;
use tradepost_platform::auth::SessionCache;
use tradepost_platform::dynamo::Dynamo;
use tradepost_platform::secrets::{Secret, random};

use crate::config::SECRET_LENGTH;
use crate::{Config, StartError};

/// What every module of this process stands on.
pub struct Foundation {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which sessions this process knows to live.
    pub session_cache: Arc<SessionCache>,
    dynamo: Option<Dynamo>,
    secret: OnceLock<Secret>,
}

impl Foundation {
    /// Puts it together; a process whose modules keep nothing has no store.
    #[must_use]
    pub fn new(config: Config, dynamo: Option<Dynamo>, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, session_cache: Arc::default(), dynamo, secret: OnceLock::new() }
    }

    /// The store, of a process that has a module with a table.
    ///
    /// # Errors
    /// When it has none.
    pub fn store(&self) -> Result<&Dynamo, StartError> {
        self.dynamo.as_ref().ok_or_else(|| StartError::new("This process has no store."))
    }

    /// The secret from which keys are derived: the one given, or one made once in the data folder.
    ///
    /// # Errors
    /// When the data folder cannot be written, or holds a damaged secret.
    pub fn secret(&self) -> Result<Secret, StartError> {
        if let Some(secret) = self.secret.get() {
            return Ok(secret.clone());
        }
        let text = service_secret(&self.config)?;
        Ok(self.secret.get_or_init(|| Secret::from_bytes(text.trim().as_bytes())).clone())
    }
}

/// The service secret of these settings, made and kept in the data folder if none is given.
///
/// # Errors
/// When the data folder cannot be written, or holds a damaged secret.
pub fn service_secret(config: &Config) -> Result<String, StartError> {
    let given = config.auth.service_secret.expose_secret();
    let secret = kept(given, &config.data_dir, "service-secret", || {
        let bytes: [u8; 32] = random()?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    })?;
    if secret.trim().len() < SECRET_LENGTH {
        let file = config.data_dir.join("service-secret");
        return Err(StartError::new(format!(
            "{} is damaged: it must have at least {SECRET_LENGTH} characters. Remove it to have one made; cursors \
             and refresh tokens made with the old one will not be good any more.",
            file.display()
        )));
    }
    Ok(secret)
}

/// A secret that was given, or else the one in the data folder, made by `make` the first time and readable by its
/// owner alone.
///
/// # Errors
/// When the file cannot be read or made.
pub fn kept(
    given: &str,
    folder: &Path,
    name: &str,
    make: impl FnOnce() -> Result<String, StartError>,
) -> Result<String, StartError> {
    if !given.is_empty() {
        return Ok(given.to_owned());
    }
    let file = folder.join(name);
    let failed = |error: std::io::Error| {
        StartError::new(format!("The key {} cannot be kept: {error}.", file.display()))
    };
    match fs::read_to_string(&file) {
        Ok(secret) => return Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let secret = make()?;
    make_private(folder).map_err(failed)?;
    // Under another name first, so that a crash leaves no half a key behind; and of several processes that start
    // on one folder, the first to finish makes the key that all of them use.
    let unfinished = folder.join(format!("{name}.{}", std::process::id()));
    private(&unfinished)
        .and_then(|mut out| out.write_all(secret.as_bytes()).and_then(|()| out.sync_all()))
        .map_err(failed)?;
    match fs::hard_link(&unfinished, &file) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            // A file system without links.
            fs::rename(&unfinished, &file).map_err(failed)?;
        }
        _ => fs::remove_file(&unfinished).map_err(failed)?,
    }
    fs::read_to_string(&file).map_err(failed)
}

/// Makes the data folder, which nobody but its owner may look into.
///
/// # Errors
/// When the folder cannot be made.
#[cfg(unix)]
pub fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes the data folder.
///
/// # Errors
/// When the folder cannot be made.
#[cfg(not(unix))]
pub fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn private(file: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)
}

#[cfg(not(unix))]
fn private(file: &Path) -> std::io::Result<fs::File> {
    fs::File::create(file)
}
