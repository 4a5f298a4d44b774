//! From Errand's question to the server's: messages, tools, the form of the reply.

use std::sync::Arc;

use agent_core::message::{Message, Role, ToolCall};
use agent_core::model::{Form, Request};
use agent_core::quirks::{AnswerFormat, LimitName, NoText, Quirks, SchemaKind};
use agent_core::tool::ToolSpec;
use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCalls,
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestAssistantMessageContent,
    ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestToolMessage, ChatCompletionRequestUserMessage,
    ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionToolChoiceOption,
    ChatCompletionTools, CreateChatCompletionRequest, FunctionCall, FunctionObject, ResponseFormat,
    ResponseFormatJsonSchema, StopConfiguration, ToolChoiceOptions,
};
use serde_json::{Map, Value, json};

use super::images;
use super::names::Names;
use super::options::{Prefill, RemoteOptions};
use super::turns::turns;

/// More stop strings than this are refused by OpenAI; the rest is seen to here.
const MOST_STOPS: usize = 4;

/// All names that a request uses: those of the tools, and those in earlier calls.
pub(super) fn names(request: &Request) -> Names {
    let tools = tools_of(&request.form).iter().map(|tool| tool.name.as_str());
    let calls = request.messages.iter().flat_map(|message| &message.tool_calls);
    Names::new(tools.chain(calls.map(|call| call.name.as_str())))
}

/// The request as the server takes it.
pub(super) fn ask(
    request: &Request,
    model: &str,
    options: &RemoteOptions,
    names: &Names,
    quirks: &Quirks,
) -> Value {
    let turns = images::after_tools(turns(request, quirks), quirks);
    let mut messages: Vec<_> = turns.iter().map(|turn| message(turn, names)).collect();
    let prefilled = options.prefill == Prefill::Supported && !request.prefix.is_empty();
    if prefilled {
        messages.push(message(&Message::assistant(request.prefix.clone()), names));
    }
    let most = most_tokens(request, quirks);
    let limit = quirks.limit.unwrap_or(LimitName::MaxTokens);
    let named = |name: LimitName| most.filter(|_| limit == name);
    let streamed = sent(quirks.stream);
    let usage =
        ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    #[expect(deprecated, reason = "most servers but OpenAI's own know only `max_tokens`")]
    let body = CreateChatCompletionRequest {
        messages,
        model: model.to_string(),
        max_tokens: named(LimitName::MaxTokens),
        max_completion_tokens: named(LimitName::MaxCompletionTokens),
        temperature: options.temperature.filter(|_| sent(quirks.temperature)),
        top_p: options.top_p.filter(|_| sent(quirks.top_p)),
        // The API has signed seeds.
        seed: options
            .seed
            .filter(|_| sent(quirks.seed))
            .map(|seed| (seed & (u64::MAX >> 1)) as i64),
        stop: stop(request, prefilled).filter(|_| sent(quirks.stop)).map(|stop| {
            StopConfiguration::StringArray(stop.into_iter().take(MOST_STOPS).collect())
        }),
        response_format: response_format(&request.form, quirks),
        tools: tools(&request.form, names, quirks),
        tool_choice: (must_call(request) && sent(quirks.tool_choice))
            .then_some(ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Required)),
        stream_options: (streamed && sent(quirks.stream_options)).then_some(usage),
        stream: Some(streamed),
        ..CreateChatCompletionRequest::default()
    };
    let mut body = serde_json::to_value(body).unwrap_or_default();
    let sent = body["messages"].as_array_mut().into_iter().flatten();
    sent.for_each(|turn| no_text(turn, quirks.no_text.unwrap_or(NoText::Null)));
    for (at, turn) in turns.iter().enumerate().filter(|(_, turn)| !turn.parts.is_empty()) {
        body["messages"][at]["content"] = images::chat(turn).into();
    }
    body
}

/// Whether an option that an endpoint may refuse is sent.
pub(super) fn sent(option: Option<bool>) -> bool {
    option != Some(false)
}

/// The most tokens of the reply; none where neither the request nor the endpoint has a limit.
pub(super) fn most_tokens(request: &Request, quirks: &Quirks) -> Option<u32> {
    request.limit().into_iter().chain(quirks.most_tokens).min()
}

