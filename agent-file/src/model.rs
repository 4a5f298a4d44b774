//! `[model]`: which provider a key belongs to, what is filled in, and what `--model` changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::base_url::base_url;
use super::disk::{self, Wanted};
use super::problem::{Invalid, shortened};
use super::report::Report;
use super::source::Source;
use super::suggest;
use super::{Known, ModelTable, duration, left_out};
use agent_core::agent::{Agent, Capabilities, ModelConfig, Price, Protocol, Provider, SecretRef};
use agent_core::model::Sampling;

const ENDPOINT: &str = "https://api.openai.com/v1";
const MESSAGES: &str = "https://api.anthropic.com/v1";
const TIMEOUT: Duration = Duration::from_secs(300);
const MAX_TOKENS: u32 = 1024;

/// What the table and the command line come to. Where a problem was reported the result may be
/// incomplete, and is not used.
pub(super) fn config(
    table: &ModelTable,
    root: &Path,
    known: &Known<'_>,
    report: &mut Report<'_>,
) -> ModelConfig {
    let written = table.provider.unwrap_or_default();
    // A provider that there is not has been reported; nothing can be said of its keys.
    let unclear =
        table.provider.is_none() && report.source.value.pointer("/model/provider").is_some();
    let misplaced = !unclear && belongs(table, written, report);
    let mut config = ModelConfig {
        provider: written,
        name: table.name.clone().unwrap_or_default(),
        path: None,
        protocol: table.protocol.unwrap_or_default(),
        base_url: None,
        api_key: None,
        sampling: Sampling {
            temperature: table.temperature.unwrap_or(Sampling::default().temperature),
            top_p: table.top_p.unwrap_or(Sampling::default().top_p),
            seed: table.seed.unwrap_or(Sampling::default().seed),
        },
        max_tokens: table.max_tokens.unwrap_or(MAX_TOKENS),
        reasoning: table.reasoning.unwrap_or_default(),
        device: table.device.unwrap_or_default(),
        adapter: None,
        timeout: TIMEOUT,
        context: table.context,
        input: table.input.clone().unwrap_or_default(),
        quirks: table.quirks.clone(),
        fallback: table.fallback.clone(),
        price: table.price,
    };
    if let Some(text) = &table.timeout {
        match duration::read(text) {
            Ok(timeout) => config.timeout = timeout,
            Err(wanted) => {
                let message = format!("`timeout` must be {wanted}, not `{}`", shortened(text));
                report.value("/model/timeout", message);
            }
        }
    }
    if let Some(written) = &table.adapter {
        match disk::existing(root, written, Wanted::Any) {
            Ok(path) => config.adapter = Some(path),
            Err(missing) => {
                report.value("/model/adapter", missing.message).hint = missing.hint;
            }
        }
    }
    endpoint(table, &mut config, report);
    match known.model_override {
        _ if unclear || misplaced && table.provider.is_none() => {}
        Some(name) => replace(name, root, known, &mut config, report),
        None => named(table, root, known, &mut config, report),
    }
    if !unclear {
        left_out::refuse_provider(config.provider, known, report);
    }
    config
}

/// A run's model with the one of `--model` in its place.
///
/// # Errors
/// The model is unknown, or the run's budget cannot be kept with it.
pub fn other(agent: &Agent, known: &Known<'_>) -> Result<ModelConfig, Invalid> {
    let (text, source, problems) = Source::read(b"");
    let mut config = agent.model.clone();
    let (Some(source), Some(name)) = (source, known.model_override) else { return Ok(config) };
    let mut report = Report { source: &source, problems };
    replace(name, &agent.root, known, &mut config, &mut report);
    if agent.budget.cost_usd.is_some() && config.price.is_none() {
        let message = "the run's budget has `cost_usd`, and this model has no price";
        report.argument(format!("--model {name}"), message);
    }
    match report.problems.is_empty() {
        true => Ok(config),
        false => Err(Invalid::new(agent.file.clone(), text, report.problems)),
    }
}

