//! Where a client wants to be told of its tasks: set, shown, listed, deleted. What a receiver lets the server in with
//! is kept and shown to none, not even to the one who sent it.

use std::sync::Arc;

use agent_core::event::RunId;
use serde_json::{Map, Value, json};

use super::push::{Mark, Push, PushConfig, rested};
use super::{Failed, task};
use crate::error::ApiError;
use crate::launcher::{AgentCard, Look};
use crate::runs::launcher;
use crate::shared::Shared;
use crate::user::User;

/// What is asked of configs.
pub(super) const METHODS: [&str; 4] = [
    "tasks/pushNotificationConfig/set",
    "tasks/pushNotificationConfig/get",
    "tasks/pushNotificationConfig/list",
    "tasks/pushNotificationConfig/delete",
];

/// The most bytes of a config's parts.
const ID: usize = 128;
const URL: usize = 2048;
const TOKEN: usize = 1024;
const CREDENTIALS: usize = 8192;

/// Answers one of [`METHODS`].
pub(super) async fn asked(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    method: &str,
    params: &Map<String, Value>,
) -> Result<Value, Failed> {
    let push = on(shared)?;
    let text = |key: &str| params.get(key).and_then(Value::as_str);
    let sets = method.ends_with("/set");
    let id = text(if sets { "taskId" } else { "id" }).unwrap_or_default();
    let (look, _) = task::shown(shared, user, agent, id).await?;
    let run = RunId(look.id);
    if sets {
        let config = read(push, params.get("pushNotificationConfig").unwrap_or(&Value::Null))?;
        return kept(shared, &run, config).await;
    }
    let (configs, named) = (push.configs(&run), text("pushNotificationConfigId"));
    if method.ends_with("/list") {
        return Ok(configs.iter().map(|config| shown(&run, config)).collect());
    }
    if method.ends_with("/get") {
        let mut configs = configs.iter();
        let found = configs.find(|config| named.is_none_or(|named| config.id == named));
        return found.map(|config| shown(&run, config)).ok_or_else(|| {
            Failed::params("the task has no such config: `tasks/pushNotificationConfig/list` has those there are")
        });
    }
    let named = named.ok_or_else(|| Failed::params("`pushNotificationConfigId` says which"))?;
    push.remove(&run, Some(named));
    Ok(Value::Null)
}

/// The config that a message brings.
pub(super) fn brought(
    shared: &Shared,
    params: &Map<String, Value>,
) -> Result<Option<PushConfig>, Failed> {
    match params.get("configuration").map(|how| &how["pushNotificationConfig"]) {
        None | Some(Value::Null) => Ok(None),
        Some(config) => read(on(shared)?, config).map(Some),
    }
}

/// Keeps a config of a task of which its client knows this.
pub(super) fn set(
    shared: &Shared,
    run: &RunId,
    mut config: PushConfig,
    known: Option<Mark>,
) -> Result<Value, Failed> {
    if config.id.is_empty() {
        config.id.clone_from(&run.0);
    }
    let answer = shown(run, &config);
    on(shared)?.set(run, config, known).map_err(Failed::params)?;
    Ok(answer)
}

/// Keeps a config of a task that there is: told is what becomes of it from now on.
pub(super) async fn kept(
    shared: &Shared,
    run: &RunId,
    config: PushConfig,
) -> Result<Value, Failed> {
    let before = looked(shared, run).await?;
    if task::over(&before) {
        let message = format!("task `{run}` is over: its status is `{}`", before.status);
        return Err(Failed { code: -32004, message });
    }
    let answer = set(shared, run, config, Some(Mark::of(&before)))?;
    // It may have come to rest while the config was being kept.
    rested(shared, &looked(shared, run).await?);
    Ok(answer)
}

/// How its run stands, by its journal.
async fn looked(shared: &Shared, run: &RunId) -> Result<Look, ApiError> {
    Ok(launcher(shared)?.look(run).await?)
}

fn on(shared: &Shared) -> Result<&Arc<dyn Push>, Failed> {
    shared.push.as_ref().ok_or_else(|| Failed {
        code: -32003,
        message: "this server sends no push notifications: a `[push.\"HOST\"]` of its serve file allows a host for \
                  them"
            .to_string(),
    })
}

fn read(push: &Arc<dyn Push>, config: &Value) -> Result<PushConfig, Failed> {
    let text = |value: &Value, name: &str, most: usize| match value {
        Value::Null => Ok(None),
        // What is sent as a header, or stands in a URL.
        Value::String(text)
            if (1..=most).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(text.clone()))
        }
        _ => Err(Failed::params(format!(
            "`{name}` is a text of 1 to {most} visible ASCII letters, without spaces"
        ))),
    };
    let url = text(&config["url"], "url", URL)?;
    let url = url.ok_or_else(|| Failed::params("a push config is an object with a `url`"))?;
    push.may(&url).map_err(Failed::params)?;
    let authentication = &config["authentication"];
    let credentials = match authentication {
        Value::Null => None,
        _ => {
            let schemes = authentication["schemes"].as_array();
            let bearer = schemes.is_some_and(|schemes| {
                let mut schemes = schemes.iter().filter_map(Value::as_str);
                schemes.any(|scheme| scheme.eq_ignore_ascii_case("bearer"))
            });
            let credentials =
                text(&authentication["credentials"], "authentication.credentials", CREDENTIALS)?;
            if !bearer || credentials.is_none() {
                let wanted = "`authentication` has `Bearer` among its `schemes`, and the token as its `credentials`";
                return Err(Failed::params(wanted));
            }
            credentials
        }
    };
    let id = text(&config["id"], "id", ID)?.unwrap_or_default();
    let token = text(&config["token"], "token", TOKEN)?;
    Ok(PushConfig { id, url, token, credentials })
}

fn shown(run: &RunId, config: &PushConfig) -> Value {
    let mut shown = json!({ "id": config.id, "url": config.url });
    if let Some(token) = &config.token {
        shown["token"] = json!(token);
    }
    if config.credentials.is_some() {
        shown["authentication"] = json!({ "schemes": ["Bearer"] });
    }
    json!({ "taskId": run.0, "pushNotificationConfig": shown })
}