/// What stands for the text of a turn that has none.
fn no_text(turn: &mut Value, written: NoText) {
    let Some(turn) = turn.as_object_mut() else { return };
    if turn.get("content").and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
        return;
    }
    let called = turn.contains_key("tool_calls");
    let value = match written {
        NoText::Absent if called => {
            turn.remove("content");
            return;
        }
        NoText::Null if called => Value::Null,
        NoText::Words if called => Value::from("(a call)"),
        NoText::Words => Value::from("(nothing)"),
        _ => Value::from(""),
    };
    turn.insert("content".to_string(), value);
}

pub(super) fn tools_of(form: &Form) -> &[Arc<ToolSpec>] {
    match form {
        Form::Act(tools) | Form::Calls(tools) | Form::CallsOrJson(tools, _) => tools,
        Form::Text { .. } | Form::Choice(_) | Form::Json(_) => &[],
    }
}

fn tools(form: &Form, names: &Names, quirks: &Quirks) -> Option<Vec<ChatCompletionTools>> {
    let tool = |tool: &Arc<ToolSpec>| {
        ChatCompletionTools::Function(ChatCompletionTool {
            function: FunctionObject {
                name: names.legal(&tool.name).to_string(),
                description: Some(tool.description.clone()),
                parameters: Some(tool_schema(&tool.input, quirks)),
                strict: None,
            },
        })
    };
    let tools: Vec<_> = tools_of(form).iter().map(tool).collect();
    // An empty list is refused.
    (!tools.is_empty()).then_some(tools)
}

/// Whether to say that a call must come: once the model answered without one, since models that reason
/// cannot be made to call, and some servers know nothing of it.
pub(super) fn must_call(request: &Request) -> bool {
    let must = matches!(&request.form, Form::Act(tools) if !tools.is_empty());
    let roles: Vec<Role> = request.messages.iter().rev().take(2).map(|turn| turn.role).collect();
    must && roles == [Role::User, Role::Assistant]
}

/// A tool's schema as the endpoint takes it.
pub(super) fn tool_schema(schema: &Value, quirks: &Quirks) -> Value {
    match quirks.tool_schema {
        Some(SchemaKind::Plain) => plain(schema),
        _ => schema.clone(),
    }
}

/// A schema without what only some servers know.
fn plain(schema: &Value) -> Value {
    const KEPT: [&str; 6] = ["type", "description", "enum", "required", "items", "properties"];
    let Value::Object(map) = schema else { return json!({ "type": "object" }) };
    let kept = map.iter().filter(|(key, _)| KEPT.contains(&key.as_str()));
    let value = |key: &str, value: &Value| match (key, value) {
        // Of several types the first that says something.
        ("type", Value::Array(types)) => types
            .iter()
            .find(|kind| *kind != "null")
            .cloned()
            .unwrap_or_else(|| Value::from("string")),
        ("properties", Value::Object(all)) => {
            all.iter().map(|(name, schema)| (name.clone(), plain(schema))).collect()
        }
        ("items", schema) => plain(schema),
        _ => value.clone(),
    };
    let mut plain: Map<String, Value> =
        kept.map(|(key, written)| (key.clone(), value(key, written))).collect();
    if !plain.contains_key("type") {
        let kind = if plain.contains_key("properties") { "object" } else { "string" };
        plain.insert("type".to_string(), Value::from(kind));
    }
    Value::Object(plain)
}

pub(super) fn response_format(form: &Form, quirks: &Quirks) -> Option<ResponseFormat> {
    let format = quirks.response_format.unwrap_or(AnswerFormat::Schema);
    let (name, schema) = match form {
        Form::Json(schema) => ("answer", schema.clone()),
        // With tools the server would have to choose between them and the format: the caller
        // tells the schema in words and checks.
        Form::CallsOrJson(tools, schema) if tools.is_empty() => ("answer", schema.clone()),
        Form::Choice(choices) => ("choice", choice_schema(choices)),
        Form::Text { .. } | Form::Act(_) | Form::Calls(_) | Form::CallsOrJson(..) => return None,
    };
    match format {
        AnswerFormat::Words => return None,
        AnswerFormat::Object => return Some(ResponseFormat::JsonObject),
        AnswerFormat::Schema | AnswerFormat::Loose => {}
    }
    let strict = (format == AnswerFormat::Schema && strict(&schema)).then_some(true);
    let json_schema =
        ResponseFormatJsonSchema { description: None, name: name.to_string(), schema, strict };
    Some(ResponseFormat::JsonSchema { json_schema })
}

fn choice_schema(choices: &[String]) -> Value {
    json!({
        "type": "object",
        "properties": { "choice": { "type": "string", "enum": choices } },
        "required": ["choice"],
        "additionalProperties": false,
    })
}

