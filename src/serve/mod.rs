//! What `errand serve` serves: a file, or the default model alone, made into the parts of a server.

mod embedder;
mod events;
mod file;
mod generator;
mod granted;
mod launcher;
mod letter;
mod looks;
mod notify;
mod params;
mod push;
mod remote;
mod token;
mod triggers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::event::RunId;
use server::{Begun, Doors, Fires, Launcher, Limits, Model, Parts, TokenHash, Trigger, User};

use crate::Errand;
use embedder::Encoder;
use file::EmbeddingTable;
pub use file::ServeFile;
pub use granted::Offer;
use launcher::Agents;
use letter::Reach;
use notify::Notify;
use push::Pushes;
pub use token::{Token, token};

/// The name of this machine's user.
const LOCAL: &str = "local";

/// A port that is none of the usual ones.
const PORT: u16 = 8484;

/// What is wrong with a serve file or with what was asked beside it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(crate) String);

/// What is to be served.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// The serve file.
    pub file: Option<PathBuf>,
    /// Local models beside those of the file.
    pub models: Vec<String>,
    /// The encoder that answers `/v1/embeddings`, instead of the file's.
    pub embed: Option<String>,
    /// Where to listen, instead of where the file says.
    pub listen: Option<SocketAddr>,
    /// Names under which a reverse proxy passes requests on, beside those of the file.
    pub proxies: Vec<String>,
}

/// What is served, checked, before anything is opened.
pub struct Serving {
    errand: Errand,
    file: ServeFile,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The token that was made for this machine's user, where the file names no users.
    pub token: Option<Token>,
    /// Lets the page of this machine's user in, once; where the file names no users.
    pub ticket: Option<String>,
    proxies: Vec<String>,
    agents: Option<Arc<Agents>>,
    triggers: Vec<Trigger>,
    push: Option<Arc<Pushes>>,
}

impl Serving {
    /// Reads the file, checks its agents, and finds or makes the token.
    ///
    /// # Errors
    /// The file or what was asked beside it is wrong ([`Refused`], [`crate::Invalid`]), or the token cannot
    /// be kept.
    pub fn open(errand: &Errand, order: &Order) -> anyhow::Result<Serving> {
        let mut file = match &order.file {
            Some(path) => ServeFile::read(path)?,
            None => ServeFile::default(),
        };
        for name in &order.models {
            file.also(name)?;
        }
        if let Some(name) = &order.embed {
            file.embeddings = Some(EmbeddingTable { name: name.clone() });
        }
        if file.models.is_empty() && file.agents.is_empty() {
            file.also(models::DEFAULT)?;
        }
        let mut proxies = order.proxies.clone();
        proxies.extend(file.listen.behind_proxy.iter().cloned());
        let listen = order.listen.or(file.listen.address);
        let listen = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], PORT)));
        if !listen.ip().is_loopback() && proxies.is_empty() {
            return Err(Refused(format!(
                "the server speaks HTTP without encryption, and `{listen}` can be reached from other \
                 machines: tokens and answers could be read on the way\nhint: put a reverse proxy with \
                 TLS in front of it and say under which name it is reached: `--behind-proxy HOST`"
            ))
            .into());
        }
        let errand = match order.file.clone() {
            Some(path) => errand.clone().keeping([path]).keeping(file.secret_files()),
            None => errand.clone(),
        };
        let errand = errand.sharing()?;
        let agents = match file.agents.is_empty() {
            true => None,
            false => {
                let notify = notify(&errand, &file)?.map(Arc::new);
                Some(Arc::new(Agents::open(&errand, &file, notify)?))
            }
        };
        let triggers = file.triggers()?;
        file.own_secrets(&triggers)?;
        for trigger in &triggers {
            fits(trigger, agents.as_deref())?;
        }
        let push = pushes(&errand, &file)?.map(Arc::new);
        let token = match !file.has_users() {
            true => Some(token(errand.fetcher().home().root())?),
            false => None,
        };
        let ticket = token.as_ref().map(|_| server::new_token());
        Ok(Serving { errand, file, listen, token, ticket, proxies, agents, triggers, push })
    }

    /// Opens the models, which takes a moment, or longer where one has to be fetched.
    ///
    /// # Errors
    /// A model cannot be had.
    pub async fn parts(&self, bound: SocketAddr) -> anyhow::Result<Parts> {
        let mut models = Vec::new();
        for (name, table) in &self.file.models {
            let generator = generator::open(&self.errand, &self.file.folder, name, table).await?;
            models.push(Model { name: name.clone(), generator });
        }
        let embedder = match &self.file.embeddings {
            Some(table) => {
                let encoder = Encoder::open(&self.errand, &table.name).await?;
                Some((table.name.clone(), Arc::new(encoder) as Arc<dyn server::Embedder>))
            }
            None => None,
        };
        let users = match &self.token {
            Some(token) => vec![own(TokenHash::of(&token.text))],
            None => self.file.users(),
        };
        if let Some(agents) = &self.agents {
            agents.tell_owed().await;
        }
        let named = std::iter::once(bound.to_string()).chain(self.proxies.iter().cloned());
        Ok(Parts {
            models,
            embedder,
            launcher: self.agents.clone().map(|agents| agents as Arc<dyn Launcher>),
            users,
            triggers: self.triggers.clone(),
            push: self.push.clone().map(|push| push as Arc<dyn server::Push>),
            limits: self.limits(),
            doors: Doors::local(bound.port(), named),
            ticket: self.ticket.as_deref().map(TokenHash::of),
        })
    }

    /// How much the server takes on.
    pub fn limits(&self) -> Limits {
        self.file.limits()
    }

    /// The names of the models and of the agents.
    pub fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let models = self.file.models.iter().map(|(name, _)| &**name).collect();
        (models, self.file.agents.iter().map(|(name, _)| &**name).collect())
    }
}

