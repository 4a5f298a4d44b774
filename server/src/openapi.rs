//! What this server is asked and answers, as an OpenAPI 3.1 document. The forms of runs are those that the
//! program reads and writes; of OpenAI's API it says which parameters are needed, and its own
//! documentation says the rest.

use axum::Json;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::launcher::Look;
use crate::runs::{Agents, ApproveBody, CreateBody, ReplyBody, RunList};
use crate::session::Session;
use crate::status::Status;

pub(crate) async fn show() -> Json<Value> {
    Json(document())
}

/// The OpenAPI 3.1 document of this server.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut forms = settings.into_generator();
    let mut paths = Map::new();
    health(&mut paths);
    page(&mut paths, &mut forms);
    openai(&mut paths);
    runs(&mut paths, &mut forms);
    paths.insert("/v1/triggers/{name}".to_string(), json!({ "post": fired() }));
    a2a(&mut paths);
    let mut schemas = forms.take_definitions(true);
    schemas.insert("Error".to_string(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "errand serve", "version": env!("CARGO_PKG_VERSION"),
            "description": "OpenAI's API over this machine's models, and runs of agents.",
            "license": { "name": "Apache-2.0 OR MIT" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

fn error() -> Value {
    let text = json!({ "type": ["string", "null"] });
    json!({
        "type": "object", "required": ["error"],
        "properties": { "error": {
            "type": "object", "required": ["message", "type", "param", "code"],
            "properties": {
                "message": { "type": "string" }, "type": { "type": "string" },
                "param": text, "code": text,
            },
        }},
    })
}

/// An operation: what it does, and its answers by status.
fn operation(id: &str, summary: &str, answers: &[(&str, &str, Value)]) -> Value {
    let mut responses = Map::new();
    for (status, kind, schema) in answers {
        let content = json!({ *kind: { "schema": schema } });
        responses.insert(status.to_string(), json!({ "description": summary, "content": content }));
    }
    let problem =
        json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
    responses.insert(
        "default".to_string(),
        json!({ "description": "A refusal or a failure.", "content": problem }),
    );
    json!({ "operationId": id, "summary": summary, "responses": responses })
}

/// With this body.
fn taking(mut operation: Value, schema: &Value) -> Value {
    let content = json!({ "application/json": { "schema": schema } });
    operation["requestBody"] = json!({ "required": true, "content": content });
    operation
}

/// With these parameters.
fn with(mut operation: Value, parameters: Value) -> Value {
    operation["parameters"] = parameters;
    operation
}

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";
const PLAIN: &str = "text/plain";

fn health(paths: &mut Map<String, Value>) {
    let text = || json!({ "type": "string" });
    let mut open = |path: &str, id, summary| {
        let mut operation = operation(id, summary, &[("200", PLAIN, text())]);
        operation["security"] = json!([]);
        paths.insert(path.to_string(), json!({ "get": operation }));
    };
    open("/healthz", "live", "Whether the server lives.");
    open("/readyz", "ready", "Whether the server takes requests.");
    let metrics = operation(
        "metrics",
        "What the server has done, for Prometheus.",
        &[("200", PLAIN, text())],
    );
    paths.insert("/metrics".to_string(), json!({ "get": metrics }));
    let document =
        operation("document", "This document.", &[("200", JSON, json!({ "type": "object" }))]);
    paths.insert("/openapi.json".to_string(), json!({ "get": document }));
}

fn page(paths: &mut Map<String, Value>, forms: &mut SchemaGenerator) {
    let text = json!({ "type": "string" });
    let mut page = operation("page", "The page for people.", &[("200", "text/html", text)]);
    page["security"] = json!([]);
    paths.insert("/".to_string(), json!({ "get": page }));
    let session = forms.subschema_for::<Session>().to_value();
    let summary =
        "A key for the ticket of the link that `errand serve` prints, which is sent as a token is.";
    let session = operation("openSession", summary, &[("200", JSON, session)]);
    let mut close = operation("closeSession", "Ends what a ticket was taken for.", &[]);
    close["responses"]["204"] = json!({ "description": "The key opens nothing any more." });
    paths.insert("/v1/session".to_string(), json!({ "post": session, "delete": close }));
    let status = forms.subschema_for::<Status>().to_value();
    let summary = "What the server and its models do at this moment.";
    let status = operation("status", summary, &[("200", JSON, status)]);
    paths.insert("/v1/status".to_string(), json!({ "get": status }));
}

/// What an image of a request is.
const IMAGES: &str = "Each is a data URL, `data:image/png;base64,…`, of a PNG, JPEG, GIF or WebP image of at \
    most 5 MiB, at most 20 a request with 20 MiB together; an address is refused, and never fetched.";

fn openai(paths: &mut Map<String, Value>) {
    let object = || json!({ "type": "object" });
    let model = json!({
        "type": "object",
        "required": ["id", "object", "created", "owned_by", "context_window", "input_modalities"],
        "properties": {
            "id": { "type": "string" }, "object": { "const": "model" },
            "created": { "type": "integer" }, "owned_by": { "type": "string" },
            "context_window": {
                "type": "integer", "description": "Tokens that it holds; 0 where that is not known.",
            },
            "input_modalities": {
                "type": "array", "items": { "enum": ["text", "image"] },
                "description": "What it takes. Anything else is refused.",
            },
        },
    });
    let all = json!({
        "type": "object", "required": ["object", "data"],
        "properties": { "object": { "const": "list" }, "data": { "type": "array", "items": model } },
    });
    let list = operation("listModels", "The models that can be asked.", &[("200", JSON, all)]);
    paths.insert("/v1/models".to_string(), json!({ "get": list }));
    let show = operation("showModel", "One model.", &[("200", JSON, model)]);
    let name = json!([{
        "name": "model", "in": "path", "required": true,
        "schema": { "type": "string", "minLength": 1 },
    }]);
    paths.insert("/v1/models/{model}".to_string(), json!({ "get": with(show, name) }));
    let texts = || json!({ "type": ["string", "array"], "minLength": 1, "minItems": 1 });
    let mut items = texts();
    items["description"] = json!(format!(
        "Where the model takes images, a user's message and what a call gave back may hold them as parts \
         `input_image`. {IMAGES}"
    ));
    let asked = [
        (
            "/v1/chat/completions",
            "chat",
            "A reply to a conversation.",
            "messages",
            json!({
                "type": "array", "minItems": 1, "items": { "type": "object" },
                "description": format!("Where the model takes images, a user's message may hold them as \
                    parts `image_url`. {IMAGES}"),
            }),
        ),
        ("/v1/completions", "complete", "A text goes on.", "prompt", texts()),
        ("/v1/responses", "respond", "A reply, as the newer API has it.", "input", items),
        ("/v1/embeddings", "embed", "Texts as vectors.", "input", texts()),
    ];
    for (path, id, summary, needed, kind) in asked {
        let body = json!({
            "type": "object", "required": ["model", needed],
            "properties": { "model": { "type": "string" }, needed: kind },
        });
        let mut answers = vec![("200", JSON, object())];
        if id != "embed" {
            answers.push(("200", STREAM, json!({ "type": "string" })));
        }
        let operation = taking(operation(id, summary, &answers[..1]), &body);
        let mut operation = operation;
        for (status, kind, schema) in &answers[1..] {
            operation["responses"][*status]["content"][*kind] = json!({ "schema": schema });
        }
        paths.insert(path.to_string(), json!({ "post": operation }));
    }
}

fn runs(paths: &mut Map<String, Value>, forms: &mut SchemaGenerator) {
    let look = forms.subschema_for::<Look>().to_value();
    let agents = forms.subschema_for::<Agents>().to_value();
    let list = forms.subschema_for::<RunList>().to_value();
    let create = forms.subschema_for::<CreateBody>().to_value();
    let approve = forms.subschema_for::<ApproveBody>().to_value();
    let reply = forms.subschema_for::<ReplyBody>().to_value();
    let id = json!([{
        "name": "id", "in": "path", "required": true,
        "schema": { "type": "string", "pattern": "^[A-Za-z0-9_]{1,64}$" },
    }]);
    let one = |status: &'static str, name: &str, summary: &str| {
        operation(name, summary, &[(status, JSON, look.clone())])
    };
    let shown = operation("listAgents", "The agents that can be run.", &[("200", JSON, agents)]);
    paths.insert("/v1/agents".to_string(), json!({ "get": shown }));

    let mut start = taking(one("201", "createRun", "A run begins."), &create);
    start["responses"]["200"] = start["responses"]["201"].clone();
    start["parameters"] = json!([{
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "The same request with the same key begins one run.",
        "schema": { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$" },
    }]);
    let listed = operation("listRuns", "The latest runs, newest first.", &[("200", JSON, list)]);
    let query = |name: &str, description: &str, schema: Value| {
        json!({
            "name": name, "in": "query", "required": false, "description": description,
            "schema": schema,
        })
    };
    let text = || json!({ "type": "string" });
    let limit = json!([
        query(
            "limit",
            "The most runs.",
            json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 }),
        ),
        query("agent", "Those of this agent.", text()),
        query("status", "Those of this status.", text()),
        query(
            "before_ms",
            "Those that began before this moment, in milliseconds since 1970.",
            json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        ),
    ]);
    paths.insert("/v1/runs".to_string(), json!({ "get": with(listed, limit), "post": start }));
    let show = with(one("200", "showRun", "How a run stands."), id.clone());
    paths.insert("/v1/runs/{id}".to_string(), json!({ "get": show }));

    let outcome =
        operation("showOutcome", "What came of a run, as a file.", &[("200", JSON, json!({}))]);
    paths.insert("/v1/runs/{id}/outcome".to_string(), json!({ "get": with(outcome, id.clone()) }));
    let report = operation(
        "showReport",
        "The report of a research, as a file.",
        &[("200", "text/markdown", text())],
    );
    let mut report = with(report, id.clone());
    if let Value::Array(parameters) = &mut report["parameters"] {
        let formats = json!({ "enum": ["md", "html", "json", "bib", "csl"], "default": "md" });
        parameters.push(query("format", "How it is written.", formats));
    }
    paths.insert("/v1/runs/{id}/report".to_string(), json!({ "get": report }));

    let stream = json!({ "type": "string" });
    let follow = operation(
        "followRun",
        "The events of a run as they come, then its state. Each has its number as its id.",
        &[("200", STREAM, stream)],
    );
    let mut follow = with(follow, id.clone());
    if let Value::Array(parameters) = &mut follow["parameters"] {
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "description": "Goes on after this event.",
            "schema": { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u64 },
        }));
    }
    paths.insert("/v1/runs/{id}/events".to_string(), json!({ "get": follow }));

    let posted = [
        ("cancel", one("200", "cancelRun", "A run ends for good.")),
        ("resume", one("202", "resumeRun", "A run that was interrupted goes on.")),
        ("approval", taking(one("202", "approve", "Yes or no to what a run waits for."), &approve)),
        ("reply", taking(one("202", "reply", "The answer to a run's question."), &reply)),
    ];
    for (name, operation) in posted {
        let operation = with(operation, id.clone());
        paths.insert(format!("/v1/runs/{{id}}/{name}"), json!({ "post": operation }));
    }
}

