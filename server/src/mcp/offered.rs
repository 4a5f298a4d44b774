//! What a client sees of the agents that its user may run: a tool each.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::event::RunId;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelledNotificationParam, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, RequestId, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::call::Call;
use crate::launcher::AgentCard;
use crate::runs;
use crate::shared::{Account, Shared};

/// The most letters of a tool's name.
const LONGEST: usize = 128;

/// The agents of one user, to one client.
#[derive(Clone)]
pub(super) struct Offered {
    shared: Arc<Shared>,
    account: Arc<Account>,
    /// The runs that requests of this client began or went on with.
    calls: Arc<Mutex<HashMap<RequestId, RunId>>>,
    /// Whether the client sends no more.
    gone: Arc<AtomicBool>,
    /// Counts the clients of a user.
    _open: Arc<()>,
}

impl Offered {
    pub(super) fn new(shared: &Arc<Shared>, account: &Arc<Account>, open: &Arc<()>) -> Offered {
        Offered {
            shared: shared.clone(),
            account: account.clone(),
            calls: Arc::default(),
            gone: Arc::default(),
            _open: open.clone(),
        }
    }

    /// Is set once the client sends no more: what it asked for is not taken back by that.
    pub(super) fn gone(&self) -> Arc<AtomicBool> {
        self.gone.clone()
    }

    fn cards(&self) -> impl Iterator<Item = &AgentCard> {
        let cards = self.shared.launcher.iter().flat_map(|launcher| launcher.agents());
        cards.filter(|card| callable(&card.name) && self.account.user.runs(&card.name))
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<RequestId, RunId>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a tool can have this name: letters of ASCII, digits, `_`, `-` and `.`, at most 128.
pub fn callable(name: &str) -> bool {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"_-.".contains(&letter);
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(plain)
}

/// An agent as a tool.
fn tool(card: &AgentCard) -> Option<Tool> {
    let object = |schema: &Value| schema.as_object().cloned().map(Arc::new);
    let description = match card.description.is_empty() {
        true => format!("Runs the agent `{}`.", card.name),
        false => card.description.clone(),
    };
    let tool = Tool::new(card.name.clone(), description, object(&card.params)?);
    Some(match object(&wrapped(&card.outcome)) {
        Some(outcome) => tool.with_raw_output_schema(outcome),
        None => tool,
    })
}

/// The schema of a result: an object in any case.
fn wrapped(schema: &Value) -> Value {
    match schema["type"] == "object" {
        true => schema.clone(),
        // A schema's own definitions are referred to from its root.
        false if schema.get("$defs").is_some() || schema.get("definitions").is_some() => {
            Value::Null
        }
        false => json!({
            "type": "object", "properties": { "value": schema }, "required": ["value"],
        }),
    }
}

impl ServerHandler for Offered {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("errand", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Each tool is an agent: a call runs it to its end, which may take minutes, and gives its \
                 outcome. A result that says that a run waits names the run; calling again begins another.",
            )
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.cards().filter_map(tool).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.cards().find(|card| card.name == name).and_then(tool)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(card) = self.cards().find(|card| card.name == request.name) else {
            let name: String = request.name.chars().take(100).collect();
            let message = format!("there is no tool `{name}`: `tools/list` lists those that are");
            return Err(ErrorData::invalid_params(message, None));
        };
        let id = context.id.clone();
        let call = Call {
            shared: &self.shared,
            user: &self.account.user,
            card,
            context: &context,
            gone: &self.gone,
        };
        let named = |run: &RunId| {
            self.calls().insert(id.clone(), run.clone());
        };
        let response = call.answered(request, named).await;
        // What was cancelled is looked up here by the notification, which may come after this.
        if !context.ct.is_cancelled() {
            self.calls().remove(&context.id);
        }
        Ok(response)
    }

    /// A call that its client takes back ends its run for good: nothing would ask for its outcome. A client
    /// that is only gone does not.
    async fn on_cancelled(
        &self,
        cancelled: CancelledNotificationParam,
        _: NotificationContext<RoleServer>,
    ) {
        let Some(id) = cancelled.request_id else { return };
        let Some(run) = self.calls().remove(&id) else { return };
        if let Err(error) = runs::cancelled(&self.shared, &run).await {
            tracing::warn!("run `{run}` could not be cancelled: {}", error.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_an_object_and_a_reference_leads_to_its_definition() {
        let object = json!({ "type": "object", "properties": {} });
        assert_eq!(wrapped(&object), object);
        let list = wrapped(&json!({ "type": "array" }));
        assert_eq!(list["properties"]["value"], json!({ "type": "array" }));
        assert_eq!(wrapped(&json!({ "$ref": "#/$defs/a", "$defs": { "a": {} } })), Value::Null);
    }

    #[test]
    fn a_name_that_no_tool_can_have_is_none() {
        assert!(callable("clerk") && callable("a.b-c_1"));
        for name in ["", "two words", "ä", "a/b", &"a".repeat(129)] {
            assert!(!callable(name), "{name}");
        }
    }
}
