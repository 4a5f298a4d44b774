//! What could still be allowed: the tools that some grant reaches, with patterns on the arguments
//! that name a path or a URL. It is a model's grammar, so it may be too wide, never too narrow for
//! a call that [`judge`](agent_core::policy::Policy::judge) allows and a model would write.

use agent_core::output::READ;
use agent_core::path::display;
use agent_core::permission::Grants;
use agent_core::program::RUN;
use agent_core::tool::{Effect, ToolSpec};
use serde_json::{Map, Value, json};

use crate::pattern;

/// See [`agent_core::policy::Policy::narrow`].
pub(crate) fn narrow(grants: &Grants, tools: &[ToolSpec]) -> Vec<ToolSpec> {
    let patterns = Patterns::of(grants);
    tools.iter().filter_map(|tool| patterns.narrow(grants, tool)).collect()
}

/// One regular expression for each kind of argument; `None` where nothing is granted.
struct Patterns {
    read: Option<String>,
    write: Option<String>,
    either: Option<String>,
    net: Option<String>,
}

/// What an argument names.
enum Kind {
    Path,
    Url,
}

impl Patterns {
    fn of(grants: &Grants) -> Self {
        let paths = |granted: Vec<&std::path::PathBuf>| {
            let folders: Vec<String> =
                granted.into_iter().map(|path| display(&grants.root, path)).collect();
            (!folders.is_empty()).then(|| pattern::paths(&folders))
        };
        Self {
            read: paths(grants.read.iter().collect()),
            write: paths(grants.write.iter().collect()),
            either: paths(grants.read.iter().chain(&grants.write).collect()),
            net: (!grants.net.is_empty()).then(|| pattern::urls(&grants.net)),
        }
    }

    /// The tool with its arguments narrowed, or nothing where no grant could allow any call.
    fn narrow(&self, grants: &Grants, tool: &ToolSpec) -> Option<ToolSpec> {
        if tool.name != READ && !grants.tools.contains(&tool.name) {
            return None;
        }
        // The built-in tools do nothing without their grant; of any other tool only its arguments
        // are known, and what it plans may well be free.
        let path = match tool.name.as_str() {
            _ if tool.effect == Effect::Reads => &self.read,
            name if name.starts_with("files.") => &self.write,
            _ => &self.either,
        };
        let missing = (tool.name.starts_with("files.") && path.is_none())
            || (tool.name.starts_with("web.") && self.net.is_none())
                // A form may be for a folder.
                && !(grants.forms.contains(&tool.name) && self.read.is_some())
            || (tool.name == RUN && grants.programs.is_none());
        if missing {
            return None;
        }
        let mut tool = tool.clone();
        if let Some(Value::Object(properties)) = tool.input.get_mut("properties") {
            for (name, schema) in properties {
                // Where a file is moved to is a path as well.
                let moved = tool.name == "files.move" && name == "to";
                self.argument(if moved { "path" } else { name }, schema, path);
            }
        }
        Some(tool)
    }

    fn argument(&self, name: &str, schema: &mut Value, path: &Option<String>) {
        let Value::Object(schema) = schema else { return };
        let kind = kind(name, schema);
        let pattern = match kind {
            Some(Kind::Path) => path,
            Some(Kind::Url) => &self.net,
            None => {
                // A list of paths is narrowed item by item.
                if let Some(items) = schema.get_mut("items") {
                    self.argument("", items, path);
                }
                return;
            }
        };
        if let Some(pattern) = pattern {
            restrict(schema, pattern);
        }
    }
}

/// What a string argument names: by its format, or by its own name.
fn kind(name: &str, schema: &Map<String, Value>) -> Option<Kind> {
    let text = match schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    };
    // A choice from a list is narrow already.
    if !text || schema.contains_key("enum") || schema.contains_key("const") {
        return None;
    }
    match (schema.get("format").and_then(Value::as_str), name) {
        (Some("path"), _) | (None, "path") => Some(Kind::Path),
        (Some("url" | "uri"), _) | (None, "url") => Some(Kind::Url),
        _ => None,
    }
}

fn restrict(schema: &mut Map<String, Value>, pattern: &str) {
    // The pattern says more than the format, which decoders need not know.
    schema.shift_remove("format");
    if schema.contains_key("pattern") {
        let both = schema.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(both) = both {
            both.push(json!({ "pattern": pattern }));
        }
    } else {
        schema.insert("pattern".to_string(), json!(pattern));
    }
}
