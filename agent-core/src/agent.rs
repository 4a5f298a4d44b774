//! The agent: what an agent file comes to once everything in it was checked. It never changes,
//! and its JSON form is the first event of a run, so a resume does not need the file again.
//! Secrets are references here, `${NAME}`; the code that opens a connection looks them up.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::browser::BrowserConfig;
use crate::component::Pinned;
use crate::content::Input;
use crate::mcp::Server;
use crate::model::{Sampling, Traits};
use crate::permission::Grants;
use crate::quirks::Quirks;
use crate::search::Search;
use crate::subagent::SubAgent;

/// A checked agent. Made by [`Agent::load`], or read back from a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// What it is called.
    pub name: String,
    /// One line for people; may be empty.
    pub description: String,
    /// What the model is told beside the task, rendered; may be empty.
    pub instructions: String,
    /// What to do, rendered.
    pub task: String,
    /// The name of the strategy that its file asks for; `None` leaves it to what suits the model.
    pub act: Option<String>,
    /// What its file's table for that strategy says; null for a strategy without one.
    #[serde(default, alias = "research")]
    pub settings: Value,
    /// The parameters' values, as rendered into `task` and `instructions`.
    pub params: Map<String, Value>,
    /// Which model, and how it is asked.
    pub model: ModelConfig,
    /// The names of the tools it may use, each of them known.
    pub tools: Vec<String>,
    /// The components that some of those tools are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Pinned>,
    /// What those tools may reach.
    pub grants: Grants,
    /// Names of environment variables that the host may put into requests.
    pub secrets: Vec<String>,
    /// How much a run may spend.
    pub budget: Budget,
    /// The JSON Schema of the outcome.
    pub output: Option<Value>,
    /// The folder that paths are relative to: the agent file's own, absolute, without links.
    pub root: PathBuf,
    /// The agent file, absolute.
    pub file: PathBuf,
    /// The agents that it may call, by name: each is the tool `agents.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, SubAgent>,
    /// The MCP servers that some of its tools are of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mcp: BTreeMap<String, Server>,
    /// Where `web.search` looks; `None` leaves it to what needs no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// What shows pages that need one; `None`: nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserConfig>,
    /// What the agents above it were granted, nearest first: what one of them may not, it may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Grants>,
    /// Where links lead that are granted, or lie above what is: what was meant when the run began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub linked: BTreeMap<PathBuf, PathBuf>,
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// On this machine, through ONNX Runtime.
    #[default]
    Onnx,
    /// Behind any OpenAI-compatible endpoint.
    Openai,
    /// Replies read from a JSONL file, for tests and demonstrations.
    Scripted,
}

/// What is known of a provider's models before one is there to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether a reply is held to its form while it is decoded.
    pub constrained: bool,
    /// Whether what one call read costs nothing in the next.
    pub caches: bool,
    /// Whether it computes on this machine, from weights that have to be here: calls side by side share the
    /// processor.
    pub local: bool,
    /// Whether it is behind an endpoint that the agent file names.
    pub endpoint: bool,
    /// Whether a call may cost money.
    pub priced: bool,
}

impl Capabilities {
    const NONE: Capabilities = Capabilities {
        constrained: false,
        caches: false,
        local: false,
        endpoint: false,
        priced: false,
    };
}

impl Provider {
    /// All of them.
    pub const ALL: [Provider; 3] = [Provider::Onnx, Provider::Openai, Provider::Scripted];

    /// The one place that says what a provider can do.
    pub const fn capabilities(self) -> Capabilities {
        match self {
            Provider::Onnx => {
                Capabilities { constrained: true, caches: true, local: true, ..Capabilities::NONE }
            }
            Provider::Openai => Capabilities { endpoint: true, priced: true, ..Capabilities::NONE },
            Provider::Scripted => Capabilities::NONE,
        }
    }
}

