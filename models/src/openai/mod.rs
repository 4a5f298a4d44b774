//! Models behind any server that speaks OpenAI's chat completions, through async-openai.
//!
//! A reply is always streamed. What fails before the first token is tried again – with waits that
//! double, spread by chance, and never shorter than the server's `retry-after` – and then asked of
//! the fallback models in turn; what fails later is an error, since text has been shown.
//!
//! The server is asked for the request's form and may not keep it, so the caller checks:
//! - `Json` becomes a `response_format` with the schema, strict where the schema allows it;
//! - `Choice` likewise, and a reply in free words counts if it names exactly one of the choices;
//! - `Calls` and `CallsOrJson` become tools; the schema of the answer is the caller's to tell;
//! - `Text` sends up to four stop strings, and the reply is cut at all of them;
//! - the prefix is sent as an unfinished assistant's turn where the server takes one
//!   ([`Prefill::Supported`]); elsewhere it is left out, and if the model writes it, the reply is
//!   what follows it.

mod ask;
mod names;
mod options;
mod reply;
mod retry;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use agent_core::model::{Form, Model, ModelError, Reply, Request, Traits};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::chat::CreateChatCompletionRequest;
use async_trait::async_trait;
use futures::StreamExt;
use guard::Redactor;
use http::HeaderValue;

pub use self::options::{ApiKey, Prefill, RemoteOptions};

use self::names::Names;
use self::reply::{Chunk, Draft, Usaged};
use self::retry::{Attempt, Failure};
use self::wire::Wire;
use crate::REPLY_LIMIT;
use crate::reason::reason;

/// Finding a server takes no longer than this, or it is not there.
const CONNECT: Duration = Duration::from_secs(10);

/// A model behind an OpenAI-compatible server.
#[derive(Debug)]
pub struct OpenAi {
    options: RemoteOptions,
    config: OpenAIConfig,
    client: reqwest::Client,
    /// Marked as sensitive: it shows in no debug output.
    key: Option<HeaderValue>,
    /// Takes the key out of whatever the server says.
    redactor: Redactor,
}

impl OpenAi {
    /// Sends nothing yet. Fails if the address or the key cannot be used at all.
    pub fn new(options: RemoteOptions) -> Result<Self, ModelError> {
        let broken = |reason: String| ModelError::Broken { model: options.model.clone(), reason };
        let address = url::Url::parse(&options.base_url);
        if !address.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(broken(format!("`{}` is no address of a server", options.base_url)));
        }
        // A key that must not be sent elsewhere: redirects are answers like any other.
        let mut client = http_client::builder()
            .connect_timeout(CONNECT.min(options.timeout))
            .read_timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("errand/", env!("CARGO_PKG_VERSION")));
        if options.loopback() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| broken(reason(&error)))?;
        let key = options.api_key.as_ref().map(|key| {
            key.header().ok_or_else(|| {
                broken("the API key holds characters that no header can".to_string())
            })
        });
        let key = key.transpose()?;
        // None of these is taken from the environment. The key is put in where requests go out.
        let config = OpenAIConfig::new()
            .with_api_base(options.base_url.clone())
            .with_api_key("")
            .with_org_id("")
            .with_project_id("");
        let redactor = options.api_key.as_ref().map(ApiKey::redactor).unwrap_or_default();
        Ok(Self { options, config, client, key, redactor })
    }

    /// One model, asked until it answers or will not.
    async fn ask(
        &self,
        model: &str,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, Failure> {
        let names = ask::names(request);
        let body = ask::ask(request, model, &self.options, &names);
        let mut attempt = Attempt::first(self.options.retries, self.options.backoff);
        let begun = Instant::now();
        loop {
            let failure = match self.stream(&body, request, &names, on_text).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let Some(wait) = attempt.next(&failure) else { return Err(failure) };
            // Waiting beyond the timeout would hide what the server said.
            if begun.elapsed() + wait >= self.options.timeout {
                return Err(failure);
            }
            tracing::debug!(model, ?wait, reason = failure.reason, "the model is asked again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn stream(
        &self,
        body: &CreateChatCompletionRequest,
        request: &Request,
        names: &Names,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, Failure> {
        // Each token comes wrapped in a few hundred bytes.
        let limit = (request.max_tokens as usize).saturating_mul(1024).saturating_add(4 << 20);
        let limit = limit.min(4 * REPLY_LIMIT);
        let broke = Arc::new(OnceLock::new());
        let wire = Wire {
            client: self.client.clone(),
            key: self.key.clone(),
            limit,
            broke: broke.clone(),
        };
        let client = Client::with_config(self.config.clone()).with_http_service(wire);
        let chat = client.chat();
        let mut stream =
            chat.create_stream_byot::<_, Chunk>(body).await.map_err(|e| self.failure(e))?;
        // A choice comes as JSON that nobody wants to see.
        let shown = !matches!(request.form, Form::Choice(_));
        let mut draft = Draft::new(request.max_tokens);
        let mut pieces = self.redactor.pieces();
        while let Some(chunk) = stream.next().await {
            let text = match chunk {
                Ok(chunk) => draft.take(chunk).map_err(|reason| Failure::new(self.hide(&reason))),
                Err(error) => Err(broke.get().map_or_else(|| self.failure(error), Failure::from)),
            };
            let text = text.map_err(|failure| failure.after(&draft))?;
            let text = pieces.next(&text);
            if shown && !text.is_empty() {
                on_text(&text);
            }
            if draft.over() {
                let (model, most) = (&body.model, request.max_tokens);
                tracing::warn!(model, "the reply was cut: it is far longer than {most} tokens");
                break;
            }
        }
        let rest = pieces.rest();
        if shown && !rest.is_empty() {
            on_text(&rest);
        }
        let begun = draft.begun();
        let (reply, usaged) = draft.reply(request, names, &self.redactor).map_err(|reason| {
            let failure = Failure::new(self.hide(&reason)).again();
            if begun { failure.begun() } else { failure }
        })?;
        if usaged == Usaged::Estimated {
            tracing::warn!(
                model = body.model,
                "the server told no usage that can be: tokens are estimated"
            );
        }
        Ok(reply)
    }

    fn failure(&self, error: async_openai::error::OpenAIError) -> Failure {
        let mut failure = Failure::from(error);
        failure.reason = self.hide(&failure.reason);
        failure
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
        Traits { constrained: false, caches: false, context: self.options.context }
    }

    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        let mut last = self.ask(&self.options.model, request, on_text).await;
        let mut reasons = Vec::new();
        for model in &self.options.fallback {
            match last {
                Err(failure) if !failure.begun => {
                    reasons.push(failure.reason);
                    last = self.ask(model, request, on_text).await;
                }
                other => {
                    last = other;
                    break;
                }
            }
        }
        last.map_err(|failure| {
            let model = self.options.model.clone();
            if let (Some((tokens, context)), true) = (failure.too_long, reasons.is_empty()) {
                return ModelError::TooLong { model, tokens, context };
            }
            reasons.push(failure.reason);
            let tried = self.options.fallback.iter().map(|name| format!("; fallback `{name}`: "));
            let mut reason = reasons[0].clone();
            for (tried, next) in tried.zip(&reasons[1..]) {
                reason += &(tried + next);
            }
            ModelError::Unavailable { model, reason }
        })
    }
}
