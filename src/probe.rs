//! `tradepost health`: asking a process whether it is ready, as an orchestrator would.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use crate::verbs::say;
use crate::{Config, Overrides, StartError};

/// How long an answer may take; orchestrators that give less kill the probe and count it as a failure too.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the process at `address`, or else where the settings let it listen, and prints its answer.
///
/// # Errors
/// When it does not answer, or it is not known where it listens.
pub async fn health(address: Option<String>, overrides: &Overrides) -> Result<ExitCode, StartError> {
    let address = match address {
        Some(address) => address,
        None => local(&Config::load(overrides)?.server.listen)?,
    };
    let (is_ready, said) = ask(&address).await?;
    say(said.trim_end());
    Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the process at `address` is ready, and what it says.
///
/// # Errors
/// When it does not answer in time.
pub async fn ask(address: &str) -> Result<(bool, String), StartError> {
    let failed = |error: reqwest::Error| {
        let cause = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let cause = cause.last().map(ToString::to_string).unwrap_or_default();
        StartError::new(format!("No answer from http://{address}/health/ready: {cause}."))
    };
    // Whatever proxy the environment names, it is not for this; nor are certificates, which a machine may lack.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE);
    let client = client.build().map_err(failed)?;
    let answer = client.get(format!("http://{address}/health/ready")).send().await.map_err(failed)?;
    let is_ready = answer.status().is_success();
    Ok((is_ready, answer.text().await.map_err(failed)?))
}

/// The address under which this machine reaches what listens at `listen`.
fn local(listen: &str) -> Result<String, StartError> {
    let Ok(address) = listen.parse::<SocketAddr>() else { return Ok(listen.to_owned()) };
    if address.port() == 0 {
        return Err(StartError::new(
            "server.listen takes any free port, so say with --address which one it took.",
        ));
    }
    Ok(reached_at(address).to_string())
}

/// Where this machine itself reaches what listens at `address`, which may stand for every address there is.
pub(crate) fn reached_at(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn what_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("192.0.2.1:8080", "192.0.2.1:8080"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(local(listen).unwrap(), asked);
        }
        assert!(local("127.0.0.1:0").is_err());
    }
}
