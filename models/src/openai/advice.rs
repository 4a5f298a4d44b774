//! What to change, for a refusal that stays as it is until something is changed.

use agent_core::agent::Protocol;
use agent_core::model::Request;
use http_client::{NO_HTTP, NO_TLS, PAGE};
use serde_json::Value;

use super::chunk::number;
use super::retry::Failure;
use super::{OpenAi, images};

/// How many models are named that an endpoint has.
const NAMED: usize = 12;

impl OpenAi {
    /// The failure with what to change, where that is known.
    pub(super) async fn advised(
        &self,
        model: &str,
        failure: Failure,
        request: &Request,
    ) -> Failure {
        if failure.begun || failure.too_long() {
            return failure;
        }
        let hint = match self.advice(&failure) {
            None if images::may_be_why(request, &failure) => Some(images::HINT.to_string()),
            None if of_the_path(&failure) => Some(self.address()),
            None if of_the_model(&failure) => Some(self.other_models(model).await),
            None if matches!(failure.status, 404 | 405 | 410) || page(&failure) => Some(self.address()),
            None if matches!(failure.status, 400 | 422) => Some(
                "the endpoint does not take what was sent: `[model.quirks]` says how to ask it, and \
                 `errand runs resume RUN --model NAME` goes on with another model"
                    .to_string(),
            ),
            hint => hint,
        };
        Failure { hint: hint.map(|hint| self.hide(&hint)), ..failure }
    }

    fn advice(&self, failure: &Failure) -> Option<String> {
        let base = &self.options.base_url;
        let names = |words: &[&str]| {
            let said = failure.said.as_ref().is_some_and(|said| said.names(words));
            said || words.iter().any(|word| failure.reason.contains(word))
        };
        let keyed = self.options.api_key.is_some();
        let credit = ["insufficient_quota", "insufficient balance", "insufficient credit"];
        Some(match failure.status {
            401 | 403 if !keyed => {
                "the endpoint wants a key: write `api_key = \"${NAME}\"` under `[model]`, with NAME the \
                 environment variable that holds it"
                    .to_string()
            }
            401 => "the endpoint does not take the key: set the variable that `api_key` names to one \
                    that it takes; `errand runs resume RUN` goes on with it"
                .to_string(),
            403 => "the endpoint takes the key and does not allow this: look at what the key's account \
                    may use; `errand runs resume RUN` goes on once it may"
                .to_string(),
            402 => no_credit(),
            _ if names(&credit) => no_credit(),
            300..=399 => match &failure.location {
                Some(to) => {
                    let path = self.options.address().replacen(base.as_str(), "", 1);
                    let to = to.strip_suffix(path.as_str()).unwrap_or(to);
                    format!("the endpoint is elsewhere: write `base_url = \"{to}\"`")
                }
                None => return None,
            },
            0 | 400 if base.starts_with("https:") && names(&[NO_TLS]) => {
                plain(base, "https", "http", "encrypts nothing")
            }
            _ if base.starts_with("http:")
                && names(&["http request to an https", "http request was sent to https", NO_HTTP]) =>
            {
                plain(base, "http", "https", "wants an encrypted connection")
            }
            400 | 404 | 422 | 500 if names(&["not support tools", "tool use", "tools are not supported"]) => {
                "the model takes no tools: `act = \"code\"` does without them, or name another model"
                    .to_string()
            }
            _ => return None,
        })
    }

    /// What stands for the endpoint's address.
    fn address(&self) -> String {
        let base = &self.options.base_url;
        let path = url::Url::parse(base).map(|url| url.path().to_string()).unwrap_or_default();
        let protocol = self.options.protocol;
        if protocol != Protocol::Chat {
            let said = if protocol == Protocol::Messages { "messages" } else { "responses" };
            return format!(
                "nothing answers at `{}`: check `base_url`, or leave `protocol = \"{said}\"` out where \
                 the server speaks chat completions",
                self.options.address()
            );
        }
        match path.split('/').any(|part| part == "v1") {
            false => format!(
                "`base_url` goes up to and with `/v1`, as most servers have it: try `base_url = \
                 \"{base}/v1\"`"
            ),
            true => format!("nothing answers at `{}`: check `base_url`", self.options.address()),
        }
    }

    /// The models that there are instead of one that there is not.
    async fn other_models(&self, model: &str) -> String {
        let mut names = self.list().await;
        names.retain(|(name, _)| name != model);
        let named: Vec<_> = names.iter().take(NAMED).map(|(name, _)| format!("`{name}`")).collect();
        let rest = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        let there = match named.is_empty() {
            true => "the endpoint does not have this model".to_string(),
            false => format!("the endpoint has {}{rest}", named.join(", ")),
        };
        format!(
            "{there}: name another under `[model]`, or go on with `errand runs resume RUN --model NAME`"
        )
    }

    /// What the list of models says that one holds.
    pub(super) async fn listed_context(&self, model: &str) -> Option<u32> {
        let names = self.list().await;
        names.into_iter().find(|(name, _)| name == model).and_then(|(_, context)| context)
    }

    /// The models of the endpoint, and what each holds where the list says so.
    async fn list(&self) -> Vec<(String, Option<u32>)> {
        let address = format!("{}/models", self.options.base_url);
        let list = self.wire.get(&address).await.unwrap_or_default();
        let models = [&list["data"], &list["models"], &list];
        let models = models.into_iter().find_map(Value::as_array).into_iter().flatten();
        let name = |model: &Value| {
            let name = ["id", "name"].iter().find_map(|key| model[*key].as_str())?.to_string();
            Some((name, context(model)))
        };
        models.filter_map(name).collect()
    }
}

/// What a model holds, as lists of models write it.
fn context(model: &Value) -> Option<u32> {
    const PLACES: [&str; 9] = [
        "/max_model_len",
        "/context_length",
        "/context_window",
        "/max_context_length",
        "/max_context_window",
        "/max_input_tokens",
        "/top_provider/context_length",
        "/meta/n_ctx",
        "/limits/max_context_window_tokens",
    ];
    let told = PLACES.iter().filter_map(|place| number(model.pointer(place)?));
    told.filter_map(|tokens| u32::try_from(tokens).ok()).filter(|tokens| *tokens >= 256).min()
}

fn no_credit() -> String {
    "the account that the key belongs to has nothing left; `errand runs resume RUN` goes on once it has"
        .to_string()
}

fn plain(base: &str, from: &str, to: &str, why: &str) -> String {
    format!("the server {why}: write `base_url = \"{}\"`", base.replacen(from, to, 1))
}

/// Whether a refusal is about the address, in whatever words besides.
fn of_the_path(failure: &Failure) -> bool {
    let words = [
        "unknown endpoint",
        "unknown url",
        "unknown request url",
        "unknown path",
        "no route",
        "cannot post",
        "route not found",
    ];
    let said = failure.said.as_ref().is_some_and(|said| said.names(&words));
    said && matches!(failure.status, 404 | 405)
}

/// Whether a refusal is about the name of the model.
fn of_the_model(failure: &Failure) -> bool {
    let Some(said) = &failure.said else { return false };
    let there = [
        "not found",
        "not exist",
        "no such",
        "unknown",
        "invalid model",
        "not available",
        "not a valid model",
        "not supported",
        "unsupported",
        "not loaded",
        "no model",
    ];
    matches!(failure.status, 0 | 400 | 404 | 422 | 500)
        && said.names(&["model"])
        && said.names(&there)
}

/// Whether a page of HTML came in place of a reply.
fn page(failure: &Failure) -> bool {
    failure.status == 0 && failure.reason.contains(PAGE)
}
