//! What a model thinks before it replies.

use std::sync::Arc;

use agent_core::model::{Form, Reply, Request, Sampling};
use serde_json::json;

use super::sample::{Dice, SMOLLM2, Vocab, engine, request};
use crate::onnx::asking::Asking;
use crate::onnx::decode::Engine;
use crate::onnx::template::Begun;

/// A template that asks whether the model is to think, and says so where it is not: as Qwen3's.
fn asks() -> String {
    format!(
        "{SMOLLM2}{{% if not enable_thinking %}}{{{{ '<think>\\n\\n</think>\\n\\n' }}}}{{% endif %}}"
    )
}

/// A template whose model always thinks.
fn always() -> String {
    format!("{SMOLLM2}{{{{ '<think>\\n' }}}}{{# </think> #}}")
}

fn text(engine: &Engine<Dice>, tokens: &[u32]) -> String {
    let bytes = tokens.iter().flat_map(|&token| engine.tokenizer.bytes(token).to_vec());
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

fn ask(engine: &mut Engine<Dice>, request: &Request) -> (Reply, String, usize) {
    let (mut shown, mut heard) = (String::new(), 0);
    let reply = engine
        .think(request, Asking::default(), Arc::default(), &mut |piece, _| {
            shown.push_str(piece);
            heard += 1;
        })
        .unwrap();
    (reply, shown, heard)
}

#[test]
fn a_turn_begins_after_the_thought_whatever_the_template_does() {
    for source in [asks(), always()] {
        let engine = engine(Vocab::Turns, &source, Sampling::default());
        let asked = request(Form::Text { stop: Vec::new() }, 10);
        let turn = |begun| {
            let tokens = engine.template.tokens(&engine.tokenizer, &asked.messages, &[], begun);
            let text = text(&engine, &tokens.unwrap());
            text.rsplit_once("assistant\n").unwrap().1.to_string()
        };
        assert_eq!(turn(Begun::Reply("The")), "<think>\n\n</think>\n\nThe", "{source}");
        assert_eq!(turn(Begun::Thinking), "<think>\n", "{source}");
        let thought = Begun::Thought("\nHm. <|im_end|>", "The");
        assert_eq!(turn(thought), "<think>\nHm. <|im_end|>\n</think>\n\nThe", "{source}");
        // What was thought makes no marker.
        let tokens =
            |begun| engine.template.tokens(&engine.tokenizer, &asked.messages, &[], begun).unwrap();
        let ends = |tokens: Vec<u32>| {
            let end = engine.tokenizer.marker("<|im_end|>");
            tokens.into_iter().filter(|token| Some(*token) == end).count()
        };
        assert_eq!(ends(tokens(thought)), ends(tokens(Begun::Thinking)), "{source}");
    }
}

#[test]
fn a_thought_has_tokens_of_its_own_and_is_no_part_of_the_reply() {
    let schema = json!({"type": "object", "properties": {"count": {"type": "integer", "minimum": 0, "maximum": 99}}, "required": ["count"]});
    let mut engine = engine(Vocab::Turns, &asks(), Sampling::default());
    let plain = request(Form::Json(schema.clone()), 100);
    let (without, shown, _) = ask(&mut engine, &plain);
    assert_eq!((without.reasoning.as_str(), shown.as_str()), ("", without.content.as_str()));

    let thinks = Request { reasoning: 20, max_tokens: 120, ..plain.clone() };
    let (reply, shown, heard) = ask(&mut engine, &thinks);
    assert!(!reply.reasoning.is_empty(), "{reply:?}");
    // The form holds for what comes after it, and that alone is shown.
    let value: serde_json::Value = serde_json::from_str(&reply.content).unwrap();
    assert!(value["count"].is_u64(), "{reply:?}");
    assert_eq!(shown, reply.content);
    assert!(heard > 2, "a thought is a sign of life");
    let thought = engine.tokenizer.encode(&reply.reasoning).len() as u64;
    assert!(thought <= 20 && reply.usage.output > without.usage.output, "{reply:?}");
    assert!(reply.usage.output <= 120, "{reply:?}");
    // And the cache changes nothing but the price.
    let mut fresh = super::sample::engine(Vocab::Turns, &asks(), Sampling::default());
    let (again, ..) = ask(&mut fresh, &thinks);
    assert_eq!((again.content, again.reasoning), (reply.content, reply.reasoning));
}

#[test]
fn a_choice_and_a_model_that_cannot_do_not_think() {
    let choices = vec!["yes".to_string(), "no".to_string()];
    let mut able = engine(Vocab::Turns, &asks(), Sampling::default());
    let choice = Request { reasoning: 20, ..request(Form::Choice(choices), 30) };
    let (reply, ..) = ask(&mut able, &choice);
    assert!(reply.reasoning.is_empty() && reply.odds.len() == 2, "{reply:?}");

    let mut unable = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let asked = Request { reasoning: 20, ..request(Form::Text { stop: Vec::new() }, 30) };
    let (reply, ..) = ask(&mut unable, &asked);
    assert!(reply.reasoning.is_empty() && reply.notes.len() == 1, "{reply:?}");
}
