//! What is said to the model: the rules and worked examples of `prompts.toml`, filled in.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::each::shown;
use super::{FINISH, Taken};
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::strategy::{Answered, paragraphs, shape};
use agent_core::tool::ToolSpec;

/// What the last turn ends with when a step is asked for.
const ASK: &str = "Next step?";
/// So many characters of a description are shown.
const MOST: usize = 160;

/// `prompts.toml`, which a test reads as well.
pub(super) static PROMPTS: LazyLock<Prompts> =
    LazyLock::new(|| toml::from_str(include_str!("prompts.toml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prompts {
    own: Question,
    fits: Question,
    suits: Question,
    opens: Question,
    whole: Question,
    looks: Question,
    acts: Question,
    claims: Question,
    leaves: Question,
    asked: Question,
    several: Question,
    calls: Question,
    each: Question,
    label: Question,
    line: Question,
    text: Question,
    choose: Course,
    answer: Answer,
}

/// Something small that is asked in a conversation of its own, after worked examples.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    rules: String,
    examples: Vec<Answered>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Course {
    rules: String,
    examples: Vec<Done>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    tools: Vec<String>,
    task: String,
    steps: Vec<[String; 2]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    rules: String,
    known: String,
}

impl Question {
    pub(super) fn ask(&self, asked: &str) -> Vec<Message> {
        let mut chat = vec![Message::system(self.rules.trim()).common()];
        chat.extend(Answered::turns(&self.examples).map(Message::common));
        chat.push(Message::user(asked));
        chat
    }
}

/// Is what is known enough?
pub(super) fn own(agent: &Agent) -> Vec<Message> {
    PROMPTS.own.ask(&agent.task)
}

/// Is there a tool for it?
pub(super) fn fits<'a>(agent: &Agent, tools: impl Iterator<Item = &'a ToolSpec>) -> Vec<Message> {
    let listed: Vec<String> =
        tools.map(|tool| format!("{}: {}", tool.name, brief(&tool.description))).collect();
    PROMPTS.fits.ask(&format!("Tools:\n- {}\nTask: {}", listed.join("\n- "), agent.task))
}

/// Does this tool do just what the task asks for?
pub(super) fn suits(agent: &Agent, tool: &ToolSpec) -> Vec<Message> {
    PROMPTS.suits.ask(&format!("Tools:\n- {}\nTask: {}", step(tool), agent.task))
}

/// May the answer to anything be in what this tool gives?
pub(super) fn opens(tool: &ToolSpec) -> Vec<Message> {
    PROMPTS.opens.ask(&step(tool))
}

/// Does it take a whole text?
pub(super) fn whole(agent: &Agent) -> Vec<Message> {
    PROMPTS.whole.ask(&agent.task)
}

/// Does this tool look or change?
pub(super) fn looks(tool: &ToolSpec) -> Vec<Message> {
    PROMPTS.looks.ask(&step(tool))
}

/// Does the task want something changed?
pub(super) fn acts(agent: &Agent) -> Vec<Message> {
    PROMPTS.acts.ask(&agent.task)
}

/// Does the task ask for a step with this tool?
pub(super) fn asked(agent: &Agent, tool: &ToolSpec) -> Vec<Message> {
    PROMPTS.asked.ask(&format!("Task: {}\nStep: {}", agent.task, step(tool)))
}

/// Is this tool called once for the task, or for each of several things?
pub(super) fn several(agent: &Agent, tool: &ToolSpec) -> Vec<Message> {
    PROMPTS.several.ask(&format!("Tool: {}\nTask: {}", step(tool), task(agent)))
}

/// With which arguments for each?
pub(super) fn calls(agent: &Agent, tool: &ToolSpec, arguments: &Value) -> Vec<Message> {
    let tool = [format!("Tool: {}", step(tool)), meanings(tool, arguments)];
    let tool = tool.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    PROMPTS.calls.ask(&format!("{tool}\nTask: {}", task(agent)))
}

/// With which arguments? The steps so far, and what the chosen tool says of what it takes.
pub(super) fn arguments(
    mut steps: Vec<Message>,
    tool: &ToolSpec,
    arguments: &Value,
) -> Vec<Message> {
    put_before_asking(&mut steps, &meanings(tool, arguments));
    steps
}

fn put_before_asking(chat: &mut [Message], said: &str) {
    let Some(latest) = chat.last_mut().filter(|_| !said.is_empty()) else { return };
    if let Some(told) = latest.content.strip_suffix(ASK) {
        latest.content = format!("{told}{said}\n{ASK}");
    }
}

/// What a tool says of those arguments that are asked for, one line each.
fn meanings(tool: &ToolSpec, asked: &Value) -> String {
    let mut lines = Vec::new();
    describe(&tool.input, asked, "", &mut lines);
    match lines.is_empty() {
        true => String::new(),
        false => format!("{} takes:\n{}", tool.name, lines.join("\n")),
    }
}

/// The fields of a schema with what it says of them, those within a field after it.
fn describe(schema: &Value, asked: &Value, within: &str, lines: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let asked = &asked["properties"][name];
        if asked.is_null() {
            continue;
        }
        let name = format!("{within}{name}");
        let values = field["enum"].as_array().map(|values| values.iter().map(shown).collect());
        let values: Vec<String> = values.unwrap_or_default();
        let said = brief(field["description"].as_str().unwrap_or_default());
        let values = match values.len() {
            0 => String::new(),
            _ => format!("one of {}", text::head(&values.join(", "), MOST)),
        };
        let said = [said, values].into_iter().filter(|part| !part.is_empty());
        let said = said.collect::<Vec<_>>().join("; ");
        if !said.is_empty() {
            lines.push(format!("- {name}: {said}"));
        }
        describe(field, asked, &format!("{name}."), lines);
        describe(&field["items"], &asked["items"], &format!("{name}[]."), lines);
    }
}

