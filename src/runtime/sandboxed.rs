//! The sandbox of one agent: what it was granted, on what all agents of the process share.

use std::sync::Arc;

use agent_core::agent::Agent;
use sandbox::Wasm;

use super::launch::Launch;
use super::{Errand, browser};

impl Errand {
    pub(super) fn sandbox(&self, agent: &Agent, launch: &Launch) -> anyhow::Result<Wasm> {
        let home = self.fetcher.home().root();
        let mut config = sandbox::Config::new(&agent.root, home.join("cache"));
        config.read = agent.grants.read.clone();
        config.write = agent.grants.write.clone();
        config.kept = Arc::clone(&launch.kept);
        config.kv = Some(home.join("kv"));
        config.agent = agent.file.clone();
        config.pages = Arc::clone(&self.pages);
        config.room = Arc::clone(&self.room);
        config.engines = Arc::clone(&self.guest_engines);
        if let Some(wanted) = &agent.browser {
            config.browser = Some(browser::open(wanted, &agent.root, self.confiner.clone())?);
        }
        let granted = agent.secrets.clone();
        config.secrets = Arc::new(move |name| {
            granted.iter().any(|granted| granted == name).then(|| std::env::var(name).ok())?
        });
        Ok(Wasm::new(config)?)
    }
}
