//! Servers that refuse: what is sent otherwise, what is learned, and what a person is told to change.

use agent_core::agent::Protocol;
use agent_core::quirks::{AnswerFormat, Quirks};

use super::*;

fn refused(text: &'static str) -> Answer {
    Answer::Status(400, &[], text)
}

#[tokio::test]
async fn an_option_that_is_refused_is_sent_otherwise_and_remembered() {
    let server = Server::start([
        refused(r#"{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."}}"#),
        refused(r#"{"error":{"message":"'temperature' does not support 0","param":"temperature"}}"#),
        hello(),
        hello(),
    ])
    .await;
    let mut options = server.options();
    options.temperature = Some(0.0);
    let model = OpenAi::new(options.clone()).unwrap();
    let reply = model.think(&free(), &mut |_| {}).await.unwrap();
    assert_eq!((reply.content.as_str(), reply.notes.len()), ("Hello", 2));
    assert!(reply.notes[1].contains("`temperature = false`"), "{:?}", reply.notes);
    // Another agent at the same endpoint knows it too.
    let reply = think(options, &free()).await.0.unwrap();
    assert_eq!(reply.notes, Vec::<String>::new());
    let last = &server.asked()[3];
    assert_eq!((&last["max_completion_tokens"], &last["temperature"]), (&json!(50), &Value::Null));
    assert_eq!(last["max_tokens"], Value::Null);
}

#[tokio::test]
async fn a_schema_that_is_refused_is_told_in_words() {
    let no = || refused(r#"{"error":{"message":"This response_format type is unavailable now"}}"#);
    let server = Server::start([no(), no(), hello()]).await;
    let schema = json!({ "type": "integer" });
    server.ask(&request(Form::Json(schema))).await.0.unwrap();
    let asked = server.asked();
    assert_eq!(asked[1]["response_format"], json!({ "type": "json_object" }));
    assert_eq!(asked[2]["response_format"], Value::Null);
    for asked in &asked[1..] {
        let told = asked["messages"][1]["content"].as_str().unwrap();
        assert!(told.contains(r#"{"type":"integer"}"#), "{told}");
    }
}

#[tokio::test]
async fn what_somebody_said_of_an_endpoint_holds_from_the_start() {
    let server = Server::start([hello()]).await;
    let mut options = server.options();
    options.quirks = Quirks {
        stream_options: Some(false),
        most_tokens: Some(7),
        response_format: Some(AnswerFormat::Words),
        system: Some(false),
        ..Quirks::default()
    };
    think(options, &request(Form::Json(json!({})))).await.0.unwrap();
    let asked = &server.asked()[0];
    assert_eq!((&asked["max_tokens"], &asked["stream_options"]), (&json!(7), &Value::Null));
    assert_eq!(asked["response_format"], Value::Null);
    assert_eq!(asked["messages"].as_array().unwrap().len(), 1);
}

/// Whatever it refuses, there is an end.
#[tokio::test]
async fn a_server_that_refuses_everything() {
    let all =
        r#"{"error":"temperature max_tokens stream_options system role not supported content"}"#;
    let server = Server::start((0..40).map(|_| refused(all))).await;
    let error = server.ask(&free()).await.0.unwrap_err();
    assert!(matches!(error, ModelError::Refused { .. }), "{error}");
    assert!(server.asked().len() < 20);
}

#[tokio::test]
async fn what_a_model_holds_is_learned() {
    let long = |text: &str| {
        let mut request = free();
        request.messages[1] = Message::user(text).into();
        request
    };
    for (answer, context) in [
        (
            refused(
                r#"{"error":{"message":"This model's maximum context length is 700 tokens."}}"#,
            ),
            700,
        ),
        (refused(r#"{"error":{"message":"too long","n_prompt_tokens":1200,"n_ctx":800}}"#), 800),
        (Answer::Status(413, &[], ""), 512),
    ] {
        let server = Server::start([answer]).await;
        let model = OpenAi::new(server.options()).unwrap();
        let request = long(&"word ".repeat(300));
        let error = model.think(&request, &mut |_| {}).await.unwrap_err();
        assert!(matches!(error, ModelError::TooLong { .. }), "{error}");
        assert_eq!(model.traits().context, context);
        assert!(request.tokens(&model) + 50 > context.into(), "what was refused does not fit");
    }
}

#[tokio::test]
async fn an_error_says_what_to_change() {
    let listed = Answer::Raw(r#"{"data":[{"id":"small"},{"id":"m"},{"id":"large"}]}"#.to_string());
    let no_model = Answer::Status(404, &[], r#"{"error":{"message":"model `m` not found"}}"#);
    for (answers, said) in [
        (vec![Answer::Status(401, &[], "no")], "hint: the endpoint wants a key"),
        (vec![no_model, listed], "hint: the endpoint has `small`, `large`: name another"),
        (vec![refused("what?")], "hint: the endpoint does not take what was sent"),
        (
            vec![Answer::Status(308, &[("location", "https://x.org/v1/chat/completions")], "")],
            "`base_url = \"https://x.org/v1\"`",
        ),
        (vec![refused("m does not support tools")], "hint: the model takes no tools"),
    ] {
        let server = Server::start(answers).await;
        let error = server.ask(&free()).await.0.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    for status in [401, 403] {
        let server = Server::start([Answer::Status(status, &[], "no")]).await;
        let error = server.ask(&free()).await.0.unwrap_err();
        assert!(matches!(error, ModelError::Key { status: told, .. } if told == status), "{error}");
    }
    let server = Server::start([]).await;
    let mut options = server.options();
    options.base_url = options.base_url.replace("/v1", "");
    let error = think(options, &free()).await.0.unwrap_err().to_string();
    assert!(error.contains("/v1\"`"), "{error}");
}

/// As LiteLLM passes on what dasLLAMA says, with "model" and "unknown" in it.
#[tokio::test]
async fn a_protocol_that_an_endpoint_does_not_speak() {
    let unknown = Answer::Status(
        404,
        &[],
        r#"{"error":{"message":"unknown endpoint: /v1/responses. model group 'small' failed"}}"#,
    );
    let server = Server::start([unknown]).await;
    let options = RemoteOptions { protocol: Protocol::Responses, ..server.options() };
    let error = think(options, &free()).await.0.unwrap_err().to_string();
    assert!(error.contains("leave `protocol = \"responses\"` out"), "{error}");
}

#[tokio::test]
async fn https_where_a_server_speaks_http() {
    let server = Server::start([]).await;
    let mut options = server.options();
    options.base_url = options.base_url.replace("http:", "https:");
    options.retries = 0;
    let error = think(options, &free()).await.0.unwrap_err().to_string();
    assert!(error.contains("hint: ") && error.contains("`base_url = \"http://"), "{error}");
}

#[tokio::test]
async fn an_error_in_a_stream_is_tried_again_where_it_passes() {
    let busy = Answer::Events(vec![json!({ "error": { "message": "busy", "code": 429 } })]);
    let server = Server::start([busy, hello()]).await;
    assert_eq!(server.ask(&free()).await.0.unwrap().content, "Hello");
    let broke =
        || Answer::Events(vec![json!({ "object": "error", "message": "it broke", "code": 500 })]);
    let (error, asked) = unavailable(vec![broke(), broke(), broke()]).await;
    assert!(error.ends_with("did not answer: it broke") && asked == 3, "{error}");
}

/// The connection stays open, or breaks, once everything was said.
#[tokio::test]
async fn what_follows_a_whole_reply_is_not_waited_for() {
    let server = Server::start([Answer::Half(vec![text("Hello"), end("stop")])]).await;
    assert_eq!(server.ask(&free()).await.0.unwrap().content, "Hello");
}
