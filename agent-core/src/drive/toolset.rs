//! The tools of one run, each with its schemas made ready the first time they are needed: to make
//! one ready costs more than to check a call.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::output::READ;
use crate::schema::Checker;
use crate::tool::Tool;

/// The tools that a run can call.
pub(super) struct Toolset {
    tools: Vec<Fitted>,
}

/// A tool whose schemas are ready.
pub(super) struct Fitted {
    tool: Arc<dyn Tool>,
    input: Ready,
    output: Ready,
}

type Ready = OnceLock<Result<Arc<Checker>, String>>;

impl Toolset {
    pub(super) fn new(tools: &[Arc<dyn Tool>]) -> Self {
        let fitted = |tool: &Arc<dyn Tool>| Fitted {
            tool: Arc::clone(tool),
            input: Ready::new(),
            output: Ready::new(),
        };
        Self { tools: tools.iter().map(fitted).collect() }
    }

    /// The tool of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Fitted> {
        self.tools.iter().find(|fitted| fitted.tool.spec().name == name)
    }

    /// What can be called, in backticks; nothing where there is no tool.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self
            .tools
            .iter()
            .map(|fitted| &fitted.tool.spec().name)
            .filter(|name| *name != READ)
            .map(|name| format!("`{name}`"))
            .collect();
        names.join(", ")
    }
}

impl Fitted {
    pub(super) fn tool(&self) -> &dyn Tool {
        &*self.tool
    }

    /// Whether these are arguments of the tool.
    pub(super) fn takes(&self, arguments: &Value) -> Result<(), String> {
        check(&self.input, &self.tool.spec().input, arguments)
    }

    /// Whether this is a result of the tool.
    pub(super) fn gives(&self, result: &Value) -> Result<(), String> {
        check(&self.output, &self.tool.spec().output, result)
    }
}

fn check(ready: &Ready, schema: &Value, value: &Value) -> Result<(), String> {
    ready.get_or_init(|| Checker::shared(schema)).as_ref().map_err(String::clone)?.check(value)
}