/// A key that means nothing to the provider would be a limit or a setting that is not kept.
fn belongs(table: &ModelTable, provider: Provider, report: &mut Report<'_>) -> bool {
    let before = report.problems.len();
    let of_an_endpoint = [
        ("base_url", table.base_url.is_some()),
        ("api_key", table.api_key.is_some()),
        ("fallback", !table.fallback.is_empty()),
        ("protocol", table.protocol.is_some()),
        ("context", table.context.is_some()),
        ("input", table.input.is_some()),
        ("quirks", table.quirks.is_some()),
    ];
    let of_this_machine = [
        ("device", table.device.is_some()),
        ("adapter", table.adapter.is_some()),
        ("reasoning", table.reasoning.is_some()),
    ];
    let endpoint: fn(Capabilities) -> bool = |provider| provider.endpoint;
    let local: fn(Capabilities) -> bool = |provider| provider.local;
    let keys = of_an_endpoint.map(|(key, set)| (key, set, endpoint)).into_iter();
    let keys = keys.chain(of_this_machine.map(|(key, set)| (key, set, local)));
    for (key, _, has) in keys.filter(|(_, set, has)| *set && !has(provider.capabilities())) {
        let owner = Provider::ALL.into_iter().find(|provider| has(provider.capabilities()));
        let owner = owner.unwrap_or_default();
        let message = format!("`{key}` means nothing to the provider `{provider}`");
        let hint = match table.provider {
            None => format!("add `provider = \"{owner}\"`"),
            Some(_) => format!("it belongs to `provider = \"{owner}\"`"),
        };
        report.key(&format!("/model/{key}"), message).hint(hint);
    }
    report.problems.len() > before
}

fn endpoint(table: &ModelTable, config: &mut ModelConfig, report: &mut Report<'_>) {
    if let Some(key) = &table.api_key {
        match SecretRef::try_from(key.clone()) {
            Ok(secret) => config.api_key = Some(secret),
            Err(_) => {
                // What was written may be the secret: it is not repeated.
                let message = "`api_key` must name an environment variable";
                report.value("/model/api_key", message).hint(
                    "a secret does not belong in a file: write `api_key = \"${OPENAI_API_KEY}\"` \
                     and set that variable",
                );
            }
        }
    }
    if !config.provider.capabilities().endpoint {
        return;
    }
    let usual = if config.protocol == Protocol::Messages { MESSAGES } else { ENDPOINT };
    let written = table.base_url.as_deref().unwrap_or(usual);
    match base_url(written) {
        Ok(url) => config.base_url = Some(url),
        Err(no) => {
            let message = format!("`base_url` {}", no.wrong);
            report.value("/model/base_url", message).hint(no.hint);
        }
    }
    for (at, name) in table.fallback.iter().enumerate() {
        let before = table.fallback[..at].contains(name);
        if before || Some(name) == table.name.as_ref() {
            let message = format!("the fallback `{}` is already in use", shortened(name));
            report.value(&format!("/model/fallback/{at}"), message);
        }
    }
}

/// The model that the file names.
fn named(
    table: &ModelTable,
    root: &Path,
    known: &Known<'_>,
    config: &mut ModelConfig,
    report: &mut Report<'_>,
) {
    let Some(name) = &table.name else {
        let provider = config.provider.capabilities();
        if provider.local {
            config.name = known.default_model.to_string();
            return;
        }
        report.key("/model", "`[model]` has no `name`").hint(match provider.endpoint {
            true => "add `name = …`, the id that the endpoint knows the model by",
            false => "add `name = \"replies.jsonl\"`, a file with one message a line",
        });
        return;
    };
    if config.provider.capabilities().endpoint {
        return;
    }
    match located(name, config.provider, root, known) {
        Ok(path) => config.path = path,
        Err((message, hint)) => report.value("/model/name", message).hint = hint,
    }
}

