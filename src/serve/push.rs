//! Tells clients of their A2A tasks at addresses that they name: of hosts that the serve file names and of no other,
//! signed, and again until it was taken. One client is told of one task in order, and waits for no other.
//!
//! Where to is a file a task, with how far each client was told, so a restart forgets none. What an update says is not
//! kept: a server that begins tells how a task stands by then. A file goes once its task is over and that was told.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::event::RunId;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use server::{Key, Mark, Push, PushConfig, Update};
use tokio::task::AbortHandle;

use super::letter::{Letter, Reach, private};

/// Where configs are kept, in `ERRAND_HOME`.
const FOLDER: &str = "push";

/// The most configs of a task, and tasks of a user that have some.
const CONFIGS: usize = 4;
const TASKS: usize = 256;

/// The most updates that wait for one that does not take them; the oldest is given up then.
const WAITING: usize = 32;

/// The longest file of a task, in bytes.
const LONGEST: u64 = 1 << 20;

/// How a config's token is sent.
const TOKEN: &str = "x-a2a-notification-token";

/// Clients' addresses, and what is to be told there.
pub(super) struct Pushes {
    hosts: Vec<Host>,
    folder: PathBuf,
    tasks: Mutex<Tasks>,
}

/// A host that may be sent to.
struct Host {
    /// Its key in the serve file.
    place: String,
    /// With `https`, as URLs are read.
    url: Url,
    key: Key,
    reach: Reach,
    client: Client,
}

/// Tasks by their runs, and how many configs there have been.
#[derive(Default)]
struct Tasks {
    all: HashMap<RunId, Task>,
    numbers: u64,
}

#[derive(Default)]
struct Task {
    clients: Vec<Addressee>,
    over: bool,
}

/// One config of a task.
struct Addressee {
    /// Another than that of any config before.
    number: u64,
    config: PushConfig,
    /// What it was told, or what is given up.
    told: Option<Mark>,
    /// What it will have been told.
    last: Option<Mark>,
    waiting: VecDeque<Update>,
    /// Tells it, while there is something to tell.
    work: Option<AbortHandle>,
}

/// What was not told yet is not.
impl Drop for Addressee {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

/// A config as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    config: PushConfig,
    told: Option<Mark>,
}

impl Pushes {
    /// To these hosts, each with what is signed with for it.
    pub(super) fn open(hosts: Vec<(String, Key)>, home: &Path) -> Result<Pushes, String> {
        let hosts = hosts.into_iter().map(|(name, key)| Host::of(&name, key));
        let hosts = hosts.collect::<Result<Vec<Host>, String>>()?;
        let folder = home.join(FOLDER);
        let shown = |error| format!("`{}`: {error}", folder.display());
        guard::private::folder(&folder).map_err(shown)?;
        let mut tasks = Tasks::default();
        for file in fs::read_dir(&folder).map_err(shown)?.flatten() {
            let Ok(name) = file.file_name().into_string() else { continue };
            // What was being written when a server was killed; the file before it is there.
            if name.ends_with(".draft") {
                let _ = fs::remove_file(file.path());
                continue;
            }
            let read =
                guard::file::read_text(&file.path(), LONGEST).map_err(|error| error.to_string());
            let kept = read.and_then(|text| {
                // Its error may repeat a credential.
                serde_json::from_str::<Vec<Kept>>(&text).map_err(|_| "it is damaged".to_string())
            });
            match kept {
                Ok(kept) => {
                    let clients =
                        kept.into_iter().map(|Kept { config, told }| tasks.client(config, told));
                    let clients = clients.collect();
                    tasks.all.insert(RunId(name), Task { clients, over: false });
                }
                Err(error) => {
                    tracing::warn!("what is to be told of task `{name}` cannot be read: {error}");
                }
            }
        }
        Ok(Pushes { hosts, folder, tasks: Mutex::new(tasks) })
    }

