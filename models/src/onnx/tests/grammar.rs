//! What the grammar lets through, letter by letter and by chance.

use agent_core::message::Message;
use agent_core::model::{Finish, Form, Sampling, TokenLogprob};
use serde_json::{Value, json};

use super::sample::{QWEN, SMOLLM2, Vocab, engine, request, spec, tokenizer};
use crate::onnx::asking::Calls;
use crate::onnx::calls::CallFormat;
use crate::onnx::grammar::{Grammars, holds};

/// Whether the whole text can be written and the reply can end there.
fn accepts(form: &Form, vocab: Vocab, text: &str) -> bool {
    accepts_of(form, vocab, text, Calls::Several)
}

fn accepts_of(form: &Form, vocab: Vocab, text: &str, calls: Calls) -> bool {
    let tokenizer = tokenizer(vocab);
    let grammars = Grammars::new(tokenizer.clone()).unwrap();
    let mut rails = grammars.rails(form, CallFormat::Tagged, calls, &tokenizer).unwrap().unwrap();
    // Where the vocabulary has call markers, they are what a model writes.
    for token in tokenizer.encode_marked(text, '\u{E000}') {
        if rails.done() || !rails.allows(token).unwrap() {
            return false;
        }
        rails.take(token).unwrap();
    }
    rails.done() || rails.allows(tokenizer.end_tokens()[0]).unwrap()
}

fn check(schema: Value, good: &[&str], bad: &[&str]) {
    let form = Form::Json(schema.clone());
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert_eq!(holds(&schema), Ok(()));
    for text in good {
        assert!(accepts(&form, Vocab::Turns, text), "{schema} refuses {text}");
        let value: Value = serde_json::from_str(text).unwrap();
        assert!(validator.is_valid(&value), "{schema}: {text}");
    }
    for text in bad {
        assert!(!accepts(&form, Vocab::Turns, text), "{schema} takes {text}");
    }
}

