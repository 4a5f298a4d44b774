//! What an answer may look like: free text, calls of the client's tools, or JSON under its schema. A local
//! model cannot write anything else, so what its decoder cannot hold is refused.

use std::sync::Arc;

use agent_core::model::Form;
use agent_core::tool::{Effect, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::generator::{Calls, Generator};

/// The most tools of one request.
const TOOLS: usize = 128;

/// A tool, as chat completions have it.
#[derive(Deserialize, Debug)]
pub(crate) struct Offered {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    function: Option<Function>,
}

/// A function that a client offers.
#[derive(Deserialize, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) parameters: Option<Value>,
    #[serde(default)]
    pub(crate) strict: Option<bool>,
}

/// What was asked for, whichever protocol it came by.
#[derive(Default, Debug)]
pub(crate) struct Wanted {
    pub(crate) tools: Vec<Function>,
    pub(crate) choice: Choice,
    pub(crate) format: Format,
    pub(crate) stop: Vec<String>,
}

/// Whether tools are called.
#[derive(Default, Debug, PartialEq)]
pub(crate) enum Choice {
    /// As the model likes.
    #[default]
    Auto,
    /// None is.
    None,
    /// One at least is.
    Required,
    /// This one is.
    One(String),
}

/// What an answer that calls no tool is.
#[derive(Default, Debug, PartialEq)]
pub(crate) enum Format {
    /// Text.
    #[default]
    Text,
    /// A JSON object.
    Object,
    /// JSON under this schema.
    Schema(Value),
}

/// The functions of chat completions' tools.
pub(crate) fn functions(offered: Vec<Offered>) -> Result<Vec<Function>, ApiError> {
    let function = |tool: Offered| match (&*tool.kind, tool.function) {
        ("function", Some(function)) => Ok(function),
        ("function", None) => {
            Err(ApiError::param("tools", "a tool of type `function` has a `function`"))
        }
        (kind, _) => {
            let kind: String = kind.chars().take(40).collect();
            Err(ApiError::unsupported(
                "tools",
                &format!("a tool of type `{kind}`: only functions are"),
            ))
        }
    };
    offered.into_iter().map(function).collect()
}

impl Choice {
    /// How many tools an answer may call. One that has to call a tool calls one, unless several are asked
    /// for: a small model that is made to call goes on calling.
    pub(crate) fn calls(&self, parallel: Option<bool>) -> Calls {
        match parallel.unwrap_or(matches!(self, Choice::Auto)) {
            true => Calls::Several,
            false => Calls::One,
        }
    }

    /// From `tool_choice`, of chat completions and of responses.
    pub(crate) fn of(value: Option<&Value>) -> Result<Choice, ApiError> {
        let Some(value) = value else { return Ok(Choice::Auto) };
        let name = value["function"]["name"].as_str().or_else(|| value["name"].as_str());
        match (value.as_str(), value["type"].as_str(), name) {
            (Some("auto"), ..) => Ok(Choice::Auto),
            (Some("none"), ..) => Ok(Choice::None),
            (Some("required"), ..) => Ok(Choice::Required),
            (None, Some("function"), Some(name)) => Ok(Choice::One(name.to_string())),
            _ => Err(ApiError::unsupported(
                "tool_choice",
                "it is `auto`, `none`, `required`, or names one function",
            )),
        }
    }
}

impl Format {
    /// From chat completions' `response_format`.
    pub(crate) fn of_chat(value: Option<&Value>) -> Result<Format, ApiError> {
        let Some(value) = value else { return Ok(Format::Text) };
        Self::named("response_format", value, &value["json_schema"])
    }

    /// From the `format` in responses' `text`.
    pub(crate) fn of_responses(value: Option<&Value>) -> Result<Format, ApiError> {
        let Some(value) = value else { return Ok(Format::Text) };
        Self::named("text.format", value, value)
    }

    fn named(param: &str, value: &Value, holder: &Value) -> Result<Format, ApiError> {
        match value["type"].as_str() {
            Some("text") => Ok(Format::Text),
            Some("json_object") => Ok(Format::Object),
            Some("json_schema") => match &holder["schema"] {
                schema @ Value::Object(_) => Ok(Format::Schema(schema.clone())),
                _ => Err(ApiError::param(param, format!("`{param}` has no `schema`"))),
            },
            _ => Err(ApiError::unsupported(param, "its type is text, json_object or json_schema")),
        }
    }

