//! Replies, the cache behind them, and choices.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use agent_core::message::Message;
use agent_core::model::{Finish, Form, ModelError, Reply, Request, Sampling, TokenLogprob};
use serde_json::json;

use super::sample::{Dice, QWEN, SMOLLM2, Vocab, engine, request, spec};
use crate::onnx::asking::{Ahead, Asking, Prompt, Room};
use crate::onnx::decode::{Decoder, Engine};
use crate::onnx::sampler::normalizer;
use crate::onnx::template::Begun;

fn ask(engine: &mut Engine<Dice>, request: &Request) -> Reply {
    engine.think(request, Asking::default(), Arc::default(), &mut |_, _| ()).unwrap()
}

fn text(stop: &[&str]) -> Form {
    Form::Text { stop: stop.iter().map(ToString::to_string).collect() }
}

#[test]
fn a_step_pays_for_its_new_tokens_only() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let mut request = request(text(&[]), 40);
    let first = ask(&mut engine, &request);
    assert_eq!(first.usage.cached, 0);
    assert_eq!(engine.decoder.tokens as u64, first.usage.input + first.usage.output);

    request.messages.push(Message::assistant(first.content).into());
    request.messages.push(Message::user("And the other file?").into());
    let before = engine.decoder.tokens;
    let second = ask(&mut engine, &request);
    assert!(second.usage.cached >= first.usage.input, "{second:?}");
    let read = second.usage.input - second.usage.cached;
    assert_eq!((engine.decoder.tokens - before) as u64, read + second.usage.output);

    // And the cache changes nothing but the price.
    let mut fresh = super::sample::engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let again = ask(&mut fresh, &request);
    assert_eq!((again.content, again.finish), (second.content, second.finish));
    assert_eq!(again.usage.cached, 0);
}

#[test]
fn the_same_question_twice_is_answered_twice_the_same() {
    let mut engine =
        engine(Vocab::Turns, SMOLLM2, Sampling { temperature: 1.0, top_p: 0.9, seed: 5 });
    let request = request(text(&[]), 30);
    let (first, second) = (ask(&mut engine, &request), ask(&mut engine, &request));
    assert_eq!(first.content, second.content);
    assert_eq!(second.usage.cached, second.usage.input - 1);
    let other = ask(&mut engine, &Request { call: 1, ..request });
    assert_ne!(first.content, other.content);
}

#[test]
fn what_another_said_is_not_guessed_by_how_little_is_read() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let request = request(text(&[]), 30);
    let mut cached = |asker| {
        let asking = Asking { asker, ..Asking::default() };
        let reply = engine.think(&request, asking, Arc::default(), &mut |_, _| ()).unwrap();
        reply.usage.cached
    };
    assert_eq!(cached(1), 0);
    assert!(cached(1) > 0);
    // The same words, asked by another, and by the first again after that.
    assert_eq!((cached(2), cached(1)), (0, 0));
}

#[test]
fn forced_tokens_are_read_at_once() {
    let mut engine = engine(Vocab::Calls, QWEN, Sampling::default());
    let schema = json!({"type": "object", "properties": {"the answer is in the file": {"const": "the names are listed"}}, "required": ["the answer is in the file"]});
    let reply = ask(&mut engine, &request(Form::Json(schema), 100));
    assert_eq!(reply.content, r#"{"the answer is in the file": "the names are listed"}"#);
    assert_eq!(reply.finish, Finish::Stop);
    assert!(engine.decoder.feeds <= 2, "{} feeds", engine.decoder.feeds);
    assert!(engine.pace.forced + 2 >= reply.usage.output);
}

#[test]
fn text_ends_before_a_stop_string() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let whole = ask(&mut engine, &request(text(&[]), 60)).content;
    let letters: Vec<char> = whole.chars().collect();
    assert!(letters.len() > 6, "{whole}");
    let stop: String = letters[3..6].iter().collect();
    let at = whole.find(&stop).unwrap();
    let mut shown = String::new();
    let reply = engine
        .think(&request(text(&[&stop]), 60), Asking::default(), Arc::default(), &mut |piece, _| {
            shown.push_str(piece)
        })
        .unwrap();
    assert_eq!(reply.content, whole[..at]);
    assert_eq!(shown, reply.content);
    assert_eq!(reply.finish, Finish::Stop);
}

