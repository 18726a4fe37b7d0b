//! Which processes make up a split platform, and what each is told.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::child::Spec;
use crate::modules::embedded::ACCESS_KEY_ID;
use crate::probe::reached_at;

/// What the processes of a split platform are told from outside.
pub struct Layout {
    /// Where the gateway listens.
    pub public: SocketAddr,
    /// The folder that all share: the engine keeps its file in it, the others find the made-up keys there.
    pub data_dir: PathBuf,
    /// The folder with configuration files, if one was named.
    pub config_dir: Option<PathBuf>,
    /// Settings from the command line.
    pub set: Vec<(String, String)>,
    /// What requests to the engine are signed with.
    pub engine_secret: String,
    /// Where the processes listen on this machine.
    pub ports: Ports,
}

/// Where the processes listen on this machine.
pub struct Ports {
    pub engine: u16,
    pub user: u16,
    pub user_internal: u16,
    pub inventory: u16,
    pub inventory_internal: u16,
    pub order: u16,
}

/// The settings that secrets are handed over in, which must not show in a list of processes.
const ENGINE_SECRET: &str = "engine.secret";
const ACCESS_KEY: &str = "storage.access_key_id";
const SECRET_KEY: &str = "storage.secret_access_key";

/// The processes, in stages: each stage starts when those before it are ready.
pub fn stages(layout: &Layout) -> Vec<Vec<Spec>> {
    let services = vec![layout.user(), layout.inventory(), layout.order()];
    vec![vec![layout.engine()], services, vec![layout.gateway()]]
}

impl Layout {
    fn engine(&self) -> Spec {
        let address = local(self.ports.engine);
        let settings = [("engine.listen", address.clone())];
        let secrets = vec![(ENGINE_SECRET, self.engine_secret.clone())];
        self.spec("engine", "engine", &address, settings.to_vec(), secrets)
    }

    fn user(&self) -> Spec {
        let internal = ("server.internal_listen", local(self.ports.user_internal));
        self.service("user", self.ports.user, vec![internal])
    }

    fn inventory(&self) -> Spec {
        let internal = ("server.internal_listen", local(self.ports.inventory_internal));
        let peer = ("peers.user", url(self.ports.user_internal));
        self.service("inventory", self.ports.inventory, vec![internal, peer])
    }

    fn order(&self) -> Spec {
        let peers = vec![
            ("peers.user", url(self.ports.user_internal)),
            ("peers.inventory", url(self.ports.inventory_internal)),
        ];
        self.service("order", self.ports.order, peers)
    }

    fn gateway(&self) -> Spec {
        let address = self.public.to_string();
        let mut settings = vec![
            ("serve", "gateway".to_owned()),
            ("server.listen", address.clone()),
            ("gateway.user", url(self.ports.user)),
            ("gateway.order", url(self.ports.order)),
            ("gateway.inventory", url(self.ports.inventory)),
        ];
        settings.extend(self.store());
        self.spec("gateway", "serve", &reached_at(self.public).to_string(), settings, Vec::new())
    }

    /// A process that serves one module behind the gateway.
    fn service(&self, module: &'static str, port: u16, own: Vec<(&'static str, String)>) -> Spec {
        let mut settings = vec![
            ("serve", module.to_owned()),
            ("server.listen", local(port)),
            ("server.trusted_proxies", "127.0.0.1".to_owned()),
            ("storage.create_tables", "true".to_owned()),
        ];
        settings.extend(self.store());
        settings.extend(own);
        let keys = vec![(ACCESS_KEY, ACCESS_KEY_ID.to_owned()), (SECRET_KEY, self.engine_secret.clone())];
        self.spec(module, "serve", &local(port), settings, keys)
    }

    /// Where the store is. That it is the engine's the gateway needs to know too, or it would open one of its own.
    fn store(&self) -> [(&'static str, String); 3] {
        [
            ("storage.engine", "dynamodb".to_owned()),
            ("storage.endpoint", url(self.ports.engine)),
            ("storage.region", "local".to_owned()),
        ]
    }

    /// The options of the whole come first, so that what makes the split work counts more.
    fn spec(
        &self,
        name: &'static str,
        verb: &str,
        address: &str,
        settings: Vec<(&'static str, String)>,
        secrets: Vec<(&'static str, String)>,
    ) -> Spec {
        let mut arguments = vec![verb.to_owned(), "--stop-with-stdin".to_owned()];
        arguments.extend(["--data-dir".to_owned(), self.data_dir.display().to_string()]);
        if let Some(folder) = &self.config_dir {
            arguments.extend(["--config-dir".to_owned(), folder.display().to_string()]);
        }
        let given = self.set.iter().map(|(key, value)| (key.as_str(), value));
        let given = given.filter(|(key, _)| ![ENGINE_SECRET, ACCESS_KEY, SECRET_KEY].contains(key));
        let own = settings.iter().map(|(key, value)| (*key, value));
        let all = given.chain(own);
        arguments.extend(all.flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]));
        let environment = secrets.into_iter().map(|(key, value)| (variable(key), value)).collect();
        Spec { name, arguments, environment, address: address.to_owned() }
    }
}

/// The environment variable of a setting.
fn variable(key: &str) -> String {
    format!("TRADEPOST__{}", key.replace('.', "__").to_uppercase())
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn url(port: u16) -> String {
    format!("http://{}", local(port))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
