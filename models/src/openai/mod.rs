//! Models behind any server that speaks OpenAI's chat completions; the requests are async-openai's.
//!
//! A reply is streamed, and read whatever a server makes of that ([`stream`]). What fails before the
//! first token is tried again – with waits that double, spread by chance, and never shorter than the
//! server's `retry-after` – and then asked of the fallback models in turn; what fails later is an
//! error, since text has been shown. A refusal that names an option is taken to heart (`learn.rs`),
//! one that says that the conversation is too long tells what the model holds, and any other comes
//! with what to change (`advice.rs`).
//!
//! The server is asked for the request's form and may not keep it, so the caller checks:
//! - `Json` becomes a `response_format` with the schema, strict where the schema allows it;
//! - `Choice` likewise, and a reply in free words counts if it names exactly one of the choices;
//! - `Calls` and `CallsOrJson` become tools; the schema of the answer is the caller's to tell;
//! - `Text` sends up to four stop strings, and the reply is cut at all of them;
//! - the prefix is sent as an unfinished assistant's turn where the server takes one
//!   ([`Prefill::Supported`]); elsewhere it is left out, and if the model writes it, the reply is
//!   what follows it.

mod advice;
mod ask;
mod calls;
mod chunk;
mod families;
mod images;
mod learn;
mod learned;
mod messages;
mod names;
mod options;
mod reading;
mod reply;
mod responses;
mod retry;
mod said;
pub mod stream;
#[cfg(test)]
mod tests;
mod turns;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::agent::Protocol;
use agent_core::content::Input;
use agent_core::model::{Form, Model, ModelError, Reply, Request, Sampling, Traits};
use async_trait::async_trait;
use guard::Redactor;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

pub use self::learned::Learned;
pub use self::options::{ApiKey, Prefill, RemoteOptions};
pub use self::reading::read;

use self::names::Names;
use self::reading::Reading;
use self::reply::Usaged;
use self::retry::{Attempt, Failure};
use self::wire::Wire;
use crate::REPLY_LIMIT;
use http_client::reason;

/// Finding a server takes no longer than this, or it is not there.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may take to close a stream, or to count tokens, once the reply is whole.
const LINGER: Duration = Duration::from_secs(3);
/// The most refusals that one request learns from.
const LESSONS: usize = 16;

type OnText<'a> = &'a mut (dyn for<'t> FnMut(&'t str) + Send);

/// A model behind an OpenAI-compatible server.
#[derive(Debug, Clone)]
pub struct OpenAi {
    options: RemoteOptions,
    wire: Wire,
    /// Takes the key out of whatever the server says.
    redactor: Arc<Redactor>,
}