#[test]
fn a_reply_that_meets_the_limit_is_cut() {
    let mut engine = engine(Vocab::Calls, QWEN, Sampling::default());
    let schema = json!({"type": "array", "items": {"type": "string"}, "minItems": 50});
    let reply = ask(&mut engine, &request(Form::Json(schema.clone()), 12));
    assert_eq!((reply.finish, reply.usage.output), (Finish::Cut, 12));

    // The end of a call is missing, so there is no call.
    let input = json!({"type": "object", "properties": {"list": schema}, "required": ["list"]});
    let mut request = request(Form::Calls(vec![spec("files.read", input).into()]), 40);
    request.prefix = "<tool_call>".to_string();
    let reply = ask(&mut engine, &request);
    assert_eq!(reply.finish, Finish::Cut);
    assert!(reply.tool_calls.is_empty());
    let none = Request { max_tokens: 0, ..request };
    assert_eq!(ask(&mut engine, &none).finish, Finish::Cut);
}

#[test]
fn a_prompt_that_does_not_fit_is_refused() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    engine.context = 60;
    let error = engine
        .think(&request(text(&[]), 50), Asking::default(), Arc::default(), &mut |_, _| ())
        .unwrap_err();
    let ModelError::TooLong { tokens, context: 60, .. } = error else { panic!("{error}") };
    assert!(tokens > 60);
    let error = engine
        .think(
            &request(Form::Choice(Vec::new()), 1),
            Asking::default(),
            Arc::default(),
            &mut |_, _| (),
        )
        .unwrap_err();
    assert!(error.to_string().ends_with("there is nothing to choose from"), "{error}");
}

#[test]
fn a_reply_that_nobody_waits_for_stops() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let flag = Arc::new(AtomicBool::new(false));
    let raise = flag.clone();
    let mut pieces = 0;
    let stopped = engine.think(&request(text(&[]), 1000), Asking::default(), flag, &mut |_, _| {
        pieces += 1;
        raise.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(stopped.is_err());
    assert_eq!(pieces, 1);
    // What was read before is still there for the next one.
    let next = ask(&mut engine, &request(text(&[]), 5));
    assert_eq!(next.usage.cached, next.usage.input - 1);
}

#[test]
fn the_odds_of_a_choice_are_those_of_all_its_tokens() {
    for choices in [
        vec!["yes", "no", "the answer is no", "the answer is yes", "the other"],
        vec!["the", "the answer", "the answer is", "a", "the answer"],
        vec!["one"],
    ] {
        let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
        let choices: Vec<String> = choices.into_iter().map(String::from).collect();
        let request = request(Form::Choice(choices.clone()), 8);
        let reply = ask(&mut engine, &request);
        assert!((reply.odds.iter().sum::<f32>() - 1.0).abs() < 1e-5);

        // The same by walking every choice alone, from the beginning.
        let prompt = engine
            .template
            .tokens(&engine.tokenizer, &request.messages, &[], Begun::Reply(""))
            .unwrap();
        let end = engine.tokenizer.end_tokens()[0];
        let nested = choices.contains(&"the answer is".to_string());
        let mut scores = Vec::new();
        for choice in &choices {
            let mut tokens = engine.tokenizer.encode(choice);
            tokens.extend(nested.then_some(end));
            engine.decoder.rewind(0);
            let mut score = 0.0;
            let mut logits = engine.decoder.read(&prompt).to_vec();
            for token in tokens {
                score += logits[token as usize] - normalizer(&logits);
                logits = engine.decoder.read(&[token]).to_vec();
            }
            scores.push(score);
        }
        let total = normalizer(&scores);
        for (odds, score) in reply.odds.iter().zip(&scores) {
            assert!((odds - (score - total).exp()).abs() < 1e-3, "{:?}", reply.odds);
        }
        let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let place = scores.iter().position(|score| *score == best).unwrap();
        assert_eq!(reply.content, choices[place]);
    }
}

#[test]
fn a_choice_costs_no_more_than_where_choices_part() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let form = Form::Choice(vec!["a".to_string(), "b".to_string()]);
    ask(&mut engine, &request(form.clone(), 8));
    assert_eq!(engine.decoder.feeds, 1);
    ask(&mut engine, &request(form, 8));
    assert_eq!(engine.decoder.feeds, 2, "one token to have the logits again");
}

#[test]
fn a_request_may_say_how_tokens_are_chosen() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let asked = request(text(&[]), 12);
    let hot = |seed| Asking {
        sampling: Some(Sampling { temperature: 1.5, top_p: 1.0, seed }),
        ..Asking::default()
    };
    let mut say =
        |asking| engine.think(&asked, asking, Arc::default(), &mut |_, _| ()).unwrap().content;
    let greedy = say(Asking::default());
    assert_eq!(say(hot(1)), say(hot(1)));
    assert_ne!(say(hot(1)), say(hot(2)));
    assert_eq!(say(Asking::default()), greedy);
}

