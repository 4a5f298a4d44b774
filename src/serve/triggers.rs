//! `[triggers.NAME]`, `[notify]` and `[push.HOST]` of a serve file: what begins runs by itself, where their outcomes
//! go, and where clients may have their tasks told.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use server::{Fires, Key, Missed, Schedule, Signed, Trigger, User, Webhook};

/// The longest secret, in bytes.
const LONGEST: u64 = 4096;

/// A trigger.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerTable {
    pub(super) agent: String,
    user: Option<String>,
    #[serde(default)]
    params: Map<String, Value>,
    cron: Option<String>,
    timezone: Option<String>,
    missed: Option<MissedTable>,
    webhook: Option<WebhookTable>,
}

/// What becomes of firings at which nothing ran.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MissedTable {
    Skip,
    Once,
    All,
}

/// What sends a webhook.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookTable {
    #[serde(default)]
    signed: SignedTable,
    param: Option<String>,
    secret_env: Option<String>,
    secret_file: Option<String>,
}

/// How a sender signs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SignedTable {
    #[default]
    Standard,
    Github,
}

/// Where outcomes go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyTable {
    pub(super) url: String,
    /// Whether it may be an address of this machine or its network.
    #[serde(default)]
    pub(super) private: bool,
    secret_env: Option<String>,
    secret_file: Option<String>,
}

/// A host that clients may have their tasks told at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushTable {
    secret_env: Option<String>,
    secret_file: Option<String>,
}

impl TriggerTable {
    /// The trigger of this name. `users` are those of the file, `None` where it has none.
    pub(super) fn trigger(
        &self,
        name: &str,
        users: Option<&[User]>,
        folder: &Path,
    ) -> Result<Trigger, String> {
        let place = format!("triggers.{name}");
        let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"_-".contains(&letter);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(format!(
                "`{place}`: a trigger's name is of letters, digits, `-` and `_`, at most 64"
            ));
        }
        let user = self.user(&place, users)?;
        let fires = match (&self.cron, &self.webhook) {
            (Some(cron), None) => {
                let zone = self.timezone.as_deref().unwrap_or("UTC");
                let schedule = Schedule::parse(cron, zone);
                let missed = match self.missed {
                    None | Some(MissedTable::Skip) => Missed::Skip,
                    Some(MissedTable::Once) => Missed::Once,
                    Some(MissedTable::All) => Missed::All,
                };
                Fires::At(schedule.map_err(|problem| format!("`{place}`: {problem}"))?, missed)
            }
            (None, Some(webhook)) => {
                if self.timezone.is_some() || self.missed.is_some() {
                    return Err(format!(
                        "`{place}` has a webhook: `timezone` and `missed` are for `cron`"
                    ));
                }
                let place = format!("{place}.webhook");
                let files = (&webhook.secret_env, &webhook.secret_file);
                Fires::On(Webhook {
                    key: key(&place, files, folder)?,
                    signed: match webhook.signed {
                        SignedTable::Standard => Signed::Standard,
                        SignedTable::Github => Signed::Github,
                    },
                    param: webhook.param.clone(),
                })
            }
            _ => return Err(format!("`{place}` needs either `cron` or `webhook`")),
        };
        Ok(Trigger {
            name: name.to_string(),
            user,
            agent: self.agent.clone(),
            params: self.params.clone(),
            fires,
        })
    }

    /// Whose runs these are.
    fn user(&self, place: &str, users: Option<&[User]>) -> Result<String, String> {
        match (&self.user, users) {
            (None, None) => Ok(super::LOCAL.to_string()),
            (Some(user), None) => {
                Err(format!("`{place}.user` names `{user}`, and there are no `[users]`"))
            }
            (None, Some(_)) => Err(format!(
                "`{place}` says not whose its runs are\nhint: name one of `[users]`: `user = \"…\"`"
            )),
            (Some(named), Some(users)) => {
                let user = users.iter().find(|user| user.name == *named).ok_or_else(|| {
                    format!("`{place}.user` names `{named}`, and there is no `[users.{named}]`")
                })?;
                match user.runs(&self.agent) {
                    true => Ok(named.clone()),
                    false => {
                        Err(format!("`{place}`: the user `{named}` may not run `{}`", self.agent))
                    }
                }
            }
        }
    }

    /// The file that its secret is in.
    pub(super) fn secret_file(&self, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.webhook.as_ref()?.secret_file.as_ref()?))
    }
}

impl NotifyTable {
    /// What outcomes are signed with.
    pub(super) fn key(&self, folder: &Path) -> Result<Key, String> {
        key("notify", (&self.secret_env, &self.secret_file), folder)
    }

    /// The file that its secret is in.
    pub(super) fn secret_file(&self, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.secret_file.as_ref()?))
    }
}

impl PushTable {
    /// What is sent to this host is signed with.
    pub(super) fn key(&self, host: &str, folder: &Path) -> Result<Key, String> {
        key(&format!("push.{host}"), (&self.secret_env, &self.secret_file), folder)
    }

    /// The file that its secret is in.
    pub(super) fn secret_file(&self, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.secret_file.as_ref()?))
    }
}

/// A key from the one of the two that is named. Its problems say where it is, never what it is.
fn key(
    place: &str,
    (variable, file): (&Option<String>, &Option<String>),
    folder: &Path,
) -> Result<Key, String> {
    let (secret, named) = match (variable, file) {
        (Some(name), None) => {
            let secret = std::env::var(name);
            let missing = |_| format!("`{place}.secret_env`: the variable `{name}` is not set");
            (secret.map_err(missing)?, format!("{place}.secret_env"))
        }
        (None, Some(file)) => {
            let secret = guard::file::read_text(&folder.join(file), LONGEST);
            let broken = |error| format!("`{place}.secret_file`: `{file}`: {error}");
            (secret.map_err(broken)?, format!("{place}.secret_file"))
        }
        _ => return Err(format!("`{place}` needs either `secret_env` or `secret_file`")),
    };
    Key::of(secret.trim()).map_err(|problem| {
        format!("`{named}`: {problem}\nhint: `openssl rand -base64 32` makes one, to be written after `whsec_`")
    })
}
