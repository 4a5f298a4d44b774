//! What `errand serve` serves: a file, or the default model alone, made into the parts of a server.

mod embedder;
mod file;
mod generator;
mod launcher;
mod params;
mod token;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use server::{Doors, Launcher, Limits, Model, Parts, TokenHash, User};

use crate::Errand;
use embedder::Encoder;
use file::EmbeddingTable;
pub use file::ServeFile;
use launcher::Agents;
pub use token::{Token, token};

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
            Some(path) => errand.clone().keeping([path]),
            None => errand.clone(),
        };
        let errand = errand.sharing()?;
        let agents = match file.agents.is_empty() {
            true => None,
            false => Some(Arc::new(Agents::open(&errand, &file)?)),
        };
        let token = match !file.has_users() {
            true => Some(token(errand.fetcher().home().root())?),
            false => None,
        };
        let ticket = token.as_ref().map(|_| server::new_token());
        Ok(Serving { errand, file, listen, token, ticket, proxies, agents })
    }

    /// Opens the models, which takes a moment, or longer where one has to be fetched.
    ///
    /// # Errors
    /// A model cannot be had.
    pub async fn parts(&self, bound: SocketAddr) -> anyhow::Result<Parts> {
        let mut models = Vec::new();
        for (name, table) in &self.file.models {
            let generator = generator::open(&self.errand, &self.file.folder, table).await?;
            models.push(Model { name: name.clone(), generator });
        }
        let embedder = match &self.file.embeddings {
            Some(table) => {
                let encoder = Encoder::open(&self.errand, &table.name).await?;
                Some((table.name.clone(), Arc::new(encoder) as Arc<dyn server::Embedder>))
            }
            None => None,
        };
        let own = User {
            name: "local".to_string(),
            token: TokenHash::of(""),
            models: None,
            agents: None,
        };
        let users = match &self.token {
            Some(token) => vec![User { token: TokenHash::of(&token.text), ..own }],
            None => self.file.users(),
        };
        let named = std::iter::once(bound.to_string()).chain(self.proxies.iter().cloned());
        Ok(Parts {
            models,
            embedder,
            launcher: self.agents.clone().map(|agents| agents as Arc<dyn Launcher>),
            users,
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

/// A path of the serve file: relative to the folder that the file is in.
fn placed(folder: &Path, path: &str) -> PathBuf {
    folder.join(path)
}
