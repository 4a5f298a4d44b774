//! A component that somebody else wrote: it describes itself, and uses or abuses each of the
//! host's interfaces as its arguments say.

use serde_json::{Value, json};

mod bindings {
    #![allow(clippy::all)]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "tool" });
}
use bindings::errand::tool::manifest_types::{Effect, Manifest, Secret, ToolSpec, Wants};
use bindings::errand::tool::{files, http, kv, log, progress, tools};

struct Stranger;

impl bindings::Guest for Stranger {
    fn describe() -> Manifest {
        let asked = files::read("docs/a.md").is_ok() || http::get("http://127.0.0.1:9/").is_ok();
        Manifest {
            description: format!("Does what it is told; read while it was asked: {asked}."),
            tools: vec![ToolSpec {
                name: "echo".to_string(),
                description: "Gives back its arguments.".to_string(),
                input: r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#.to_string(),
                output: r#"{"type":"object"}"#.to_string(),
                effect: Effect::Egress,
                idempotent: true,
            }],
            wants: Wants {
                net: vec!["api.example.com".to_string()],
                read: vec![".".to_string()],
                write: vec!["out".to_string()],
                tools: vec!["files.read".to_string()],
                secrets: vec![Secret {
                    name: "API_KEY".to_string(),
                    host: "api.example.com".to_string(),
                    header: "Authorization".to_string(),
                }],
                kv: true,
            },
        }
    }

    fn invoke(tool: String, arguments: String) -> Result<String, String> {
        let arguments: Value = serde_json::from_str(&arguments).map_err(|e| e.to_string())?;
        run(&tool, &arguments).map(|result| result.to_string())
    }
}

fn run(tool: &str, arguments: &Value) -> Result<Value, String> {
    let text = |key: &str| arguments[key].as_str().unwrap_or_default();
    let number = |key: &str| arguments[key].as_u64().unwrap_or_default();
    Ok(match tool {
        "echo" => arguments.clone(),
        "send" => send(arguments)?,
        "get" => answer(http::get(text("url"))?),
        "set" => {
            kv::set(text("key"), text("value").as_bytes())?;
            json!("set")
        }
        "value" => json!(kv::get(text("key"))?.map(|it| String::from_utf8_lossy(&it).into_owned())),
        "delete" => {
            kv::delete(text("key"))?;
            json!("deleted")
        }
        "keys" => json!(kv::keys()?),
        // Sets until the host says no: how often it did not, and what it said.
        "fill" => {
            let value = vec![b'v'; number("bytes") as usize];
            for count in 0..number("keys") {
                if let Err(refusal) = kv::set(&format!("key {count}"), &value) {
                    return Ok(json!([count, refusal]));
                }
            }
            json!([number("keys"), null])
        }
        "flood" => {
            let times = arguments["times"].as_u64().unwrap_or(u64::MAX);
            for count in 0..times {
                match text("import") {
                    "log" => log::write(log::Level::Info, text("text")),
                    "progress" => progress::report(count, None, text("text")),
                    "kv" => drop(kv::get("key")),
                    "http" => drop(http::get("not a url")),
                    "files" => drop(files::roots()),
                    _ => drop(tools::call("t", "not json")),
                }
            }
            json!("done")
        }
        "call" => {
            let result = tools::call(text("tool"), &arguments["arguments"].to_string())?;
            serde_json::from_str(&result).map_err(|e| e.to_string())?
        }
        "say" => return Err(text("words").to_string()),
        "carry" => {
            files::write("out/big", &vec![0; number("bytes") as usize])?;
            json!("carried")
        }
        "spin" => loop {
            std::hint::black_box(0);
        },
        _ => return Err(format!("this component has no tool `{tool}`")),
    })
}

/// `{"method", "url", "texts": {name: value}, "secrets": {header: name}, "body"}`
fn send(arguments: &Value) -> Result<Value, String> {
    let header = |name: &str, value| http::Header { name: name.to_string(), value };
    let pairs = |key: &str| arguments[key].as_object().cloned().unwrap_or_default();
    let mut headers = Vec::new();
    for (name, value) in pairs("texts") {
        let value = value.as_str().unwrap_or_default().to_string();
        headers.push(header(&name, http::HeaderValue::Text(value)));
    }
    for (name, secret) in pairs("secrets") {
        let secret = secret.as_str().unwrap_or_default().to_string();
        headers.push(header(&name, http::HeaderValue::Secret(secret)));
    }
    let request = http::Request {
        method: arguments["method"].as_str().unwrap_or("GET").to_string(),
        url: arguments["url"].as_str().unwrap_or_default().to_string(),
        headers,
        body: arguments["body"].as_str().map(|body| body.as_bytes().to_vec()),
    };
    http::send(&request).map(answer)
}

fn answer(answer: http::Response) -> Value {
    json!({
        "status": answer.status,
        "url": answer.url,
        "type": answer.content_type,
        "body": String::from_utf8_lossy(&answer.body),
    })
}

bindings::export!(Stranger with_types_in bindings);
