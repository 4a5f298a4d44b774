//! The serve file: models, agents, users and limits. Every key is known, or the file is refused.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_core::agent::{Device, Provider};
use agent_core::content::Input;
use agent_core::quirks::Quirks;
use agent_file::size;
use serde::Deserialize;
use server::{Fires, Key, Limits, TokenHash, Trigger, User};

use super::triggers::{NotifyTable, PushTable, TriggerTable};
use super::{Refused, remote};
use crate::Errand;

/// The longest serve file, in bytes.
const LONGEST: u64 = 1 << 20;

/// A serve file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeFile {
    /// The folder that its paths are relative to.
    #[serde(skip)]
    pub(super) folder: PathBuf,
    pub(super) listen: Listen,
    #[serde(deserialize_with = "named_tables")]
    pub(super) models: Vec<(String, ModelTable)>,
    #[serde(deserialize_with = "named_tables")]
    pub(super) agents: Vec<(String, AgentTable)>,
    pub(super) embeddings: Option<EmbeddingTable>,
    #[serde(deserialize_with = "named_tables")]
    triggers: Vec<(String, TriggerTable)>,
    pub(super) notify: Option<NotifyTable>,
    #[serde(deserialize_with = "named_tables")]
    push: Vec<(String, PushTable)>,
    users: BTreeMap<String, UserTable>,
    limits: LimitTable,
}

/// Where the server listens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Listen {
    pub(super) address: Option<SocketAddr>,
    pub(super) behind_proxy: Vec<String>,
}

/// The most requests that a model may be made to answer at once.
const SLOTS: usize = 64;

/// A model that clients may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelTable {
    #[serde(default)]
    pub(super) provider: Provider,
    /// A name of the catalog, or a file; openai: the id that the endpoint knows the model by.
    pub(super) name: String,
    /// openai: the endpoint, up to and with its `/v1`.
    pub(super) base_url: Option<String>,
    /// openai: the key, as `${NAME}` of an environment variable.
    pub(super) api_key: Option<String>,
    /// openai: what the model takes; text alone where nothing is said.
    #[serde(default)]
    pub(super) input: Vec<Input>,
    /// openai: what the endpoint takes otherwise than most, as in an agent file.
    pub(super) quirks: Option<Quirks>,
    #[serde(default)]
    pub(super) device: Device,
    pub(super) context: Option<u32>,
    /// Requests that it answers at once; 0 for as many as have room.
    #[serde(default)]
    pub(super) slots: usize,
    #[serde(default)]
    pub(super) temperature: f32,
    #[serde(default = "whole")]
    pub(super) top_p: f32,
    #[serde(default)]
    pub(super) ahead: Ahead,
}

/// What a local model reads ahead of the token that it chooses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ahead {
    #[default]
    Nothing,
    Drafts,
}

fn whole() -> f32 {
    1.0
}

/// The encoder that answers `/v1/embeddings`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmbeddingTable {
    /// A name of the catalog, a folder, or a GGUF file.
    pub(super) name: String,
}

/// An agent that can be run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentTable {
    pub(super) file: String,
}

/// Who may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserTable {
    token_sha256: String,
    models: Option<Vec<String>>,
    agents: Option<Vec<String>>,
    /// The most runs at once.
    runs: Option<usize>,
}

/// How much the server takes on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitTable {
    body: Option<String>,
    connections: Option<usize>,
    requests_per_minute: Option<u32>,
    concurrent: Option<usize>,
    queue: Option<usize>,
    runs: Option<usize>,
    request_s: Option<u64>,
    client_s: Option<u64>,
    drain_s: Option<u64>,
}

/// Tables and their names, by name.
fn named_tables<'de, D, T>(deserializer: D) -> Result<Vec<(String, T)>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    BTreeMap::<String, T>::deserialize(deserializer).map(|tables| tables.into_iter().collect())
}

