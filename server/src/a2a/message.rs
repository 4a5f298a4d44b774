//! What is sent: it begins a task, or says what a task waits for. A message has a name, and counts once.

use std::sync::Arc;

use agent_core::content::ContentPart;
use agent_core::drive::Approval;
use agent_core::event::RunId;
use serde_json::{Map, Value};

use super::push::PushConfig;
use super::{Failed, configs, task};
use crate::images;
use crate::launcher::{AgentCard, Order};
use crate::runs::{self, Deed};
use crate::shared::Shared;
use crate::triggers::Begun;
use crate::user::{TokenHash, User};

/// The most letters of a message's name.
const LONGEST: usize = 256;

/// What a message says: its text, its data, and what is attached.
struct Said {
    text: Option<String>,
    data: Map<String, Value>,
    images: Vec<ContentPart>,
}

/// Begins a task or goes on with one, and tells of it, once it rests unless that is not waited for.
pub(super) async fn sent(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    mut params: Map<String, Value>,
) -> Result<Value, Failed> {
    let run = taken(shared, user, agent, &mut params).await?;
    let blocking = params.get("configuration").is_none_or(|how| how["blocking"] != false);
    if blocking && let Some(mut count) = shared.active.follow(&run) {
        let mut stopping = shared.stopping.subscribe();
        tokio::select! {
            // An error says that the work on it has ended.
            _ = count.wait_for(|_| false) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
    task::shown(shared, user, agent, &run.0).await.map(|(_, task)| task)
}

/// Begins a task or goes on with one: the run that it is.
pub(super) async fn taken(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    params: &mut Map<String, Value>,
) -> Result<RunId, Failed> {
    let message = params.remove("message").unwrap_or_default();
    let (said, push) = (said(&message)?, configs::brought(shared, params)?);
    match message["taskId"].as_str() {
        Some(id) => gone_on(shared, user, agent, id, (said, push)).await,
        None => begun(shared, user, agent, &message, (said, push)).await,
    }
}

async fn begun(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    message: &Value,
    (said, push): (Said, Option<PushConfig>),
) -> Result<RunId, Failed> {
    let named = message["messageId"].as_str();
    let named = named.filter(|named| (1..=LONGEST).contains(&named.len()));
    let named = named.ok_or_else(|| Failed::params("`messageId` is a text of 1 to 256 bytes"))?;
    let hash = TokenHash::of(&format!("{}\na2a\n{}\n{named}", user.name, agent.name)).hex();
    let run = RunId(format!("{}a{}", user.mark(), &hash[..24]));
    if runs::look(shared, &run).await.is_ok() {
        return Ok(run);
    }
    let mut params = said.data;
    if let Some(text) = said.text {
        let slot = slot(agent, &params).ok_or_else(|| {
            Failed::params(format!(
                "`{}` takes no text: send its parameters as a data part, as `/v1/agents` describes them",
                agent.name
            ))
        })?;
        params.insert(slot, Value::String(text));
    }
    let order = Order {
        run: run.clone(),
        agent: agent.name.clone(),
        params,
        images: said.images,
        begun: Begun::ByUser,
    };
    runs::launcher(shared)?.check(&order).map_err(|error| Failed::params(error.to_string()))?;
    runs::stopping(shared)?;
    let claim = match shared.active.claim(&run) {
        // The same message, sent again at once.
        Err(error) if error.code == "run_active" => return Ok(run),
        claim => claim?,
    };
    // Before the run, whose first event is told too.
    if let Some(config) = push {
        configs::set(shared, &run, config, None)?;
    }
    let launched = runs::launch(shared, claim, Deed::Start(order)).await;
    if let (Err(_), Some(push)) = (&launched, &shared.push) {
        push.remove(&run, None);
    }
    launched?;
    Ok(run)
}

/// The answer to a question, or a word on the action that is named.
async fn gone_on(
    shared: &Arc<Shared>,
    user: &User,
    agent: &AgentCard,
    id: &str,
    (said, push): (Said, Option<PushConfig>),
) -> Result<RunId, Failed> {
    let (look, _) = task::shown(shared, user, agent, id).await?;
    let run = RunId(look.id);
    if !said.images.is_empty() {
        return Err(Failed::params("an image belongs to the message that begins a task"));
    }
    let Some(waits) = look.waits else {
        let message = format!("task `{id}` waits for nothing: its status is `{}`", look.status);
        return Err(Failed { code: -32004, message });
    };
    let text = |key: &str| said.data.get(key).and_then(Value::as_str);
    let (digest, approval) = match (&waits.question, &said.text) {
        (Some(_), Some(words)) => (waits.digest.clone(), Approval::Said(words.clone())),
        (Some(_), None) => return Err(Failed::params("a question is answered by a text part")),
        (None, _) => match (text("digest"), text("decision")) {
            (Some(digest), Some("approve")) => {
                (digest.to_string(), Approval::Marked(digest.to_string()))
            }
            (Some(digest), Some("deny")) => (digest.to_string(), Approval::Refused),
            _ => {
                let wanted = "an action wants a data part `{\"digest\", \"decision\": \"approve\" or \"deny\"}`";
                return Err(Failed::params(wanted));
            }
        },
    };
    if let Some(config) = push {
        configs::kept(shared, &run, config).await?;
    }
    runs::answered(shared, &run, &digest, |_| Ok(approval)).await?;
    Ok(run)
}

fn said(message: &Value) -> Result<Said, Failed> {
    let parts = message["parts"].as_array().ok_or_else(|| Failed::params("`parts` is a list"))?;
    let mut said = Said { text: None, data: Map::new(), images: Vec::new() };
    for part in parts {
        match (part["kind"].as_str(), &part["text"], &part["data"]) {
            (Some("text"), Value::String(text), _) => {
                let before = said.text.take().map(|before| format!("{before}\n"));
                said.text = Some(format!("{}{text}", before.unwrap_or_default()));
            }
            (Some("data"), _, Value::Object(data)) => said.data.extend(data.clone()),
            (Some("file"), ..) if part["file"]["bytes"].is_string() => {
                let bytes = part["file"]["bytes"].as_str().unwrap_or_default();
                let refused = |problem| Failed::params(format!("a part {problem}"));
                said.images.push(images::of_base64(bytes).map_err(refused)?);
            }
            _ => {
                let parts = "a part is a text, data that is an object, or a file with its `bytes`, an image";
                return Err(Failed::params(parts));
            }
        }
    }
    images::few(said.images.len())
        .map_err(|problem| Failed::params(format!("the message {problem}")))?;
    Ok(said)
}

/// The parameter that a text is for: the one text that is required and was not given, or the only text.
fn slot(agent: &AgentCard, given: &Map<String, Value>) -> Option<String> {
    let properties = agent.params["properties"].as_object()?;
    let texts = properties.iter().filter(|(_, schema)| schema["type"] == "string");
    let free: Vec<&String> =
        texts.map(|(name, _)| name).filter(|name| !given.contains_key(*name)).collect();
    let required = agent.params["required"].as_array();
    let needed =
        |name: &&&String| required.is_some_and(|all| all.iter().any(|one| one == name.as_str()));
    let needed: Vec<&&String> = free.iter().filter(needed).collect();
    match (&needed[..], &free[..]) {
        ([one], _) => Some((**one).clone()),
        ([], [one]) => Some((*one).clone()),
        _ => None,
    }
}
