//! The section `[engine]`: where the engine listens for other processes, and how it knows them.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The fewest characters of a secret.
const SECRET_LENGTH: usize = 16;

/// Where the engine listens for other processes, and how it knows them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// An address and a port.
    pub listen: String,
    /// The AWS secret access key that every request must be signed with; empty asks for no signature.
    pub secret: SecretString,
}

impl Settings {
    /// Checks the settings, and that nobody on another machine is let in without a secret.
    ///
    /// # Errors
    /// A sentence that names the key that is wrong.
    pub fn check(&self) -> Result<(), String> {
        self.addresses().map(|_| ())
    }

    /// Whether requests must be signed.
    #[must_use]
    pub fn asks_for_signatures(&self) -> bool {
        !self.secret.expose_secret().is_empty()
    }

    /// Takes the address.
    pub(crate) fn bind(&self) -> Result<TcpListener, String> {
        let listen = &self.listen;
        TcpListener::bind(&self.addresses()?[..]).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "Another program already listens on {listen}. Stop it, or choose another address with --listen."
            ),
            _ => format!("The engine cannot listen on {listen}: {error}."),
        })
    }

    /// What `listen` stands for, a name included: a name may well mean an address that others can reach.
    fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let Self { listen, secret } = self;
        let addresses: Vec<_> = listen
            .to_socket_addrs()
            .map_err(|error| {
                format!("engine.listen must be an address and a port, such as 127.0.0.1:8000: {error}.")
            })?
            .collect();
        let length = secret.expose_secret().chars().count();
        if length > 0 && length < SECRET_LENGTH {
            return Err(format!("engine.secret must have at least {SECRET_LENGTH} characters."));
        }
        if length == 0 && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(format!(
                "On {listen} other machines could read and change everything. Set engine.secret, as \
                 TRADEPOST__ENGINE__SECRET, to at least {SECRET_LENGTH} characters that only the services know, or \
                 listen on 127.0.0.1."
            ));
        }
        Ok(addresses)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(listen: &str, secret: &str) -> Result<(), String> {
        Settings { listen: listen.to_owned(), secret: secret.into() }.check()
    }

    #[test]
    fn a_secret_has_at_least_sixteen_characters() {
        assert!(check("127.0.0.1:8000", &"s".repeat(16)).is_ok());
        assert!(check("127.0.0.1:8000", &"s".repeat(15)).unwrap_err().contains("engine.secret"));
    }

    #[test]
    fn without_a_secret_only_this_machine_is_served() {
        for local in ["127.0.0.1:8000", "127.8.8.8:0", "[::1]:8000"] {
            assert!(check(local, "").is_ok(), "{local}");
        }
        for open in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000"] {
            assert!(check(open, "").unwrap_err().contains("engine.secret"), "{open}");
            assert!(check(open, &"s".repeat(16)).is_ok(), "{open}");
        }
    }

    #[test]
    fn an_address_without_a_port_is_refused() {
        for wrong in ["", "8000", "127.0.0.1", "127.0.0.1:70000"] {
            assert!(check(wrong, "").unwrap_err().contains("engine.listen"), "{wrong}");
        }
    }
}