/// Does this answer say that something was done?
pub(super) fn claims(agent: &Agent, answer: &Value) -> Vec<Message> {
    PROMPTS.claims.ask(&with_answer(agent, answer))
}

/// Does this answer only tell something where the task wants it done?
pub(super) fn leaves(agent: &Agent, answer: &Value) -> Vec<Message> {
    PROMPTS.leaves.ask(&with_answer(agent, answer))
}

fn with_answer(agent: &Agent, answer: &Value) -> String {
    let answer = answer["answer"].as_str().unwrap_or_default();
    format!("Task: {}\nAnswer: {}", agent.task, text::head(answer, 600))
}

/// Does the task mean the other values of a list, too?
pub(super) fn each(agent: &Agent, list: &Taken, done: &Taken, others: &[Value]) -> Vec<Message> {
    let others: Vec<String> = others.iter().map(shown).collect();
    PROMPTS.each.ask(&format!(
        "Task: {}\n{}\n{}\nOthers: {}",
        agent.task,
        list.told(),
        done.told(),
        others.join(", ")
    ))
}

/// Which of these words is the label of this thing?
pub(super) fn label(agent: &Agent, thing: &str, field: &str, words: &[String]) -> Vec<Message> {
    let words = match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    };
    PROMPTS.label.ask(&format!("Task: {}\nItem: {thing}\n{field}: {words}?", agent.task))
}

/// What is the text that a step takes as `field`?
pub(super) fn text(
    agent: &Agent,
    taken: &[Taken],
    tool: &str,
    arguments: &Value,
    field: &str,
) -> Vec<Message> {
    let results: Vec<String> = taken.iter().map(Taken::told).collect();
    let results = if results.is_empty() { "none".to_string() } else { results.join("\n") };
    let (task, arguments) = (task(agent), written(arguments));
    PROMPTS.text.ask(&format!(
        "Results so far:\n{results}\n\nTask: {task}\nNow: {tool} {arguments}\nWrite its {field}."
    ))
}

/// Is this line of a file one that the task wants?
pub(super) fn line(agent: &Agent, line: &str) -> Vec<Message> {
    PROMPTS.line.ask(&format!("Task: {}\nLine: {line}\nWanted?", task(agent)))
}

/// Which tool next? What was done so far is the conversation.
pub(super) fn choose<'a>(
    agent: &Agent,
    tools: impl Iterator<Item = &'a ToolSpec>,
    files: &str,
    taken: &[Taken],
    missing: Option<&str>,
) -> Vec<Message> {
    let asked = |tools: &[String], files: &str, task: &str| {
        let list = format!("Tools:\n- {}", tools.join("\n- "));
        let files = match files {
            "" => String::new(),
            files => format!("Files:\n{files}"),
        };
        Message::user(paragraphs(&[&list, &files, &format!("Task: {task}\n{ASK}")]))
    };
    let result = |text: &str| Message::user(format!("Result: {text}\n{ASK}"));
    let mut chat = vec![Message::system(PROMPTS.choose.rules.trim())];
    for example in &PROMPTS.choose.examples {
        chat.push(asked(&example.tools, "", &example.task));
        for [call, given] in &example.steps {
            chat.extend([Message::assistant(call), result(given)]);
        }
        chat.push(Message::assistant(FINISH));
    }
    chat = chat.into_iter().map(Message::common).collect();
    let listed: Vec<String> = tools.map(step).collect();
    chat.push(asked(&listed, files, &task(agent)));
    for step in taken {
        chat.extend([Message::assistant(step.said()), result(&step.shown)]);
    }
    if let Some(missing) = missing {
        let say = format!("Still unknown: {missing}. Use a tool that can find it out.");
        put_before_asking(&mut chat, &say);
    }
    chat
}