/// Whether OpenAI takes the schema as strict: every object lists all its properties as required
/// and allows no others. A schema that is not is sent without, and the answer is checked anyway.
fn strict(schema: &Value) -> bool {
    let Value::Object(map) = schema else {
        return true;
    };
    let is_object =
        map.get("type").is_some_and(|t| t == "object") || map.contains_key("properties");
    if is_object {
        let properties = map.get("properties").and_then(Value::as_object);
        let required = map.get("required").and_then(Value::as_array);
        let all = properties.is_some_and(|properties| {
            properties.keys().all(|key| required.is_some_and(|r| r.iter().any(|name| name == key)))
        });
        if !all || map.get("additionalProperties") != Some(&Value::Bool(false)) {
            return false;
        }
    }
    map.iter().all(|(key, value)| match (key.as_str(), value) {
        ("enum" | "const" | "default" | "examples", _) => true,
        ("properties" | "$defs", Value::Object(all)) => all.values().all(strict),
        (_, Value::Array(all)) => all.iter().all(strict),
        (_, value) => strict(value),
    })
}

/// The stop strings that the server can see to. Where the prefix is left out the model writes it
/// itself, so a string that is part of it would stop the reply before it begins.
pub(super) fn stop(request: &Request, prefilled: bool) -> Option<Vec<String>> {
    let Form::Text { stop } = &request.form else { return None };
    let usable = |s: &&String| !s.is_empty() && (prefilled || !request.prefix.contains(*s));
    let stop: Vec<String> = stop.iter().filter(usable).cloned().collect();
    (!stop.is_empty()).then_some(stop)
}

fn message(message: &Message, names: &Names) -> ChatCompletionRequestMessage {
    let content = message.content.as_str();
    match message.role {
        Role::System => ChatCompletionRequestSystemMessage::from(content).into(),
        Role::User => ChatCompletionRequestUserMessage::from(content).into(),
        Role::Tool => ChatCompletionRequestMessage::Tool(ChatCompletionRequestToolMessage {
            content: content.into(),
            tool_call_id: message.tool_call_id.clone().unwrap_or_default(),
        }),
        Role::Assistant => {
            let calls: Vec<_> = message.tool_calls.iter().map(|c| call(c, names)).collect();
            let text = || ChatCompletionRequestAssistantMessageContent::Text(content.to_string());
            ChatCompletionRequestMessage::Assistant(ChatCompletionRequestAssistantMessage {
                content: (!content.is_empty() || calls.is_empty()).then(text),
                tool_calls: (!calls.is_empty()).then_some(calls),
                ..ChatCompletionRequestAssistantMessage::default()
            })
        }
    }
}

/// The arguments of a call as text; what was no JSON goes back as it came.
pub(super) fn arguments(call: &ToolCall) -> String {
    match &call.arguments {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn call(call: &ToolCall, names: &Names) -> ChatCompletionMessageToolCalls {
    let arguments = arguments(call);
    ChatCompletionMessageToolCalls::Function(ChatCompletionMessageToolCall {
        id: call.id.clone(),
        function: FunctionCall { name: names.legal(&call.name).to_string(), arguments },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_demanded_of_a_model_that_answered_without_one() {
        let tool = ToolSpec {
            name: "f".to_string(),
            description: String::new(),
            input: json!({}),
            output: json!({}),
            effect: agent_core::tool::Effect::Reads,
        };
        let mut request = Request {
            call: 0,
            messages: vec![Message::user("task").into()],
            prefix: String::new(),
            form: Form::Act(vec![tool.into()]),
            max_tokens: 1,
            reasoning: 0,
        };
        assert!(!must_call(&request));
        request.messages.extend([Message::assistant("7"), Message::user("no")].map(Arc::new));
        assert!(must_call(&request));
        request.form = Form::Calls(Vec::new());
        assert!(!must_call(&request));
    }

    #[test]
    fn strict_schemas_are_told_from_others() {
        let sound = json!({
            "type": "object",
            "properties": {
                "answer": { "type": "string" },
                "sources": { "type": "array", "items": { "type": "string", "enum": ["a", {}] } },
            },
            "required": ["answer", "sources"],
            "additionalProperties": false,
        });
        assert!(strict(&sound));
        let mut optional = sound.clone();
        optional["required"] = json!(["answer"]);
        assert!(!strict(&optional));
        let mut open = sound.clone();
        open["properties"]["sources"]["items"] = json!({ "type": "object" });
        assert!(!strict(&open));
    }
}