/// Agents for other agents. What is in their messages is the protocol's to say.
fn a2a(paths: &mut Map<String, Value>) {
    let object = || json!({ "type": "object" });
    let name = json!([{
        "name": "agent", "in": "path", "required": true,
        "schema": { "type": "string", "minLength": 1 },
    }]);
    let card = "/.well-known/agent-card.json";
    let only = operation("agentCard", "The card of the only agent.", &[("200", JSON, object())]);
    paths.insert(card.to_string(), json!({ "get": only }));
    let one = operation("showAgentCard", "The card of an agent.", &[("200", JSON, object())]);
    let one = json!({ "get": with(one, name.clone()) });
    paths.insert(format!("/a2a/{{agent}}{card}"), one);
    let message = json!({
        "type": "object", "required": ["jsonrpc", "id", "method"],
        "properties": {
            "jsonrpc": { "const": "2.0" }, "id": { "type": ["string", "integer"] },
            "method": {
                "enum": ["message/send", "message/stream", "tasks/get", "tasks/cancel", "tasks/resubscribe"],
            },
            "params": object(),
        },
    });
    let summary = "A message of the Agent2Agent protocol, and its answer.";
    let mut asked = taking(operation("askAgent", summary, &[("200", JSON, object())]), &message);
    asked["responses"]["200"]["content"][STREAM] = json!({ "schema": { "type": "string" } });
    paths.insert("/a2a/{agent}".to_string(), json!({ "post": with(asked, name) }));
}

/// A webhook: let in by its signature.
fn fired() -> Value {
    let run = json!({
        "type": "object", "properties": { "run": { "type": "string" } }, "required": ["run"],
    });
    let summary = "A signed request begins a run, or names the one that it began before.";
    let mut operation = operation("fireTrigger", summary, &[("202", JSON, run)]);
    operation["responses"]["200"] = operation["responses"]["202"].clone();
    operation["security"] = json!([]);
    operation["requestBody"] = json!({ "content": { "*/*": { "schema": {} } } });
    let header = |name: &str| json!({ "name": name, "in": "header", "required": false, "schema": { "type": "string" } });
    operation["parameters"] = json!([
        { "name": "name", "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } },
        header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"),
        header("x-hub-signature-256"),
    ]);
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_string));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_form_is_a_schema() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert!(schemas.contains_key("Look") && schemas.contains_key("CreateBody"), "{schemas:?}");
        for (name, schema) in schemas {
            assert!(jsonschema::meta::is_valid(schema), "{name}: {schema}");
        }
        let ids: Vec<&Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .map(|operation| &operation["operationId"])
            .collect();
        let unique: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }
}