impl From<Provider> for Traits {
    /// Of a model that is not there yet: how much it reads is not known.
    fn from(provider: Provider) -> Self {
        let Capabilities { constrained, caches, .. } = provider.capabilities();
        Traits { constrained, caches, context: 0 }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Provider::Onnx => "onnx",
            Provider::Openai => "openai",
            Provider::Scripted => "scripted",
        })
    }
}

/// What a local model computes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU; an error where there is none.
    Cuda,
}

/// What an endpoint speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenAI's chat completions, as nearly every server has them.
    #[default]
    Chat,
    /// OpenAI's Responses API.
    Responses,
    /// Anthropic's Messages API.
    Messages,
}

/// Which model, and how it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Where it runs.
    pub provider: Provider,
    /// A catalog name, a hub repository, a path as written, or the endpoint's id for it.
    pub name: String,
    /// The file or folder that `name` means, absolute, where it is a path: always for scripted.
    pub path: Option<PathBuf>,
    /// What the endpoint speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// The endpoint; always there for openai, never otherwise.
    pub base_url: Option<Url>,
    /// The key to show the endpoint.
    pub api_key: Option<SecretRef>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The most tokens of one reply.
    pub max_tokens: u32,
    /// The most tokens of what a local model thinks before a reply; 0: it does not think.
    #[serde(default, skip_serializing_if = "nothing")]
    pub reasoning: u32,
    /// What a local model computes on.
    pub device: Device,
    /// A LoRA adapter over a local model's weights, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<PathBuf>,
    /// The longest a model may be silent.
    pub timeout: Duration,
    /// The tokens that a remote model holds, where it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// What a remote model reads, where it is configured; else text alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<Input>,
    /// What a remote model's endpoint takes otherwise than most, where it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quirks: Option<Quirks>,
    /// Other ids at the same endpoint, tried in order when `name` does not answer.
    pub fallback: Vec<String>,
    /// What tokens cost; always there where the budget has `cost_usd`.
    pub price: Option<Price>,
}

/// Whether there is none. (serde hands over what it asks about.)
#[allow(clippy::trivially_copy_pass_by_ref)]
fn nothing(tokens: &u32) -> bool {
    *tokens == 0
}

/// The name of an environment variable that holds a secret. Never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretRef(String);

impl SecretRef {
    /// The variable's name.
    pub fn variable(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretRef {
    type Error = String;

    /// Takes `${NAME}` and nothing else. The error does not repeat what was given.
    fn try_from(text: String) -> Result<Self, String> {
        text.strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|name| is_variable(name))
            .map(|name| Self(name.to_string()))
            .ok_or_else(|| "a secret is given as `${NAME}`".to_string())
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> String {
        secret.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}}", self.0)
    }
}

/// Whether this can be the name of an environment variable.
pub fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What tokens cost, in US dollars per million.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["input", "output"]))]
pub struct Price {
    /// US dollars per million tokens read.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub input: f64,
    /// US dollars per million tokens written.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub output: f64,
}

impl Price {
    /// What this many tokens cost, in US dollars.
    pub fn of(self, input: u64, output: u64) -> f64 {
        (input as f64 * self.input + output as f64 * self.output) / 1e6
    }
}

/// How much a run may spend. Whatever is spent first ends it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Turns of plan, act, observe.
    pub steps: u32,
    /// Tokens read and written by the model, summed over its calls.
    pub tokens: u64,
    /// Wall time, without the time that a run lay interrupted.
    pub time: Duration,
    /// US dollars, at the model's price.
    pub cost_usd: Option<f64>,
}

impl Budget {
    /// Of each limit the smaller one.
    pub fn within(self, other: Budget) -> Budget {
        Budget {
            steps: self.steps.min(other.steps),
            tokens: self.tokens.min(other.tokens),
            time: self.time.min(other.time),
            cost_usd: match (self.cost_usd, other.cost_usd) {
                (Some(own), Some(other)) => Some(own.min(other)),
                (own, other) => own.or(other),
            },
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: 16, tokens: 200_000, time: Duration::from_secs(600), cost_usd: None }
    }
}