impl OpenAi {
    /// Sends nothing yet. Fails if the address or the key cannot be used at all.
    pub fn new(options: RemoteOptions) -> Result<Self, ModelError> {
        let broken = |reason: String| ModelError::Broken { model: options.model.clone(), reason };
        let address = url::Url::parse(&options.base_url);
        if !address.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(broken(format!("`{}` is no address of a server", options.base_url)));
        }
        let mut client = http_client::builder()
            .connect_timeout(CONNECT.min(options.timeout))
            .read_timeout(options.timeout)
            .user_agent(concat!("errand/", env!("CARGO_PKG_VERSION")));
        if options.loopback() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| broken(reason(&error)))?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.api_key {
            let (name, before) = match options.protocol {
                Protocol::Messages => (HeaderName::from_static("x-api-key"), ""),
                Protocol::Chat | Protocol::Responses => (AUTHORIZATION, "Bearer "),
            };
            let value = key.header(before).ok_or_else(|| {
                broken("the API key holds characters that no header can".to_string())
            })?;
            headers.insert(name, value);
        }
        if options.protocol == Protocol::Messages {
            headers.insert("anthropic-version", HeaderValue::from_static(messages::VERSION));
        }
        let redactor = Arc::new(options.api_key.as_ref().map(ApiKey::redactor).unwrap_or_default());
        let wire = Wire { client, headers, timeout: options.timeout };
        Ok(Self { options, wire, redactor })
    }

    /// The same model, whose tokens are chosen like this.
    #[must_use]
    pub fn sampling(&self, sampling: Sampling) -> Self {
        let Sampling { temperature, top_p, seed } = sampling;
        let mut with = self.clone();
        with.options.temperature = Some(temperature);
        with.options.top_p = (top_p < 1.0).then_some(top_p);
        with.options.seed = (seed != 0).then_some(seed);
        with
    }

    /// The same model, as if it had not been asked before: what one caller makes an endpoint refuse is not
    /// held against another's requests.
    #[must_use]
    pub fn unlearned(&self) -> Self {
        let options = RemoteOptions { learned: Learned::default(), ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// One model, asked until it answers or will not.
    async fn ask(
        &self,
        model: &str,
        request: &Request,
        on_text: OnText<'_>,
    ) -> Result<Reply, Failure> {
        let names = ask::names(request);
        let mut attempt = Attempt::first(self.options.retries, self.options.backoff);
        let mut notes = Vec::new();
        let begun = Instant::now();
        loop {
            let quirks = self.options.learned.of(&self.options, model).quirks;
            let ask = match self.options.protocol {
                Protocol::Chat => ask::ask,
                Protocol::Responses => responses::ask,
                Protocol::Messages => messages::ask,
            };
            let body = ask(request, model, &self.options, &names, &quirks);
            let failure = match self.stream(&body, request, &names, on_text).await {
                Ok(mut reply) => {
                    reply.notes.splice(..0, notes);
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            if notes.len() < LESSONS
                && !images::refused(request, &failure)
                && let Some(note) = self.learn(model, &failure, &body)
            {
                tracing::debug!(model, note, "an option was refused");
                notes.push(note);
                continue;
            }
            let Some(wait) = attempt.next(&failure) else { return Err(failure) };
            // Waiting beyond the timeout would hide what the server said.
            if begun.elapsed() + wait >= self.options.timeout {
                return Err(failure);
            }
            tracing::debug!(model, ?wait, reason = failure.reason, "the model is asked again");
            tokio::time::sleep(wait).await;
        }
    }

    /// What a refusal teaches, for the next request to this model.
    fn learn(&self, model: &str, failure: &Failure, body: &Value) -> Option<String> {
        let said = failure.about_an_option()?;
        let note = self
            .options
            .learned
            .with(&self.options, model, |known| learn::learn(&mut known.quirks, said, body))?;
        Some(self.hide(&note))
    }

    /// What a model holds that said that a conversation is too long, as far as it can be told; what
    /// was refused does not fit it.
    async fn measure(&self, model: &str, failure: &Failure, request: &Request) {
        let said = failure.said.as_deref().cloned().unwrap_or_default();
        let before = self.options.learned.of(&self.options, model).context;
        let told = match said.context() {
            None if before == 0 => self.listed_context(model).await,
            told => told,
        };
        let counted = request.tokens(self);
        let reply = u64::from(request.limit().unwrap_or(0));
        self.options.learned.with(&self.options, model, |known| {
            let guess = u32::try_from(counted / 4 * 3 + reply).unwrap_or(u32::MAX);
            known.context = match (told, known.context) {
                (Some(told), 0) => told,
                (Some(told), before) => told.min(before),
                (None, 0) => guess.max(512),
                (None, before) => before,
            };
            let context = u64::from(known.context);
            let room = context.saturating_sub(reply.min(context / 2) + 64);
            let prompt = said.prompt().unwrap_or(0).max(room + room / 8);
            if counted <= room {
                known.scale *= prompt as f64 / counted.max(1) as f64;
            }
        });
    }

    async fn stream(
        &self,
        body: &Value,
        request: &Request,
        names: &Names,
        on_text: OnText<'_>,
    ) -> Result<Reply, Failure> {
        // Each token comes wrapped in a few hundred bytes.
        let limit = (request.max_tokens as usize).saturating_mul(1024).saturating_add(4 << 20);
        let address = self.options.address();
        on_text("");
        let answer = self.wire.post(&address, body, limit.min(4 * REPLY_LIMIT)).await;
        let answer = answer.map_err(|failure| self.hidden(failure))?;
        let mut reading = Reading::new(self.options.protocol, request.max_tokens);
        // A choice comes as JSON that is not shown.
        let shown = !matches!(request.form, Form::Choice(_));
        let mut show = |text: &str| on_text(if shown { text } else { "" });
        let read = self.read(answer, &mut reading, &mut show).await;
        let begun = reading.begun();
        let reply = match read {
            // Whatever breaks after it cannot take a reply away that is whole.
            Err(failure) if !reading.finished() => Err(failure),
            _ => reading.reply(request, names, &self.redactor),
        };
        let (reply, usaged) = reply.map_err(|failure| {
            let failure = self.hidden(failure);
            if begun { failure.begun() } else { failure }
        })?;
        if usaged == Usaged::Estimated {
            let model = &body["model"];
            tracing::warn!(%model, "the server told no usage that can be: tokens are estimated");
        }
        Ok(reply)
    }

    /// Reads an answer to its end.
    async fn read(
        &self,
        mut answer: wire::Body,
        reading: &mut Reading,
        show: OnText<'_>,
    ) -> Result<(), Failure> {
        let mut pieces = self.redactor.pieces();
        loop {
            let bytes = match reading.finished() {
                true => tokio::time::timeout(LINGER, answer.next()).await.unwrap_or(None),
                false => answer.next().await,
            };
            let last = bytes.is_none();
            let text = match bytes {
                Some(bytes) => reading.push(&bytes?)?,
                None => reading.end()?,
            };
            show(&pieces.next(&text));
            if last || reading.over() {
                break;
            }
        }
        show(&pieces.rest());
        Ok(())
    }

    /// What a server said, without the key in it.
    fn hidden(&self, failure: Failure) -> Failure {
        Failure { reason: self.hide(&failure.reason), ..failure }
    }

    fn hide(&self, text: &str) -> String {
        self.redactor.clean_text(text.to_string())
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.options.model
    }

    fn traits(&self) -> Traits {
        let context = self.options.learned.of(&self.options, &self.options.model).context;
        Traits { constrained: false, caches: false, context }
    }

    fn takes(&self, input: Input) -> bool {
        input == Input::Text || self.options.input.contains(&input)
    }

    fn count(&self, text: &str) -> u64 {
        let scale = self.options.learned.of(&self.options, &self.options.model).scale;
        ((text.len() / 3 + 1) as f64 * scale) as u64
    }

    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        let model = &self.options.model;
        let mut failed = Vec::new();
        for name in [model].into_iter().chain(&self.options.fallback) {
            match self.ask(name, request, on_text).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => {
                    let begun = failure.begun;
                    failed.push(self.advised(name, failure, request).await);
                    if begun {
                        break;
                    }
                }
            }
        }
        let first = &failed[0];
        if first.too_long() {
            self.measure(model, first, request).await;
            let told = first.said.as_ref().and_then(|said| said.prompt());
            let tokens = told.unwrap_or_else(|| request.tokens(self));
            let context = self.traits().context.into();
            return Err(ModelError::TooLong { model: model.clone(), tokens, context });
        }
        let tried = self.options.fallback.iter().map(|name| format!("; fallback `{name}`: "));
        let mut reason = first.reason.clone();
        for (tried, next) in tried.zip(&failed[1..]) {
            reason += &(tried + &next.reason);
        }
        let model = model.clone();
        let hinted = |failure: &Failure| Some((failure.status, failure.hint.clone()?));
        Err(match failed.iter().find_map(hinted) {
            Some((status @ (401 | 403), hint)) => ModelError::Key { model, status, reason, hint },
            Some((_, hint)) => ModelError::Refused { model, reason, hint },
            None => ModelError::Unavailable { model, reason },
        })
    }
}
