//! A model of the serve file that another server answers for: a client's request goes there, under a key that
//! no client sees.

use std::time::Duration;

use agent_core::agent::{Device, ModelConfig, Protocol, Provider, SecretRef};
use agent_core::content::Input;
use agent_core::model::{Model, ModelError, Reply, Request, Sampling, TokenLogprob, Traits};
use agent_file::base_url;
use async_trait::async_trait;
use models::openai::{Learned, OpenAi};
use reqwest::Url;
use serde_json::Value;
use server::{Generator, How, Prompt};

use super::file::{Ahead, ModelTable};
use crate::runtime::remote;

/// Requests that it answers at once where the file says nothing of it.
const SLOTS: usize = 4;

/// The longest that it may be silent, as for agents.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A model behind an endpoint.
pub(super) struct Remote {
    /// As clients call it.
    name: String,
    model: OpenAi,
    sampling: Sampling,
    slots: usize,
}

impl Remote {
    /// The model of this table, of which nothing is asked yet. The error is a key or an address that cannot
    /// be used.
    pub(super) fn new(name: &str, table: &ModelTable) -> anyhow::Result<Remote> {
        let sampling = Sampling { temperature: table.temperature, top_p: table.top_p, seed: 0 };
        let config = ModelConfig {
            provider: Provider::Openai,
            name: table.name.clone(),
            path: None,
            protocol: Protocol::Chat,
            base_url: Some(address(name, table).map_err(super::Refused)?),
            api_key: key(name, table).map_err(super::Refused)?,
            sampling,
            max_tokens: u32::MAX,
            reasoning: 0,
            device: Device::default(),
            adapter: None,
            timeout: TIMEOUT,
            context: table.context,
            input: table.input.clone(),
            quirks: table.quirks.clone(),
            fallback: Vec::new(),
            price: None,
        };
        let slots = if table.slots == 0 { SLOTS } else { table.slots };
        let name = name.to_string();
        Ok(Remote { name, model: remote(&config, Learned::default())?, sampling, slots })
    }
}

/// Whether the table has what a remote model needs, and nothing that means nothing to it; or, where it is none,
/// nothing that only a remote model has.
pub(super) fn check(name: &str, table: &ModelTable) -> Result<(), String> {
    if table.provider != Provider::Openai {
        let remote = [
            ("base_url", table.base_url.is_some()),
            ("api_key", table.api_key.is_some()),
            ("input", !table.input.is_empty()),
            ("quirks", table.quirks.is_some()),
        ];
        return match remote.into_iter().find(|(_, set)| *set) {
            Some((key, _)) => Err(format!(
                "`models.{name}.{key}` means nothing to a model of this machine\nhint: it belongs to \
                 `provider = \"openai\"`"
            )),
            None => Ok(()),
        };
    }
    if table.ahead != Ahead::Nothing || table.device != Device::Cpu {
        return Err(format!(
            "`models.{name}`: `ahead` and `device` are for models of this machine"
        ));
    }
    address(name, table)?;
    key(name, table).map(drop)
}

fn address(name: &str, table: &ModelTable) -> Result<Url, String> {
    let place = format!("models.{name}.base_url");
    let Some(written) = &table.base_url else {
        let hint = "hint: the endpoint up to and with its `/v1`: `http://127.0.0.1:8080/v1`";
        return Err(format!("there is no `{place}`\n{hint}"));
    };
    base_url(written).map_err(|no| format!("`{place}` {}\nhint: {}", no.wrong, no.hint))
}

fn key(name: &str, table: &ModelTable) -> Result<Option<SecretRef>, String> {
    let Some(written) = &table.api_key else { return Ok(None) };
    // What was written may be the secret: it is not repeated.
    let secret = SecretRef::try_from(written.clone()).map_err(|_| {
        format!(
            "`models.{name}.api_key` must name an environment variable\nhint: a secret does not belong \
             in a file: write `api_key = \"${{NAME}}\"` and set that variable"
        )
    })?;
    match std::env::var_os(secret.variable()) {
        Some(_) => Ok(Some(secret)),
        None => Err(format!(
            "`models.{name}.api_key`: the environment variable `{0}` is not set\nhint: set it where you \
             start errand: `export {0}=…`",
            secret.variable()
        )),
    }
}

impl Remote {
    /// A failure as a client is told it: the model has its name here, and what to change in the file is for
    /// another to do.
    fn told(&self, error: ModelError) -> ModelError {
        let model = self.name.clone();
        match error {
            ModelError::Unavailable { reason, .. } => ModelError::Unavailable { model, reason },
            ModelError::Broken { reason, .. } => ModelError::Broken { model, reason },
            ModelError::TooLong { tokens, context, .. } => {
                ModelError::TooLong { model, tokens, context }
            }
            ModelError::Refused { reason, .. } => ModelError::Refused {
                hint: format!(
                    "where it is sent, and with which key, `[models.{model}]` of the serve file says"
                ),
                model,
                reason,
            },
            // What the endpoint said may hold a part of the key.
            ModelError::Key { status, .. } => ModelError::Key {
                reason: format!("the endpoint behind it answered {status} to this server"),
                hint: format!(
                    "nothing in the request can change that: the key is the one that `[models.{model}]` of the \
                     serve file names"
                ),
                model,
                status,
            },
            ModelError::Form(_) => error,
        }
    }
}

#[async_trait]
impl Generator for Remote {
    fn traits(&self) -> Traits {
        self.model.traits()
    }

    fn takes(&self, input: Input) -> bool {
        self.model.takes(input)
    }

    fn sampling(&self) -> Sampling {
        self.sampling
    }

    fn slots(&self) -> usize {
        self.slots
    }

    fn holds(&self, _: &Value) -> Result<(), String> {
        Err("another server answers for this model, which is asked for a form and not held to it"
            .to_string())
    }

    async fn generate(
        &self,
        request: &Request,
        how: How,
        on_text: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
    ) -> Result<Reply, ModelError> {
        if how.prompt == Prompt::Raw {
            return Err(ModelError::Refused {
                model: self.name.clone(),
                reason: "another server answers for it, which is asked in chats".to_string(),
                hint: "ask it at `/v1/chat/completions`".to_string(),
            });
        }
        // Several answers to one request draw their own numbers. A seed of 0 would not be sent.
        let seed = how.seed.map_or(0, |seed| seed.wrapping_add(request.call).max(1));
        let model = self.model.unlearned().sampling(Sampling { seed, ..how.sampling });
        let mut on_text = |text: &str| {
            // An empty text is a sign of life.
            if !text.is_empty() {
                on_text(text, &[]);
            }
        };
        model.think(request, &mut on_text).await.map_err(|error| self.told(error))
    }
}