    fn schema(self) -> Option<Value> {
        match self {
            Format::Text => None,
            Format::Object => Some(json!({"type": "object"})),
            Format::Schema(schema) => Some(schema),
        }
    }
}

impl Wanted {
    /// The form of the answer.
    pub(crate) fn form(self, model: &dyn Generator) -> Result<Form, ApiError> {
        let Wanted { tools, choice, format, stop } = self;
        if tools.len() > TOOLS {
            return Err(ApiError::param("tools", format!("at most {TOOLS} tools")));
        }
        let schema = format.schema();
        if let Some(schema) = &schema {
            held(model, "the schema of the answer", schema)?;
        }
        let mut specs = Vec::with_capacity(tools.len());
        for tool in tools {
            let spec = spec(model, tool)?;
            if specs.iter().any(|known: &Arc<ToolSpec>| known.name == spec.name) {
                return Err(ApiError::param(
                    "tools",
                    format!("there are two tools `{}`", spec.name),
                ));
            }
            specs.push(Arc::new(spec));
        }
        if specs.is_empty() && matches!(choice, Choice::Required | Choice::One(_)) {
            return Err(ApiError::param("tool_choice", "there are no `tools` to choose from"));
        }
        let form = match (choice, schema) {
            (Choice::None, None) => Form::Text { stop: stop.clone() },
            (Choice::None, Some(schema)) => Form::Json(schema),
            (Choice::Auto, None) if specs.is_empty() => Form::Text { stop: stop.clone() },
            (Choice::Auto, Some(schema)) if specs.is_empty() => Form::Json(schema),
            (Choice::Auto, None) => Form::Calls(specs),
            (Choice::Auto, Some(schema)) => Form::CallsOrJson(specs, schema),
            (Choice::Required, _) => Form::Act(specs),
            (Choice::One(name), _) => {
                specs.retain(|spec| spec.name == name);
                if specs.is_empty() {
                    let name: String = name.chars().take(64).collect();
                    return Err(ApiError::param(
                        "tool_choice",
                        format!("there is no tool `{name}`"),
                    ));
                }
                Form::Act(specs)
            }
        };
        if !stop.is_empty() && !matches!(form, Form::Text { .. }) {
            let why =
                "together with tools or a JSON format, whose answers end where they are whole";
            return Err(ApiError::unsupported("stop", why));
        }
        if !model.traits().constrained && !matches!(form, Form::Text { .. } | Form::Calls(_)) {
            let why = "this model is not held to a form while it writes";
            return Err(ApiError::unsupported("response_format", why));
        }
        Ok(form)
    }
}

fn held(model: &dyn Generator, what: &str, schema: &Value) -> Result<(), ApiError> {
    // A large schema takes a moment, in which others are served.
    tokio::task::block_in_place(|| model.holds(schema)).map_err(|reason| {
        let error = ApiError::invalid(format!("the decoder cannot hold {what}: {reason}"));
        ApiError { code: "invalid_schema", ..error }
    })
}

fn spec(model: &dyn Generator, tool: Function) -> Result<ToolSpec, ApiError> {
    let Function { name, description, parameters, strict } = tool;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        let message = "a tool's name has 1 to 64 letters, digits, `_`, `-` or `.`";
        return Err(ApiError::param("tools", message));
    }
    let mut input = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let Value::Object(map) = &mut input else {
        return Err(ApiError::param(
            "tools",
            format!("the parameters of `{name}` are no JSON Schema"),
        ));
    };
    map.entry("type").or_insert_with(|| json!("object"));
    if map["type"] != "object" {
        let message = format!("the parameters of `{name}` are not the schema of an object");
        return Err(ApiError::param("tools", message));
    }
    if strict == Some(true) {
        held(model, &format!("the parameters of the strict tool `{name}`"), &input)?;
    }
    Ok(ToolSpec {
        name,
        description: description.unwrap_or_default(),
        input,
        output: Value::Bool(true),
        effect: Effect::Pure,
    })
}