impl ServeFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<ServeFile, Refused> {
        let shown = path.display();
        let refused = |what: &dyn std::fmt::Display| Refused(format!("`{shown}`: {what}"));
        let text = guard::file::read_text(path, LONGEST).map_err(|error| refused(&error))?;
        let mut file: ServeFile =
            toml::from_str(&text).map_err(|error| refused(&unread(&error, &text)))?;
        let path = std::path::absolute(path).map_err(|error| refused(&error))?;
        file.folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        file.check().map_err(|problem| refused(&problem))?;
        Ok(file)
    }

    /// The file that offers these agent files and nothing else, each under its agent's name.
    pub(super) fn of(errand: &Errand, files: &[PathBuf]) -> anyhow::Result<ServeFile> {
        let mut file = ServeFile { folder: PathBuf::from("/"), ..ServeFile::default() };
        for path in files {
            let name = errand.check(path, &[])?.agent.name;
            if file.agents.iter().any(|(known, _)| *known == name) {
                let shown = path.display();
                return Err(Refused(format!(
                    "`{shown}`: another of the agents is named `{name}`\nhint: give one of them another `name`"
                ))
                .into());
            }
            let path = std::path::absolute(path)?;
            let path = path
                .to_str()
                .ok_or_else(|| Refused(format!("`{}`: the path is no text", path.display())))?;
            file.agents.push((name, AgentTable { file: path.to_string() }));
        }
        Ok(file)
    }

    /// Serves this local model too, under its own name.
    pub(super) fn also(&mut self, name: &str) -> Result<(), Refused> {
        let shown = Path::new(name).file_stem().filter(|_| name.ends_with(".gguf"));
        let shown = shown.map_or(name.to_string(), |stem| stem.to_string_lossy().into_owned());
        if self.models.iter().any(|(known, _)| *known == shown) {
            return Err(Refused(format!("the model `{shown}` is named twice")));
        }
        let name = match std::path::absolute(name) {
            Ok(path) if name.ends_with(".gguf") => path.to_string_lossy().into_owned(),
            _ => name.to_string(),
        };
        let table = ModelTable {
            provider: Provider::Onnx,
            name,
            base_url: None,
            api_key: None,
            input: Vec::new(),
            quirks: None,
            device: Device::Cpu,
            context: None,
            slots: 0,
            temperature: 0.0,
            top_p: 1.0,
            ahead: Ahead::Nothing,
        };
        self.models.push((shown, table));
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        for (name, table) in &self.models {
            if !(0.0..=2.0).contains(&table.temperature) {
                return Err(format!("`models.{name}.temperature` is a number from 0 to 2"));
            }
            if !(0.0..=1.0).contains(&table.top_p) {
                return Err(format!("`models.{name}.top_p` is a number from 0 to 1"));
            }
            if table.context.is_some_and(|context| context < 256) {
                return Err(format!("`models.{name}.context` is at least 256"));
            }
            if table.slots > SLOTS {
                return Err(format!("`models.{name}.slots` is a number from 0 to {SLOTS}"));
            }
            remote::check(name, table)?;
        }
        let mut hashes: Vec<String> = Vec::new();
        for (name, user) in &self.users {
            if TokenHash::from_hex(&user.token_sha256).is_none() {
                return Err(format!(
                    "`users.{name}.token_sha256` is the SHA-256 of a token, 64 hexadecimal digits\n\
                     hint: `errand serve --new-token` makes a token and prints its SHA-256"
                ));
            }
            let hash = user.token_sha256.to_ascii_lowercase();
            if hashes.contains(&hash) {
                return Err(format!("`users.{name}` has the token of another user"));
            }
            hashes.push(hash);
            if user.runs == Some(0) {
                return Err(format!(
                    "`users.{name}.runs` is at least 1: `agents = []` is for one who may run none"
                ));
            }
            named("models", name, user.models.as_deref(), &self.models)?;
            named("agents", name, user.agents.as_deref(), &self.agents)?;
        }
        for (name, trigger) in &self.triggers {
            if !self.agents.iter().any(|(known, _)| *known == trigger.agent) {
                return Err(format!(
                    "`triggers.{name}.agent` names `{0}`, and there is no `[agents.{0}]`",
                    trigger.agent
                ));
            }
        }
        let limits = &self.limits;
        let sizes = [limits.connections, limits.concurrent, limits.runs];
        let times = [limits.request_s, limits.client_s];
        if sizes.contains(&Some(0))
            || times.contains(&Some(0))
            || limits.requests_per_minute == Some(0)
        {
            return Err("a limit of 0 would let nothing through".to_string());
        }
        if sizes.iter().flatten().chain(&limits.queue).any(|limit| *limit > 1 << 20)
            || times.iter().flatten().chain(&limits.drain_s).any(|time| *time > 86_400)
        {
            return Err("a limit is at most 1048576, and a time at most 86400 s".to_string());
        }
        if let Some(body) = &limits.body {
            size::read(body).map_err(|wanted| format!("`limits.body` must be {wanted}"))?;
        }
        Ok(())
    }

    pub(super) fn users(&self) -> Vec<User> {
        let user = |(name, table): (&String, &UserTable)| {
            Some(User {
                name: name.clone(),
                token: TokenHash::from_hex(&table.token_sha256)?,
                models: table.models.clone(),
                agents: table.agents.clone(),
                most: table.runs,
            })
        };
        self.users.iter().filter_map(user).collect()
    }

    /// The triggers, whose secrets are read now.
    pub(super) fn triggers(&self) -> Result<Vec<Trigger>, Refused> {
        let users = self.has_users().then(|| self.users());
        let trigger = |(name, table): &(String, TriggerTable)| {
            table.trigger(name, users.as_deref(), &self.folder).map_err(Refused)
        };
        self.triggers.iter().map(trigger).collect()
    }

    /// Refuses a secret that two share: what is signed for the one would be taken by the other.
    pub(super) fn own_secrets(&self, triggers: &[Trigger]) -> Result<(), Refused> {
        let key = |trigger: &Trigger| match &trigger.fires {
            Fires::On(webhook) => Some((format!("triggers.{}", trigger.name), webhook.key.clone())),
            Fires::At(..) => None,
        };
        let mut known: Vec<(String, Key)> = Vec::new();
        let notify = match &self.notify {
            Some(table) => Some(("notify".to_string(), table.key(&self.folder).map_err(Refused)?)),
            None => None,
        };
        let hosts = self.push_hosts()?.into_iter().map(|(host, key)| (format!("push.{host}"), key));
        for (place, key) in triggers.iter().filter_map(key).chain(notify).chain(hosts) {
            if let Some((other, _)) = known.iter().find(|(_, known)| known.same(&key)) {
                return Err(Refused(format!(
                    "`{place}` has the secret of `{other}`: what is signed for one could be sent to the other\n\
                     hint: give each a secret of its own: `openssl rand -base64 32` makes one, to be written after `whsec_`"
                )));
            }
            known.push((place, key));
        }
        Ok(())
    }

    /// The hosts that clients may have their tasks told at, with what is signed with for each.
    pub(super) fn push_hosts(&self) -> Result<Vec<(String, Key)>, Refused> {
        let host = |(host, table): &(String, PushTable)| {
            table.key(host, &self.folder).map(|key| (host.clone(), key)).map_err(Refused)
        };
        self.push.iter().map(host).collect()
    }

    /// The files that hold secrets.
    pub(super) fn secret_files(&self) -> Vec<PathBuf> {
        let triggers =
            self.triggers.iter().filter_map(|(_, table)| table.secret_file(&self.folder));
        let notify = self.notify.as_ref().and_then(|table| table.secret_file(&self.folder));
        let push = self.push.iter().filter_map(|(_, table)| table.secret_file(&self.folder));
        triggers.chain(notify).chain(push).collect()
    }

    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(super) fn limits(&self) -> Limits {
        let (limits, usual) = (&self.limits, Limits::default());
        let body = limits.body.as_deref().and_then(|body| size::read(body).ok());
        let seconds = |said: Option<u64>, usual| said.map_or(usual, Duration::from_secs);
        Limits {
            body: body.map_or(usual.body, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            connections: limits.connections.unwrap_or(usual.connections),
            rate: limits.requests_per_minute.unwrap_or(usual.rate),
            concurrent: limits.concurrent.unwrap_or(usual.concurrent),
            queue: limits.queue.unwrap_or(usual.queue),
            runs: limits.runs.unwrap_or(usual.runs),
            request: seconds(limits.request_s, usual.request),
            client: seconds(limits.client_s, usual.client),
            drain: seconds(limits.drain_s, usual.drain),
        }
    }
}

/// What is wrong with a text that is no serve file. A line with a key is not repeated: it may hold one.
fn unread(error: &toml::de::Error, text: &str) -> String {
    let told = error.to_string();
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    match told.contains("api_key") {
        true => {
            format!("line {}, with an `api_key`, cannot be read", before.lines().count().max(1))
        }
        false => told.trim_end().to_string(),
    }
}

/// Whether all that a user may use is there.
fn named<T>(
    what: &str,
    user: &str,
    names: Option<&[String]>,
    there: &[(String, T)],
) -> Result<(), String> {
    for name in names.unwrap_or_default() {
        if !there.iter().any(|(known, _)| known == name) {
            return Err(format!(
                "`users.{user}.{what}` names `{name}`, and there is no `[{what}.{name}]`"
            ));
        }
    }
    Ok(())
}