/// What is served to one client over a pipe, which is this machine's user: this of these agent files.
///
/// # Errors
/// A file is wrong, two of what is offered have one name, or the journal cannot be opened.
pub fn piped(errand: &Errand, files: &[PathBuf], offer: Offer) -> anyhow::Result<Parts> {
    let errand = errand.clone().sharing()?;
    let file = ServeFile::of(&errand, files)?;
    let agents = Agents::open(&errand, &file, None)?;
    let agents = match offer {
        Offer::Agents => agents,
        Offer::AgentsAndTools => agents.and_tools(),
    };
    granted::offered(agents.agents().iter().map(|card| &*card.name))?;
    Ok(Parts {
        models: Vec::new(),
        embedder: None,
        launcher: Some(Arc::new(agents)),
        users: vec![own(TokenHash::of(""))],
        triggers: Vec::new(),
        push: None,
        limits: file.limits(),
        doors: Doors::default(),
        ticket: None,
    })
}

/// Where the file wants outcomes told.
fn notify(errand: &Errand, file: &ServeFile) -> anyhow::Result<Option<Notify>> {
    let Some(table) = &file.notify else { return Ok(None) };
    let reach = if table.private { Reach::Anywhere } else { Reach::Public };
    let key = table.key(&file.folder).map_err(Refused)?;
    let home = errand.fetcher().home().root();
    Ok(Some(Notify::new(&table.url, reach, key, home).map_err(Refused)?))
}

/// Where the file lets clients have their tasks told, if it has agents.
fn pushes(errand: &Errand, file: &ServeFile) -> anyhow::Result<Option<Pushes>> {
    let hosts = file.push_hosts()?;
    if hosts.is_empty() || file.agents.is_empty() {
        return Ok(None);
    }
    let home = errand.fetcher().home().root();
    Ok(Some(Pushes::open(hosts, home).map_err(Refused)?))
}

/// Whether a trigger's runs could begin.
fn fits(trigger: &Trigger, agents: Option<&Agents>) -> Result<(), Refused> {
    let Some(agents) = agents else { return Ok(()) };
    let mut params = trigger.params.clone();
    if let Fires::On(webhook) = &trigger.fires
        && let Some(param) = &webhook.param
    {
        params.insert(param.clone(), "the body".into());
    }
    let order = server::Order {
        run: RunId(String::new()),
        agent: trigger.agent.clone(),
        params,
        images: Vec::new(),
        begun: Begun::ByUser,
    };
    let checked = agents.check(&order);
    checked
        .map(drop)
        .map_err(|error| Refused(format!("`triggers.{}.params`: {error}", trigger.name)))
}

/// This machine's user.
fn own(token: TokenHash) -> User {
    User { name: LOCAL.to_string(), token, models: None, agents: None, most: None }
}

/// A path of the serve file: relative to the folder that the file is in.
fn placed(folder: &Path, path: &str) -> PathBuf {
    folder.join(path)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use crate::Errand;

    /// An agent `helper` whose model says these replies, and an errand that shares what its runs need, in a
    /// folder for as long as that is there.
    pub(super) fn scripted(replies: &str) -> (TempDir, Errand, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.toml");
        let text = "name = \"helper\"\ntask = \"say it\"\nact = \"tools\"\n[model]\n\
                    provider = \"scripted\"\nname = \"replies.jsonl\"\n";
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("replies.jsonl"), replies).unwrap();
        let errand = Errand::at(&folder.path().join("home")).unwrap().sharing().unwrap();
        (folder, errand, file)
    }
}