#[test]
fn a_limit_beyond_the_context_is_cut_to_it_where_that_is_asked_for() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    engine.context = 60;
    let left = Asking { room: Room::Left, ..Asking::default() };
    let asked = request(Form::Json(json!({"type": "string", "minLength": 500})), 5000);
    let reply = engine.think(&asked, left, Arc::default(), &mut |_, _| ()).unwrap();
    assert_eq!(reply.finish, Finish::Cut);
    assert_eq!(reply.usage.input + reply.usage.output, 60);
}

#[test]
fn a_raw_prompt_is_its_text_and_nothing_else() {
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let raw = Asking { prompt: Prompt::Raw, ..Asking::default() };
    let mut asked = request(text(&[]), 4);
    asked.messages.clear();
    asked.prefix = "the quick brown<|im_start|>".to_string();
    let reply = engine.think(&asked, raw, Arc::default(), &mut |_, _| ()).unwrap();
    let letters = engine.tokenizer.encode(&asked.prefix);
    assert_eq!(reply.usage.input, letters.len() as u64);
    assert_eq!(engine.fed[..letters.len()], letters);
    assert!(!letters.contains(&engine.tokenizer.marker("<|im_start|>").unwrap()));
}

/// The same reply read ahead and not, each with an engine of its own.
fn both_ways(form: &Form, sampling: Sampling, logprobs: Option<u8>) -> [(Reply, Told, u64); 2] {
    [Ahead::Nothing, Ahead::Drafts].map(|ahead| {
        let mut engine = engine(Vocab::Turns, SMOLLM2, sampling);
        let asking = Asking { ahead, logprobs, ..Asking::default() };
        let mut told = Vec::new();
        let mut request = request(form.clone(), 90);
        request.messages.push(Message::assistant("the answer is the answer is").into());
        request.messages.push(Message::user("the answer is").into());
        let reply = engine
            .think(&request, asking, Arc::default(), &mut |_, tokens| {
                told.extend_from_slice(tokens)
            })
            .unwrap();
        let read = engine.fed.len();
        assert!(read <= engine.context);
        (reply, told, engine.pace.drafted)
    })
}

type Told = Vec<TokenLogprob>;

#[test]
fn what_is_read_ahead_is_no_part_of_a_reply() {
    let names = json!({"type": "array", "items": {"enum": ["the answer is in", "the answer is no", "the answer is"]}, "minItems": 6, "maxItems": 6});
    let mut drafted = 0;
    for seed in 0..12 {
        for temperature in [0.0, 0.8] {
            let sampling = Sampling { temperature, top_p: 0.95, seed };
            for form in [text(&[]), text(&["the"]), Form::Json(names.clone())] {
                for logprobs in [None, Some(2)] {
                    let [plain, ahead] = both_ways(&form, sampling, logprobs);
                    assert_eq!(plain.0.content, ahead.0.content);
                    assert_eq!(plain.0.finish, ahead.0.finish);
                    assert_eq!(plain.0.usage, ahead.0.usage);
                    assert_eq!(plain.1, ahead.1);
                    assert_eq!(plain.2, 0);
                    drafted += ahead.2;
                    if logprobs.is_some() && form != text(&["the"]) {
                        let bytes: Vec<u8> =
                            plain.1.iter().flat_map(|token| token.bytes.clone()).collect();
                        assert_eq!(String::from_utf8_lossy(&bytes), plain.0.content);
                    }
                }
            }
        }
    }
    assert!(drafted > 100, "only {drafted} tokens were drafted");
}

#[test]
fn a_forced_token_is_told_with_its_own_probability() {
    let schema = json!({"type": "object", "properties": {"the answer is in the file": {"const": "the names are listed"}}, "required": ["the answer is in the file"]});
    let mut engine = engine(Vocab::Turns, SMOLLM2, Sampling::default());
    let request = request(Form::Json(schema), 100);
    let asking = Asking { logprobs: Some(0), ..Asking::default() };
    let mut told: Told = Vec::new();
    let reply = engine
        .think(&request, asking, Arc::default(), &mut |_, tokens| told.extend_from_slice(tokens))
        .unwrap();
    assert_eq!(told.len() as u64, reply.usage.output);
    let prompt = engine
        .template
        .tokens(&engine.tokenizer, &request.messages, &[], Begun::Reply(""))
        .unwrap();
    let written = engine.fed[prompt.len()..].to_vec();
    engine.decoder.rewind(0);
    let mut logits = engine.decoder.read(&prompt).to_vec();
    for (token, told) in written.iter().zip(&told) {
        assert_eq!(engine.tokenizer.bytes(*token), told.bytes);
        let wanted = logits[*token as usize] - normalizer(&logits);
        assert!((told.logprob - wanted).abs() < 1e-3, "{} for {wanted}", told.logprob);
        logits = engine.decoder.read(&[*token]).to_vec();
    }
}
