//! What is said to the model about a folder, word for word.

use super::paragraphs;
use super::passage::Passage;
use crate::prompts;
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::path;

const ONLY: &str = "You answer questions about a folder of files. Use only what the files say, \
                    never your own knowledge.";

/// Questions of both kinds about other folders than any real one.
const ROUTES: [(&str, &str); 8] = [
    ("Who wrote the annual report?", "lookup"),
    ("How many orders were placed in May?", "compute"),
    ("How tall is the north tower, in metres?", "lookup"),
    ("What is the average price of the lamps?", "compute"),
    ("In which year was the old mill sold?", "lookup"),
    ("Which supplier delivered the most?", "compute"),
    ("What is the phone number of the person who repaired the roof?", "lookup"),
    ("What do the invoices from Lisbon add up to?", "compute"),
];

/// Compute or look up?
pub(super) fn route(question: &str) -> Vec<Message> {
    let rules = "Say how a question about a folder of texts and tables is answered.\n\
                 lookup: the answer stands in one sentence or one table row and only has to be \
                 found.\n\
                 compute: several table rows must be added up, averaged, counted or compared.";
    let mut chat = vec![Message::system(rules).common()];
    for (question, route) in ROUTES {
        chat.extend([Message::user(question).common(), Message::assistant(route).common()]);
    }
    chat.push(Message::user(question));
    chat
}

/// Write a program.
pub(super) fn program(agent: &Agent, survey: &str) -> Vec<Message> {
    let about = match survey {
        "" => "You work things out by writing short Python programs, with datetime where it is \
               about dates."
            .to_string(),
        survey => format!(
            "You answer questions about a folder of files by writing short Python programs. Use \
             only what the files say, never your own knowledge.\nThe function table(path) returns \
             the rows of a table as a list of dicts, with numbers already converted; number(text) \
             reads the number in a text. The files:\n{survey}"
        ),
    };
    let places: Vec<String> =
        agent.grants.write.iter().map(|place| path::display(&agent.root, place)).collect();
    let asked = match places.is_empty() {
        true => format!(
            "Question: {}\n\nWrite a short Python program that works out the answer and prints it.",
            agent.task
        ),
        false => format!(
            "Task: {}\n\nWrite a short Python program that does it and prints what it worked out. \
             A list of rows, one dict each, is written with save(path, rows, columns=[…]), as CSV \
             or JSON, with only these columns; text is written with open(path, \"w\"). Files can be \
             written in: {}.",
            agent.task,
            places.join(", ")
        ),
    };
    vec![Message::system(paragraphs(&[&about, &agent.instructions])), Message::user(asked)]
}

/// What the program begins with: the question, the examples as the guest told them, and the rows.
/// Where the question names values of the table, the rows that have them come first: a small model
/// filters what it adds up but forgets to filter what it divides by.
pub(super) fn begun(agent: &Agent, table: &str, examples: &str) -> String {
    let (question, table) = (one_line(&agent.task), literal(table));
    let names = examples.contains("\n# Values named in the question: ");
    let filter = match names && agent.grants.write.is_empty() {
        true => "rows = [row for row in rows if ",
        false => "",
    };
    format!("```python\n# {question}\n{examples}\nrows = table({table})\n{filter}")
}

/// The same for a text.
pub(super) fn begun_with_text(agent: &Agent, path: &str) -> String {
    format!("```python\n# {}\ntext = open({}).read()\n", one_line(&agent.task), literal(path))
}

/// The files of a survey that a task names, by their path or their name.
pub(super) fn named(survey: &str, task: &str) -> Vec<String> {
    let files = survey.lines().filter_map(|line| line.split_once(": ")).map(|(path, _)| path);
    let named = files.filter(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.is_empty() && task.contains(name)
    });
    named.map(str::to_string).collect()
}

/// The program failed.
pub(super) fn failed(error: &str) -> String {
    format!("The program failed: {}\nWrite the corrected program.", error.trim())
}

/// The program found nothing.
pub(super) fn empty(output: &str) -> String {
    let output = if output.is_empty() { "nothing" } else { output };
    format!(
        "The program printed {output}: nothing matched. Compare the columns and values with the \
         question and write a corrected program."
    )
}

/// Read these passages.
pub(super) fn read(agent: &Agent, passages: &[Passage]) -> Vec<Message> {
    let listed: Vec<String> =
        passages.iter().zip(1..).map(|(passage, n)| format!("[{n}] {}", passage.shown())).collect();
    vec![
        Message::system(paragraphs(&[ONLY, &agent.instructions])),
        Message::user(format!(
            "{}\n\nQuestion: {}\nAnswer in a few words, copied from the passages.",
            listed.join("\n"),
            agent.task
        )),
    ]
}

/// Does this passage, or do these together, say so?
pub(super) fn check(passages: &[&Passage], question: &str, proposed: &str) -> Vec<Message> {
    let text: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
    prompts::stated(&text.join("\n"), question, proposed)
}

/// Do they state the answer at all?
pub(super) fn answers(passages: &[&Passage], question: &str) -> Vec<Message> {
    let text: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
    prompts::answers(&text.join("\n"), question)
}

/// Fill in the answer.
pub(in super::super) fn last(agent: &Agent, conclusion: &str) -> Vec<Message> {
    let form = match &agent.output {
        Some(_) => "Fill in the answer form with this result.",
        None => "Answer the question with this result, in one sentence.",
    };
    vec![
        Message::system(paragraphs(&[ONLY, &agent.instructions])),
        Message::user(format!("Question: {}\n\n{conclusion}\n\n{form}", agent.task)),
    ]
}

/// The tables that a survey names: its lines are `PATH: table of …` and `PATH: text, …`.
pub(super) fn tables(survey: &str) -> Vec<String> {
    let tables = survey.lines().filter_map(|line| line.split_once(": table of "));
    tables.map(|(path, _)| path.to_string()).collect()
}

/// Whether a program's output says that it found nothing.
pub(super) fn nothing(output: &str) -> bool {
    output
        .split(|c: char| c.is_whitespace() || "[](){}\"',".contains(c))
        .all(|word| matches!(word, "" | "None" | "0" | "0.0" | "0.00" | "nan"))
}

/// Text as a Python string.
pub(super) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// For a comment.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_from_something() {
        for output in ["", "0", "None", "[]", "(0, 0.0)", "nan"] {
            assert!(nothing(output), "{output}");
        }
        for output in ["1", "0.5", "no", "[0, 3]"] {
            assert!(!nothing(output), "{output}");
        }
    }

    #[test]
    fn files_that_a_task_names_are_found() {
        let survey = "docs/a.csv: table of 3 rows with the columns x\ndocs/b.md: text, Title";
        assert_eq!(named(survey, "Sum up b.md"), ["docs/b.md"]);
        assert!(named(survey, "Sum up all").is_empty());
    }

    #[test]
    fn tables_are_found_in_a_survey() {
        let survey = "docs/a.csv: table of 3 rows with the columns x, y\ndocs/b.md: text, Title";
        assert_eq!(tables(survey), ["docs/a.csv"]);
    }
}
