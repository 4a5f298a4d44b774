//! What must be known of a remote model before it can be asked.

use std::fmt;
use std::time::Duration;

use agent_core::agent::Protocol;
use agent_core::content::Input;
use agent_core::quirks::Quirks;
use guard::Redactor;

use super::learned::Learned;

/// Which model, where, and how to ask it.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// The model's id, as the server knows it.
    pub model: String,
    /// Up to and with `/v1`: `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// What the server speaks.
    pub protocol: Protocol,
    /// Sent as a bearer token, or as the protocol has it.
    pub api_key: Option<ApiKey>,
    /// 0 to 2; none leaves it to the server, and some models take no other value.
    pub temperature: Option<f32>,
    /// 0 to 1.
    pub top_p: Option<f32>,
    /// Servers promise at most to try.
    pub seed: Option<u64>,
    /// The longest the server may be silent, before the first token or between two.
    pub timeout: Duration,
    /// How often a failed request is sent again, for each model.
    pub retries: u32,
    /// The longest wait before the first retry; it doubles with each, up to 20 seconds.
    pub backoff: Duration,
    /// Ids of models on the same server, asked in order when the ones before do not answer.
    pub fallback: Vec<String>,
    /// What the server does with a conversation that ends in an assistant's turn.
    pub prefill: Prefill,
    /// Tokens that the model holds; 0 where it is not known.
    pub context: u32,
    /// What the model reads beside text.
    pub input: Vec<Input>,
    /// What the server takes otherwise than most, where it is configured.
    pub quirks: Quirks,
    /// What models were found to want; shared, so that no two have to find out the same.
    pub learned: Learned,
}

impl RemoteOptions {
    /// A model on a server, the rest as most people want it.
    pub fn new(model: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            base_url: base_url.into().trim_end_matches('/').to_string(),
            protocol: Protocol::Chat,
            api_key: None,
            temperature: None,
            top_p: None,
            seed: None,
            timeout: Duration::from_secs(120),
            retries: 3,
            backoff: Duration::from_millis(500),
            fallback: Vec::new(),
            prefill: Prefill::Unknown,
            context: 0,
            input: Vec::new(),
            quirks: Quirks::default(),
            learned: Learned::default(),
        }
    }

    /// Whether the server is on this machine.
    pub(super) fn loopback(&self) -> bool {
        self.host().is_some_and(|host| {
            let host = host.trim_matches(['[', ']']);
            host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        })
    }

    /// Where requests go.
    pub(super) fn address(&self) -> String {
        let path = match self.protocol {
            Protocol::Chat => "chat/completions",
            Protocol::Responses => "responses",
            Protocol::Messages => "messages",
        };
        format!("{}/{path}", self.base_url)
    }

    pub(super) fn host(&self) -> Option<String> {
        url::Url::parse(&self.base_url).ok()?.host_str().map(str::to_string)
    }
}

/// What a server does with a conversation that ends in an assistant's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefill {
    /// It goes on with that turn, as `llama-server` does: the request's prefix is sent.
    Supported,
    /// It is unknown, so the prefix is not sent. If the model writes it by itself, the reply is
    /// what follows it.
    Unknown,
}

/// A secret: it goes into one header and nowhere else.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(super) fn header(&self, before: &str) -> Option<http::HeaderValue> {
        let mut value = http::HeaderValue::try_from(format!("{before}{}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A server may quote the key in its answer, in any spelling.
    pub(super) fn redactor(&self) -> Redactor {
        Redactor::new([("API key", self.0.as_str())])
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
