//! Hashing passwords with Argon2id (RFC 9106) on a bounded number of threads, so that logins cannot starve
//! orders, with memory that is kept between hashes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;
use tradepost_platform::secrets::random;
use tradepost_problem::Outage;

use crate::fields::Password;

/// Whoever waits longer for a thread is told to come back; a queue without end would serve nobody.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Hashes and checks passwords.
pub struct Passwords {
    threads: Arc<Semaphore>,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    dummy: String,
}

/// What a check of a password against a stored hash found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whether the password is right.
    pub right: bool,
    /// Whether the hash was made with other parameters than today's.
    pub outdated: bool,
}

impl Passwords {
    /// Allows this many hashes at once; each takes a thread and 19 MiB.
    pub fn new(concurrent: usize) -> Result<Self, Outage> {
        let dummy = hash("nobody's password", &random()?, &mut blocks())?;
        Ok(Self { threads: Arc::new(Semaphore::new(concurrent)), memory: Arc::default(), dummy })
    }

    /// The hash of a password in PHC form.
    pub async fn hash(&self, password: &Password) -> Result<String, Outage> {
        let (password, salt) = (password.clone(), random()?);
        self.run(move |memory| hash(password.expose(), &salt, memory)).await
    }

    /// Whether a password fits a stored hash. Without a hash it takes the same time and is wrong, so that an
    /// unknown user cannot be told from a wrong password.
    pub async fn check(&self, password: &Password, stored: Option<&str>) -> Result<Checked, Outage> {
        let known = stored.is_some();
        let (password, stored) = (password.clone(), stored.unwrap_or(&self.dummy).to_owned());
        let checked = self.run(move |memory| check(password.expose(), &stored, memory)).await?;
        Ok(Checked { right: checked.right && known, ..checked })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, Outage> + Send + 'static,
    ) -> Result<T, Outage> {
        let permit = tokio::time::timeout(LONGEST_WAIT, Arc::clone(&self.threads).acquire_owned()).await;
        let permit = permit.map_err(|_| Outage::busy("password hash"))?;
        let permit = permit.map_err(|error| Outage::internal("password hash", &error))?;
        let pool = Arc::clone(&self.memory);
        let task = tokio::task::spawn_blocking(move || {
            let mut memory = take(&pool);
            let result = work(&mut memory);
            give_back(&pool, memory);
            drop(permit);
            result
        });
        task.await.map_err(|error| Outage::internal("password hash", &error))?
    }
}

fn take(pool: &Mutex<Vec<Vec<Block>>>) -> Vec<Block> {
    pool.lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_else(blocks)
}

fn give_back(pool: &Mutex<Vec<Vec<Block>>>, memory: Vec<Block>) {
    if let Ok(mut pool) = pool.lock() {
        pool.push(memory);
    }
}

fn blocks() -> Vec<Block> {
    vec![Block::default(); Params::DEFAULT.block_count()]
}

fn hash(password: &str, salt: &[u8; 16], memory: &mut Vec<Block>) -> Result<String, Outage> {
    let defect = |error: &dyn std::fmt::Display| Outage::internal("password hash", error);
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    Argon2::default()
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)
        .map_err(|error| defect(&error))?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&Params::DEFAULT).map_err(|error| defect(&error))?,
        salt: Some(Salt::new(salt).map_err(|error| defect(&error))?),
        hash: Some(Output::new(&output).map_err(|error| defect(&error))?),
    };
    Ok(hash.to_string())
}

fn check(password: &str, stored: &str, memory: &mut Vec<Block>) -> Result<Checked, Outage> {
    let defect = |error: &dyn std::fmt::Display| Outage::internal("password check", error);
    let stored = PasswordHash::new(stored).map_err(|error| defect(&error))?;
    let params = Params::try_from(&stored).map_err(|error| defect(&error))?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(defect(&"a stored hash has no salt or no output"));
    };
    memory.resize(memory.len().max(params.block_count()), Block::default());
    let mut output = vec![0; expected.as_bytes().len()];
    let outdated = params.to_string() != Params::DEFAULT.to_string();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt.as_ref(), &mut output, memory)
        .map_err(|error| defect(&error))?;
    let right = aws_lc_rs::constant_time::verify_slices_are_equal(&output, expected.as_bytes()).is_ok();
    Ok(Checked { right, outdated })
}

#[cfg(test)]
mod tests {
    use super::{Block, Checked, Params, Passwords, check};

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_right() {
        let passwords = Passwords::new(2).unwrap();
        let (right, wrong) = ("TestPassword123!".parse().unwrap(), "TestPassword123?".parse().unwrap());
        let stored = passwords.hash(&right).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let answer = |right| Checked { right, outdated: false };
        assert_eq!(passwords.check(&right, Some(&stored)).await, Ok(answer(true)));
        assert_eq!(passwords.check(&wrong, Some(&stored)).await, Ok(answer(false)));
        assert_eq!(passwords.check(&right, None).await, Ok(answer(false)));
        assert_ne!(passwords.hash(&right).await.unwrap(), stored, "each hash has a salt of its own");
    }

    #[test]
    fn a_hash_with_weaker_parameters_still_checks_and_is_outdated() {
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let stored = argon2::PasswordHasher::hash_password(&weak, b"TestPassword123!").unwrap().to_string();
        let mut memory = vec![Block::default(); Params::DEFAULT.block_count()];
        let checked = check("TestPassword123!", &stored, &mut memory).unwrap();
        assert_eq!(checked, Checked { right: true, outdated: true });
    }
}