    fn locked(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host of this address, if it may be sent to.
    fn host(&self, url: &str) -> Result<(&Host, Url), String> {
        let url = Url::parse(url).map_err(|error| format!("`url` is no URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a name or a password has no place in `url`: `authentication` is for that"
                .to_string());
        }
        let named = url.host_str().unwrap_or_default();
        let shown = match url.port() {
            Some(port) => format!("{named}:{port}"),
            None => named.to_string(),
        };
        let host = self.hosts.iter().find(|host| host.is(&url)).ok_or_else(|| {
            format!("`{shown}` may not be sent to: `[push.\"{shown}\"]` in the serve file of this server allows it")
        })?;
        match (url.scheme(), host.reach) {
            ("https", _) | ("http", Reach::Anywhere) => Ok((host, url)),
            _ => {
                let wanted = "`url` must begin with `https://`: `http://` is for a private address";
                Err(wanted.to_string())
            }
        }
    }

    /// Keeps a task's configs as they are now; those that are told all that there will be are no more.
    fn settle(&self, tasks: &mut Tasks, run: &RunId) -> std::io::Result<()> {
        let Some(task) = tasks.all.get_mut(run) else { return Ok(()) };
        let over = task.over;
        task.clients.retain(|client| !over || client.work.is_some());
        let path = self.folder.join(&run.0);
        if task.clients.is_empty() {
            tasks.all.remove(run);
            return match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let kept = task
            .clients
            .iter()
            .map(|client| Kept { config: client.config.clone(), told: client.told.clone() });
        let kept = serde_json::to_vec(&kept.collect::<Vec<_>>())?;
        let draft = self.folder.join(format!("{run}.draft"));
        guard::private::replace(&path, &draft, &kept)
    }

    fn settled(&self, tasks: &mut Tasks, run: &RunId) {
        if let Err(error) = self.settle(tasks, run) {
            tracing::warn!("what is to be told of task `{run}` cannot be kept: {error}");
        }
    }

    /// Tells one client, one after the other, what there is to tell.
    async fn work(self: Arc<Self>, run: RunId, number: u64) {
        while let Some((config, update)) = self.next(&run, number) {
            match self.host(&config.url) {
                Ok((host, url)) => {
                    let id = format!("{run}_{}_{}", update.mark.events, update.mark.state);
                    let (headers, body) = (headers(&config), update.task.to_string());
                    let Host { place, client, key, .. } = host;
                    let letter = Letter { place, client, url: &url, key, id: &id, headers, body };
                    letter.taken().await;
                }
                // The serve file allowed it once.
                Err(problem) => tracing::warn!("a client is not told of task `{run}`: {problem}"),
            }
            let mut tasks = self.locked();
            if let Some(client) = tasks.client_of(&run, number) {
                client.told = Some(update.mark);
            }
            self.settled(&mut tasks, &run);
        }
    }

    fn next(&self, run: &RunId, number: u64) -> Option<(PushConfig, Update)> {
        let mut tasks = self.locked();
        let client = tasks.client_of(run, number)?;
        if let Some(update) = client.waiting.pop_front() {
            return Some((client.config.clone(), update));
        }
        client.work = None;
        self.settled(&mut tasks, run);
        None
    }
}

impl Tasks {
    fn client(&mut self, config: PushConfig, told: Option<Mark>) -> Addressee {
        self.numbers += 1;
        let last = told.clone();
        Addressee { number: self.numbers, config, told, last, waiting: VecDeque::new(), work: None }
    }

    fn client_of(&mut self, run: &RunId, number: u64) -> Option<&mut Addressee> {
        self.all.get_mut(run)?.clients.iter_mut().find(|client| client.number == number)
    }
}

impl Host {
    fn of(name: &str, key: Key) -> Result<Host, String> {
        let place = format!("push.{name}");
        let url = Url::parse(&format!("https://{name}/"));
        let url = url.ok().filter(|url| {
            url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
        });
        let url = url.ok_or_else(|| {
            format!("`{place}`: a host is its name or address, with or without a port: `hooks.example.org`")
        })?;
        let reach = if private(&url) { Reach::Anywhere } else { Reach::Public };
        let client = reach.client().map_err(|error| format!("`{place}`: {error}"))?;
        Ok(Host { place, url, key, reach, client })
    }

    fn is(&self, url: &Url) -> bool {
        self.url.host() == url.host() && self.url.port() == url.port()
    }
}

/// By what a receiver knows the sender, and lets it in.
fn headers(config: &PushConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // What is no header was not taken as a config.
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    };
    if let Some(token) = config.token.as_deref().and_then(secret) {
        headers.insert(TOKEN, token);
    }
    let credentials = config.credentials.as_ref().map(|token| format!("Bearer {token}"));
    if let Some(credentials) = credentials.as_deref().and_then(secret) {
        headers.insert(AUTHORIZATION, credentials);
    }
    headers
}

impl Push for Pushes {
    fn may(&self, url: &str) -> Result<(), String> {
        self.host(url).map(drop)
    }