/// What is the answer?
pub(super) fn answer(agent: &Agent, taken: &[Taken], fields: &str, changed: bool) -> Vec<Message> {
    let results: Vec<String> = taken.iter().map(Taken::told).collect();
    let results = format!("What the tools gave back:\n\n{}", results.join("\n\n"));
    let how = match &agent.output {
        Some(_) => "Fill in the answer with what the results say.",
        None if changed => {
            "Say to the one who gave the task, in one short sentence, what was done: what was \
             written, sent or changed, and where."
        }
        None => "Say what the result of the task is, in one or two sentences.",
    };
    vec![
        Message::system(paragraphs(&[PROMPTS.answer.rules.trim(), &agent.instructions])),
        Message::user(paragraphs(&[&format!("Task: {}", agent.task), &results, fields, how])),
    ]
}

/// What is the answer, where none is needed?
pub(super) fn known(agent: &Agent, fields: &str) -> Vec<Message> {
    vec![
        Message::system(paragraphs(&[PROMPTS.answer.known.trim(), &agent.instructions])),
        Message::user(paragraphs(&[&agent.task, fields])),
    ]
}

/// The fields of an answer, where its schema says what they mean.
pub(super) fn fields(agent: &Agent) -> String {
    let properties = agent.output.as_ref().and_then(|schema| schema["properties"].as_object());
    let described = properties.into_iter().flatten().filter_map(|(name, schema)| {
        let said = schema["description"].as_str()?;
        Some(format!("- {name}: {said}"))
    });
    let described: Vec<String> = described.collect();
    match described.is_empty() {
        true => String::new(),
        false => format!("Fields of the answer:\n{}", described.join("\n")),
    }
}

fn task(agent: &Agent) -> String {
    paragraphs(&[&agent.task, &agent.instructions])
}

/// A tool as it is told of: its shape and what it does.
pub(super) fn step(tool: &ToolSpec) -> String {
    format!("{} – {}", shape(tool), brief(&tool.description))
}

/// The beginning of a description: a small model is lost among long ones.
fn brief(description: &str) -> String {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        None => line,
        Some((end, _)) => {
            let head = &line[..end];
            let cut = head.rfind(". ").map_or(end, |dot| dot + 1);
            line[..cut].to_string()
        }
    }
}

/// Arguments as they are shown.
pub(super) fn written(arguments: &Value) -> String {
    text::head(&arguments.to_string(), 600)
}

#[cfg(test)]
mod tests {
    use agent_core::tool::Effect;
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_asked_for_with_what_they_mean() {
        let input = json!({ "type": "object", "properties": {
            "day": { "type": "string", "description": "YYYY-MM-DD" },
            "room": { "enum": ["Elbe", "Oder"] },
            "guests": { "type": "array", "items": { "type": "object", "properties": {
                "name": { "type": "string", "description": "as in the passport" },
            }}},
            "note": { "type": "string", "description": "is not asked for" },
        }});
        let mut asked = input.clone();
        asked["properties"]["note"].take();
        let (name, description) = ("rooms.book".to_string(), String::new());
        let (output, effect) = (json!({}), Effect::Reads);
        let tool = ToolSpec { name, description, input, output, effect };
        let expected = "rooms.book takes:\n- day: YYYY-MM-DD\n- room: one of Elbe, Oder\n\
                        - guests[].name: as in the passport";
        assert_eq!(meanings(&tool, &asked), expected);
        let steps = vec![Message::user("Task: Book it.\nNext step?")];
        let chat = arguments(steps, &tool, &asked);
        assert_eq!(chat[0].content, format!("Task: Book it.\n{expected}\nNext step?"));
        assert_eq!(meanings(&tool, &json!({})), "");
    }

    #[test]
    fn the_prompts_can_be_read() {
        let prompts: Prompts = toml::from_str(include_str!("prompts.toml")).unwrap_or_default();
        assert!(
            prompts.own.examples.len() > 5
                && prompts.fits.examples.len() > 5
                && prompts.choose.examples.len() > 2
        );
        for question in [
            &prompts.suits,
            &prompts.opens,
            &prompts.whole,
            &prompts.looks,
            &prompts.acts,
            &prompts.claims,
            &prompts.leaves,
            &prompts.asked,
            &prompts.several,
            &prompts.calls,
            &prompts.each,
            &prompts.label,
            &prompts.line,
            &prompts.text,
        ] {
            assert!(!question.rules.is_empty() && question.examples.len() > 3);
        }
        assert!(!prompts.answer.rules.is_empty());
    }
}
