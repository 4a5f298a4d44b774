//! A model in this process: each of its turns calls the tools that are written down for it, and then it is done.

use errand::message::ToolCall;
use errand::model::{Finish, Model, ModelError, Reply, Request, Tokens, Traits};
use serde_json::Value;

pub(crate) struct Turns {
    /// The tools of each turn, in their order.
    pub(crate) tools: &'static [&'static [&'static str]],
    /// What a call of this id is made with.
    pub(crate) arguments: fn(&str) -> Value,
}

#[async_trait::async_trait]
impl Model for Turns {
    fn name(&self) -> &str {
        "turns"
    }

    fn traits(&self) -> Traits {
        Traits { constrained: false, caches: false, context: 0 }
    }

    async fn think(
        &self,
        request: &Request,
        _: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        let call = request.call as usize;
        let mut reply = Reply::text("", Tokens::default(), Finish::Stop);
        for (at, tool) in self.tools.get(call).copied().unwrap_or_default().iter().enumerate() {
            let (id, name) = (format!("{call}.{at}"), tool.to_string());
            let arguments = (self.arguments)(&id);
            reply.tool_calls.push(ToolCall { id, name, arguments });
        }
        if reply.tool_calls.is_empty() {
            reply.content = "done".to_string();
        }
        Ok(reply)
    }
}