    fn set(&self, run: &RunId, config: PushConfig, known: Option<Mark>) -> Result<(), String> {
        let mut tasks = self.locked();
        let user = |run: &RunId| run.0.split_once('_').map(|(user, _)| user.to_string());
        let has = tasks.all.contains_key(run);
        if !has && tasks.all.keys().filter(|known| user(known) == user(run)).count() >= TASKS {
            return Err(format!("{TASKS} tasks of yours have push configs: delete those of one"));
        }
        let client = tasks.client(config, known);
        let task = tasks.all.entry(run.clone()).or_default();
        let others = task.clients.iter().filter(|other| other.config.id != client.config.id);
        if others.count() >= CONFIGS {
            return Err(format!("a task has at most {CONFIGS} push configs: delete one"));
        }
        task.clients.retain(|other| other.config.id != client.config.id);
        task.clients.push(client);
        // Its client says whether it was, right after this.
        task.over = false;
        self.settle(&mut tasks, run).map_err(|error| {
            tracing::error!("a push config cannot be kept: {error}");
            tasks.all.remove(run);
            "the task's push configs cannot be kept".to_string()
        })
    }

    fn configs(&self, run: &RunId) -> Vec<PushConfig> {
        let tasks = self.locked();
        let clients = tasks.all.get(run).into_iter().flat_map(|task| &task.clients);
        clients.map(|client| client.config.clone()).collect()
    }

    fn remove(&self, run: &RunId, id: Option<&str>) {
        let mut tasks = self.locked();
        if let Some(task) = tasks.all.get_mut(run) {
            task.clients.retain(|client| id.is_some_and(|id| client.config.id != id));
        }
        self.settled(&mut tasks, run);
    }

    fn tasks(&self) -> Vec<RunId> {
        self.locked().all.keys().cloned().collect()
    }

    fn tell(self: Arc<Self>, update: Update) {
        let mut tasks = self.locked();
        let Some(task) = tasks.all.get_mut(&update.run) else { return };
        task.over = update.over;
        for client in &mut task.clients {
            if client.last.as_ref().is_some_and(|last| last.same(&update.mark)) {
                continue;
            }
            client.last = Some(update.mark.clone());
            if client.waiting.len() == WAITING
                && let Some(Update { run, mark: Mark { state, .. }, .. }) =
                    client.waiting.pop_front()
            {
                tracing::error!(
                    "a client was not told that task `{run}` was `{state}`, and will not be"
                );
            }
            client.waiting.push_back(update.clone());
            if client.work.is_none() {
                let work = self.clone().work(update.run.clone(), client.number);
                client.work = Some(tokio::spawn(work).abort_handle());
            }
        }
        if update.over {
            self.settled(&mut tasks, &update.run);
        }
    }
}