/// `--model NAME`. `provider:name` says it all. Otherwise a name of the catalog, a hub repository
/// or the path of a model is a local model, a `.jsonl` file a script, and anything else another id
/// at the file's own endpoint. How tokens are chosen stays; the price, which was another model's,
/// does not: a model on this machine costs nothing, a remote one is unpriced.
fn replace(
    written: &str,
    root: &Path,
    known: &Known<'_>,
    config: &mut ModelConfig,
    report: &mut Report<'_>,
) {
    let remote = config.provider.capabilities().endpoint;
    let named = written.split_once(':').and_then(|(provider, name)| {
        let named = |known: &Provider| known.to_string() == provider;
        Some((Provider::ALL.into_iter().find(named)?, name))
    });
    let (provider, name) = match named {
        Some(named) => named,
        _ if written.ends_with(".jsonl") => (Provider::Scripted, written),
        _ if known.models.iter().any(|name| name == written) || is_path(written) => {
            (Provider::Onnx, written)
        }
        _ if remote => (config.provider, written),
        _ => (Provider::Onnx, written),
    };
    let argument = format!("--model {written}");
    let Capabilities { local, endpoint, .. } = provider.capabilities();
    if endpoint && !remote {
        let message = "the agent file has no endpoint to ask for this model";
        report.argument(argument, message).hint("set `[model] provider` and `base_url` in it");
        return;
    }
    config.price = match provider {
        _ if name == config.name && provider == config.provider => config.price,
        _ if provider.capabilities().priced => None,
        _ => Some(Price { input: 0.0, output: 0.0 }),
    };
    // An adapter belongs to the model that it was made for.
    if name != config.name || provider != config.provider {
        config.context = None;
        config.adapter = None;
    }
    if !local {
        config.reasoning = 0;
    }
    config.provider = provider;
    config.name = name.to_string();
    config.fallback.retain(|fallback| fallback != name);
    if !endpoint {
        config.base_url = None;
        config.api_key = None;
        config.context = None;
        config.quirks = None;
        config.input.clear();
        config.fallback.clear();
        // A path of the command line is relative to where the command runs.
        let here = std::path::absolute(".").unwrap_or_else(|_| root.to_path_buf());
        match located(name, provider, &here, known) {
            Ok(path) => config.path = path,
            Err((message, hint)) => {
                let here = "a path after `--model` is relative to the folder you are in";
                let path = !local || is_path(name);
                let problem = report.argument(argument, message);
                problem.hint = if path { Some(here.to_string()) } else { hint };
            }
        }
    } else if name.trim().is_empty() {
        report.argument(argument, "the name is empty");
    }
}

type Refusal = (String, Option<String>);

/// The path that a name means, `None` for a name of the catalog or of a hub repository.
fn located(
    name: &str,
    provider: Provider,
    root: &Path,
    known: &Known<'_>,
) -> Result<Option<PathBuf>, Refusal> {
    let wanted = if !provider.capabilities().local {
        Wanted::File
    } else if is_path(name) {
        Wanted::Any
    } else if known.models.iter().any(|model| model == name) || is_repository(name) {
        return Ok(None);
    } else {
        let hint = suggest::hint(name, known.models.iter().map(String::as_str));
        let hint = hint.strip_suffix('?').map_or_else(|| format!("{hint};"), |h| format!("{h}?"));
        let hint = format!("{hint} a path begins with `./`, a hub repository is `owner/name`");
        return Err((format!("unknown model `{}`", shortened(name)), Some(hint)));
    };
    match disk::existing(root, name, wanted) {
        Ok(path) => Ok(Some(path)),
        Err(missing) => Err((missing.message, missing.hint)),
    }
}

fn is_path(name: &str) -> bool {
    name.starts_with(['.', '/', '~']) || name.ends_with(".onnx") || name.ends_with(".gguf")
}

fn is_repository(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    name.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}
