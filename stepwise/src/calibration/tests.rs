//! What a calibration file has to say, and that a model without one decides at one half.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::measured::{DECISIONS, Example, agent, at};
use super::*;
use crate::Stage;
use agent_core::strategy::Next;

const MODEL: &str = "qwen2.5-coder-1.5b";

fn model(name: &str, change: impl Fn(&mut Value)) -> ModelConfig {
    let mut model = json!({
        "provider": "onnx", "name": name, "path": null, "base_url": null, "api_key": null,
        "sampling": { "temperature": 0.0, "top_p": 1.0, "seed": 0 }, "max_tokens": 100,
        "device": "cpu", "timeout": { "secs": 1, "nanos": 0 }, "fallback": [], "price": null
    });
    change(&mut model);
    serde_json::from_value(model).unwrap()
}

fn sets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/calibration")
}

#[test]
fn each_file_can_be_read_and_names_every_decision() {
    for text in FILES {
        // An unknown name, and one that is missing, are errors.
        let calibration = Calibration::read(text).unwrap();
        assert!(models().any(|name| name == calibration.model), "{}", calibration.model);
    }
    assert!(Calibration::read(&FILES[0].replace("\nown = ", "\nowns = ")).is_err());
    let own = FILES[0].lines().find(|line| line.starts_with("own = ")).unwrap_or_default();
    assert!(!own.is_empty() && Calibration::read(&FILES[0].replace(own, "")).is_err());
}

#[test]
fn a_model_without_a_file_decides_at_one_half() {
    let calibrated = of(&model(MODEL, |_| {})).map(|calibration| &calibration.thresholds);
    assert!(calibrated.is_some_and(|thresholds| *thresholds != NONE));
    for other in [
        model("smollm2-135m", |_| {}),
        model(MODEL, |model| model["provider"] = json!("scripted")),
        model(MODEL, |model| model["path"] = json!("/models/qwen2.5-coder-1.5b")),
        model(MODEL, |model| model["adapter"] = json!("/adapter")),
    ] {
        assert!(of(&other).is_none(), "{other:?}");
    }
    let other = agent("How deep are the wells?").unwrap();
    let mut calibrated = other.clone();
    calibrated.model.name = MODEL.to_string();
    // One question: 0.36 is enough for the one, the likelier word for any other.
    let several = |agent: &Agent, likely: f32| {
        let mut stepwise = at(Stage::Several("wells".to_string()), Vec::new());
        stepwise.several(agent, "wells".to_string(), likely);
        matches!(stepwise.stage, Stage::Calls(_))
    };
    assert!(several(&calibrated, 0.49) && !several(&other, 0.49) && several(&other, 0.51));
    // Two questions that count together: a yes against a no is neither, and the later one decides.
    let undone = |agent: &Agent, acts: f32, leaves: f32| {
        let mut stepwise = at(Stage::Leaves(Value::Null), Vec::new());
        stepwise.acts = Some(acts);
        matches!(stepwise.leaves(agent, json!({}), leaves).next, Next::Stop(_))
    };
    assert!(undone(&other, 0.6, 0.6) && !undone(&calibrated, 0.6, 0.6));
    assert!(undone(&other, 0.6, 0.41) && !undone(&other, 0.6, 0.39) && !undone(&other, 1.0, 0.0));
}

#[test]
fn each_example_can_be_asked_and_each_set_has_both_answers() {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(sets()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let decision = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut counted = [0, 0];
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let example = Example::read(&decision, &line);
            let example = example.unwrap_or_else(|problem| panic!("{decision}: {line}: {problem}"));
            counted[usize::from(example.counts)] += 1;
            // What is asked is about what the example says, and no prompt has it as a worked example.
            let task = line["task"].as_str().unwrap_or_default();
            for question in &example.questions {
                let (last, before) = question.messages.split_last().unwrap();
                assert!(last.content.contains(task), "{decision}: {}", last.content);
                assert!(
                    before.iter().all(|turn| turn.content != last.content),
                    "{decision}: {line}"
                );
            }
        }
        assert!(counted.iter().all(|count| *count >= 12), "{decision}: {counted:?}");
        files.push(decision);
    }
    files.sort_unstable();
    let mut decisions = DECISIONS.to_vec();
    decisions.sort_unstable();
    assert_eq!(files, decisions);
}

#[test]
fn what_is_wrong_with_an_example_is_said() {
    let problem = |decision: &str, line: Value| Example::read(decision, &line).err();
    let own = json!({ "task": "Sum it up.", "answer": "yes" });
    assert_eq!(problem("own", own).as_deref(), Some("`yes` is none of own, data"));
    let looks = json!({ "tool": "lamps.switch: switches", "answer": "look" });
    assert!(problem("looks", looks).is_some_and(|problem| problem.contains("is no tool such as")));
    assert!(problem("looked", json!({})).is_some_and(|problem| problem.contains("no decision")));
}

#[test]
fn two_questions_count_together() {
    let leaves = json!({ "task": "Lock it.", "said": "It is open.", "answer": "undone" });
    let example = Example::read("leaves", &leaves).unwrap();
    assert_eq!(example.questions.len(), 2);
    assert!(example.score(&[0.9, 0.9]) > example.score(&[0.9, 0.2]));
    assert!(example.score(&[0.5, 0.5]).abs() < 1e-6);
    let whole = json!({ "task": "Shorten a.md.", "answer": "whole" });
    let example = Example::read("whole", &whole).unwrap();
    assert!(example.counts && example.score(&[0.2]) > 0.7);
}
