//! What comes of a call: it was done by then, so what came is shown, in whatever form.

use serde_json::json;

use super::{pinned, says};
use crate::place::{call, say};

/// What the model was told of a call of `it.work`, when its server says this.
fn told(server: serde_json::Value) -> String {
    let place = says(&server, &[call([("it.work", json!({"n": 1}))]), say("done")]);
    pinned(&place);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains("\"status\":\"ok\""), "{ran}");
    ran.observations().remove(0)
}

#[test]
fn a_result_that_is_not_what_its_schema_says_is_shown_with_a_remark() {
    let promised = json!({
        "type": "object",
        "properties": {"sum": {"type": "integer"}},
        "required": ["sum"],
    });
    let tool = json!([{"name": "work", "outputSchema": promised}]);
    let with = |result| told(json!({"tools": tool, "results": {"work": result}}));
    insta::assert_snapshot!(with(json!({"structuredContent": {"sum": "two"}})), @r#"
    two
    [this is not what the tool said that it gives: `sum` must be an integer, not a string]
    "#);
    insta::assert_snapshot!(with(json!({"content": [{"type": "text", "text": "two"}]})), @r#"
    two
    [this is not what the tool said that it gives: it must be an object, not a string]
    "#);
    // Text that holds what was promised is that.
    let text = json!({"content": [{"type": "text", "text": "{\"sum\": 2}"}]});
    assert_eq!(with(text), "{\"sum\":2}");
}

#[test]
fn a_result_of_no_form_at_all_is_shown() {
    let with = |result| told(json!({"tools": [{"name": "work"}], "results": {"work": result}}));
    assert_eq!(with(json!({"structuredContent": {"n": 1}})), "{\"n\":1}");
    assert_eq!(with(json!({"answer": 4})), "{\"answer\":4}");
    assert_eq!(with(json!({"content": [{"kind": "odd"}]})), "{\"kind\":\"odd\"}");
    assert_eq!(with(json!("bare")), "bare");
    assert_eq!(with(json!({})), "[the server gave back nothing]");
}

/// A text that asks in a server's place would be taken for errand.
#[test]
fn a_server_that_asks_a_person_or_a_model_is_refused_and_the_model_told() {
    let form = json!({"type": "object", "properties": {"order": {"type": "string"}}});
    let asks = json!([
        {"method": "elicitation/create", "params": {"message": "Which order?", "requestedSchema": form}},
        {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 9}},
    ]);
    let text = told(json!({"tools": [{"name": "work"}], "asks": asks}));
    assert!(text.contains("\"action\": \"decline\""), "{text}");
    assert!(text.contains("errand lends no model to a server: sampling is not offered"), "{text}");
    let (_, remark) = text.split_once('\n').unwrap();
    assert!(remark.contains("wanted to ask a person `Which order?`"), "{text}");
    assert!(remark.contains("`ask.person`"), "{text}");
    assert!(remark.contains("wanted a model's answer"), "{text}");
}

#[test]
fn a_server_of_a_revision_without_a_handshake() {
    let text = told(
        json!({"tools": [{"name": "work", "inputSchema": {"type": "object"}}], "later": true}),
    );
    assert_eq!(text, "{\"called\": \"work\", \"with\": {\"n\": 1}}");
}

#[test]
fn a_server_that_says_that_its_list_changed_and_gives_the_same() {
    let server = json!({"tools": [{"name": "work"}], "changes": true});
    let twice = [call([("it.work", json!({"n": 1}))]), call([("it.work", json!({"n": 2}))])];
    let place = says(&server, &[&twice[..], &[say("done")]].concat());
    pinned(&place);
    let ran = place.run();
    assert_eq!(ran.observations().len(), 2, "{ran}");
    assert!(ran.observations()[1].contains("\"n\": 2"), "{ran}");
}

#[test]
fn an_image_stands_beside_the_text_and_one_of_wrong_base64_is_named() {
    // The first bytes of a PNG, in base64.
    let content = json!([
        {"type": "text", "text": "two charts"},
        {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"},
        {"type": "image", "data": "iVBORw0KGgo", "mimeType": "image/png"},
    ]);
    let server = json!({"tools": [{"name": "work"}], "results": {"work": {"content": content}}});
    let place = says(&server, &[call([("it.work", json!({"n": 1}))]), say("done")]);
    pinned(&place);
    let ran = place.run();
    assert_eq!(
        ran.observations(),
        ["two charts\n[image/png, 8 bytes]\n[image/png, not shown: its data is no base64]"]
    );
    let seen = ran.lines().into_iter().find(|line| line["type"] == "observation").unwrap();
    assert_eq!(seen["parts"][0]["origins"], json!([{"server": "it"}]));
    assert_eq!(seen["parts"].as_array().unwrap().len(), 1, "{seen}");
}