#[test]
fn json_is_held_to_its_schema() {
    check(
        json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"type": "integer"}}, "required": ["a"]}),
        &[r#"{"a": ""}"#, r#"{"a": "xyz"}"#, r#"{"a": "é\"", "b": -12}"#],
        &[
            "",
            "{}",
            r#"{"a": "wxyz"}"#,
            r#"{"b": 1, "a": ""}"#,
            r#"{"a": "" }"#,
            r#"{"a":  ""}"#,
            "{\n\"a\": \"\"}",
            r#"{"a": "", "c": 1}"#,
            r#"{"a": "", "b": 1.5}"#,
            r#"{"a": ""} and more"#,
            r#"{"a": "", "b": 1000000000000000}"#,
        ],
    );
    check(
        json!({"type": "array", "items": {"enum": ["x", 1, null]}, "minItems": 1, "maxItems": 2}),
        &[r#"["x"]"#, "[1, null]"],
        &["[]", r#"["y"]"#, "[1, 1, 1]", "[1,1]"],
    );
    check(
        json!({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 5, "maximum": 7}]}),
        &["true", "6"],
        &["\"true\"", "4", "8"],
    );
    for schema in [json!({}), json!(true), json!({"type": "number"})] {
        check(schema, &["1", "-0.25", "999999999999999"], &["1e999", "-1E5", "10000000000000000"]);
    }
    check(
        json!({"type": "object", "properties": {"a": true, "b": {"type": "array"}}}),
        &[r#"{"a": {"x": [1, null]}, "b": [{}, "y"]}"#],
        &[r#"{"a": {"x": [1e999]}}"#, r#"{"b": [1e999]}"#],
    );
    assert!(holds(&json!({"type": "number", "minimum": 1e20})).is_err());
    check(
        json!({"type": "string", "pattern": "^[a-c]{2}$"}),
        &[r#""ab""#],
        &[r#""a""#, r#""abc""#, r#""dd""#],
    );
}

#[test]
fn schemas_from_rust_types_are_held() {
    check(
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Arguments",
            "type": "object",
            "properties": {
                "path": {"description": "Where.", "type": "string"},
                "limit": {"type": ["integer", "null"], "format": "uint32", "minimum": 0, "default": null},
                "next": {"anyOf": [{"$ref": "#/$defs/Next"}, {"type": "null"}]},
            },
            "required": ["path"],
            "$defs": {"Next": {"type": "object", "properties": {"of": {"type": "number", "format": "double"}}, "required": ["of"], "deprecated": true}},
        }),
        &[
            r#"{"path": "a", "limit": 3, "next": {"of": 1.5}}"#,
            r#"{"path": "a", "limit": null, "next": null}"#,
        ],
        &[r#"{"path": "a", "limit": -3}"#, r#"{"path": "a", "next": {"of": 1, "x": 1}}"#],
    );
}

#[test]
fn joined_schemas_stay_open_for_each_other() {
    check(
        json!({"allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ]}),
        &[r#"{"a": 1, "b": 2}"#],
        &[r#"{"a": 1}"#],
    );
    check(
        json!({
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "anyOf": [{"required": ["a"]}, {"properties": {"b": {"type": "null"}}, "required": ["b"]}],
        }),
        &[r#"{"a": 1}"#, r#"{"b": null}"#],
        &["{}"],
    );
}

#[test]
fn what_cannot_be_held_is_named() {
    let refused = |schema: Value| holds(&schema).unwrap_err();
    assert_eq!(
        refused(json!({"type": "object", "properties": {"x": {"not": {"const": 1}}}})),
        "it cannot hold `not` at `#/properties/x`"
    );
    for (keyword, value) in [
        ("uniqueItems", json!(true)),
        ("contains", json!({})),
        ("if", json!({})),
        ("dependentRequired", json!({})),
        ("unevaluatedProperties", json!(false)),
        ("propertyNames", json!({})),
    ] {
        let told = holds(&json!({"items": {keyword: value}}));
        assert_eq!(told, Err(format!("it cannot hold `{keyword}` at `#/items`")));
    }
    assert_eq!(holds(&json!({"type": "array", "uniqueItems": false})), Ok(()));
    // It compiles, and allows nothing.
    assert_eq!(refused(json!({"$ref": "#"})), "no value satisfies it");
    assert!(refused(json!({"$ref": "https://example.org/x.json"})).contains("`$ref`"));
    assert!(refused(json!({"$ref": "#/$defs/none"})).contains("none"));
    assert!(refused(json!({"type": "string", "pattern": "(?=x)"})).contains("x"));
    assert!(refused(json!({"oneOf": [{"type": "integer"}, {"minimum": 3}]})).contains("oneOf"));
    assert!(
        refused(json!({"type": "integer", "minimum": 5, "maximum": 4})).contains("nsatisfiable")
    );
    assert!(refused(json!("string")).contains("neither"));
    assert_eq!(holds(&json!(true)), Ok(()));
    assert_eq!(holds(&json!({})), Ok(()));
}

#[test]
fn a_tool_that_cannot_be_held_is_held_as_far_as_can_be() {
    let schema = json!({
        "type": "object",
        "properties": {
            "mode": {"enum": ["a", "b"]},
            "tags": {"type": "array", "items": {"type": "integer"}, "uniqueItems": true},
            "id": {"oneOf": [{"type": "integer"}, {"minimum": 3}]},
        },
        "if": {"properties": {"mode": {"const": "a"}}},
        "then": {"required": ["tags"]},
        "required": ["mode"],
    });
    assert!(holds(&schema).is_err());
    for form in [
        Form::Json(schema.clone()),
        Form::Calls(vec![std::sync::Arc::new(spec("send", schema.clone()))]),
    ] {
        let call = |arguments: &str| match form {
            Form::Json(_) => arguments.to_string(),
            _ => format!(
                "<tool_call>\n{{\"name\": \"send\", \"arguments\": {arguments}}}\n</tool_call>"
            ),
        };
        for good in [r#"{"mode": "a", "tags": [1, 1]}"#, r#"{"mode": "b"}"#] {
            assert!(accepts(&form, Vocab::Calls, &call(good)), "{good}");
        }
        for bad in [r#"{"mode": "c"}"#, r#"{"tags": [1]}"#, r#"{"mode": "a", "tags": ["x"]}"#] {
            assert!(!accepts(&form, Vocab::Calls, &call(bad)), "{bad}");
        }
    }
    // Where nothing of it can be held, it is JSON of its kind.
    let none = Form::Json(
        json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 3}}, "required": ["n"]}),
    );
    assert!(accepts(&none, Vocab::Turns, r#"{"n": 4}"#));
    assert!(!accepts(&none, Vocab::Turns, "[4]"));
}

#[test]
fn what_goes_on_without_bounds_can_end() {
    let tree = json!({"anyOf": [{"type": "string"}, {"$ref": "#/properties/tree"}]});
    for (schema, good) in [
        (
            json!({"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["v", "next"]}),
            r#"{"v": 1, "next": {"v": 2, "next": null}}"#,
        ),
        (
            json!({"type": "object", "properties": {"tree": {"type": "object", "properties": {"left": tree, "right": {"anyOf": [{"$ref": "#/properties/tree/properties/left/anyOf/0"}, {"$ref": "#/properties/tree"}]}}, "required": ["left", "right"]}}, "required": ["tree"]}),
            r#"{"tree": {"left": "a", "right": {"left": "b", "right": "c"}}}"#,
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "integer"}}}, "required": ["a"]}),
            r#"{"a": {"x": 1, "y": 2}}"#,
        ),
        (
            json!({"type": "object", "properties": {"a": {"description": "anything"}}, "required": ["a", "b"]}),
            r#"{"a": [1], "b": "x"}"#,
        ),
    ] {
        check(schema, &[good], &["{}"]);
    }
}

fn calls() -> Form {
    let path = json!({"type": "object", "properties": {"path": {"enum": ["a.md", "b.md"]}}, "required": ["path"], "additionalProperties": false});
    Form::Calls(vec![
        spec("files.read", path).into(),
        spec("now", json!({"type": "object", "properties": {}})).into(),
    ])
}

#[test]
fn only_named_tools_can_be_called() {
    for vocab in [Vocab::Turns, Vocab::Calls] {
        let read = "<tool_call>\n{\"name\": \"files.read\", \"arguments\": {\"path\": \"a.md\"}}\n</tool_call>";
        let now = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
        for good in [read, now, &format!("{read}\n{now}"), "It is in the table.", "1 < 2"] {
            assert!(accepts(&calls(), vocab, good), "{good}");
        }
        for bad in [
            "",
            " ",
            &read.replace("files.read", "files.write"),
            &read.replace("a.md", "c.md"),
            &format!("{read}{now}"),
            &format!("{read}\n"),
            &format!("{read}\nand more"),
            "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}",
            "<tool_call>anything</tool_call>",
        ] {
            assert!(!accepts(&calls(), vocab, bad), "{bad}");
        }
    }
}

#[test]
fn a_call_that_must_come_comes() {
    let Form::Calls(specs) = calls() else { panic!() };
    let form = Form::Act(specs);
    for vocab in [Vocab::Turns, Vocab::Calls] {
        let now = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
        assert!(accepts(&form, vocab, now));
        assert!(!accepts(&form, vocab, "It is in the table."));
        assert!(!accepts(&form, vocab, ""));
    }
}

#[test]
fn an_answer_beside_calls_satisfies_its_schema() {
    let Form::Calls(specs) = calls() else { panic!() };
    let answer = json!({"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]});
    let form = Form::CallsOrJson(specs, answer);
    for vocab in [Vocab::Turns, Vocab::Calls] {
        assert!(accepts(&form, vocab, r#"{"answer": 3}"#));
        assert!(accepts(
            &form,
            vocab,
            "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
        ));
        assert!(!accepts(&form, vocab, r#"{"answer": "3"}"#));
        assert!(!accepts(&form, vocab, "It is 3."));
    }
}

/// Whatever the logits say, a whole reply satisfies its schema.
#[test]
fn no_logits_lead_off_the_rails() {
    let schemas = [
        json!({"type": "object", "properties": {"title": {"type": "string", "maxLength": 20}, "count": {"type": "integer", "minimum": 0, "maximum": 99}, "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "maxItems": 4}, "ok": {"type": "boolean"}}, "required": ["title", "count", "tags", "ok"]}),
        json!({"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}, "who": {"type": ["string", "null"], "maxLength": 8}}, "required": ["n", "who"]}, "minItems": 1, "maxItems": 3}),
        json!({"anyOf": [{"const": {"a": [1, 2]}}, {"type": "string", "pattern": "^[a-z]+-[0-9]{3}$"}, {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 100}]}),
        json!({"type": "object", "properties": {"day": {"type": "string", "format": "date"}, "inner": {"$ref": "#/$defs/node"}}, "required": ["day", "inner"], "$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["v", "next"]}}}),
        json!({}),
    ];
    let mut whole = 0;
    for (place, schema) in schemas.iter().enumerate() {
        let validator = jsonschema::validator_for(schema).unwrap();
        for temperature in [0.0, 1.0] {
            let sampling = Sampling { temperature, top_p: 0.98, seed: place as u64 };
            let mut engine = engine(Vocab::Turns, SMOLLM2, sampling);
            for call in 0..25 {
                let mut request = request(Form::Json(schema.clone()), 160);
                request.call = call;
                request.messages[1] = Message::user(format!("Question {call}?")).into();
                let mut shown = String::new();
                let mut on_text = |text: &str, _: &[TokenLogprob]| shown.push_str(text);
                let reply = engine
                    .think(&request, Default::default(), Default::default(), &mut on_text)
                    .unwrap();
                assert_eq!(shown, reply.content);
                if reply.finish == Finish::Cut {
                    assert_eq!(reply.usage.output, 160);
                    continue;
                }
                whole += 1;
                let value: Value = serde_json::from_str(&reply.content).unwrap();
                assert!(validator.is_valid(&value), "{schema}: {value}");
            }
        }
    }
    assert!(whole > 150, "only {whole} of 250 replies came to an end");
}

#[test]
fn no_logits_call_what_was_not_offered() {
    let Form::Calls(specs) = calls() else { panic!() };
    let answer = json!({"type": "object", "properties": {"answer": {"type": "string", "maxLength": 12}}, "required": ["answer"]});
    let valid: Vec<_> =
        specs.iter().map(|spec| jsonschema::validator_for(&spec.input).unwrap()).collect();
    let (mut called, mut answered) = (0, 0);
    for (vocab, source) in [(Vocab::Turns, SMOLLM2), (Vocab::Calls, QWEN)] {
        let sampling = Sampling { temperature: 1.5, top_p: 1.0, seed: 3 };
        let mut engine = engine(vocab, source, sampling);
        for call in 0..100 {
            let form = if call % 2 == 0 {
                calls()
            } else {
                Form::CallsOrJson(specs.clone(), answer.clone())
            };
            let mut request = request(form, 200);
            request.call = call;
            let reply = engine
                .think(&request, Default::default(), Default::default(), &mut |_, _| ())
                .unwrap();
            if reply.finish == Finish::Cut {
                assert!(reply.tool_calls.is_empty());
                continue;
            }
            for (place, call) in reply.tool_calls.iter().enumerate() {
                called += 1;
                assert_eq!(call.id, format!("call-{}", place + 1));
                let tool = specs.iter().position(|spec| spec.name == call.name).unwrap();
                assert!(valid[tool].is_valid(&call.arguments), "{call:?}");
                assert!(reply.content.is_empty());
            }
            answered += usize::from(reply.tool_calls.is_empty());
        }
    }
    assert!(called > 2 && answered > 5, "{called} calls, {answered} answers");
}

#[test]
fn a_reply_may_be_held_to_one_call() {
    let form = Form::Act(vec![spec("now", json!({"type": "object"})).into()]);
    let now = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
    let twice = format!("{now}\n{now}");
    for (calls, both) in [(Calls::Several, true), (Calls::One, false)] {
        assert!(accepts_of(&form, Vocab::Calls, now, calls), "{calls:?}");
        assert_eq!(accepts_of(&form, Vocab::Calls, &twice, calls), both, "{calls:?}");
    }
}
