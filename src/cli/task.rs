//! A task on the command line. Beside an agent file it is the value of the file's parameter; without
//! one it becomes an agent of its own, which may do what the flags grant and nothing else.

use std::ops::Range;
use std::path::{Path, PathBuf};

use agent_core::agent::Agent;
use agent_core::param::ParamType;
use agent_file::{Checked, Invalid, Place};
use errand::Errand;

use super::param::{input, literal};
use super::terminal::{Usage, eprint};

/// What a task without an agent file may do.
#[derive(clap::Args)]
#[command(next_help_heading = "A task without an agent file")]
pub(crate) struct Grants {
    /// Let it read this file, or folder with all that is in it; may be repeated
    #[arg(long, value_name = "PATH")]
    read: Vec<String>,
    /// Let it write this file, or in this folder; may be repeated
    #[arg(long, value_name = "PATH")]
    write: Vec<String>,
    /// Let it read web pages of this host; may be repeated
    #[arg(long, value_name = "HOST")]
    net: Vec<String>,
    /// Print the agent file that the task amounts to, and run nothing
    #[arg(long)]
    pub(crate) print: bool,
}

impl Grants {
    /// A flag that was given, as it was written.
    pub(crate) fn given(&self) -> Option<String> {
        let flags = [("read", &self.read), ("write", &self.write), ("net", &self.net)];
        let mut given = flags
            .iter()
            .flat_map(|(flag, values)| values.iter().map(move |v| format!("--{flag} {v}")));
        given.next().or(self.print.then(|| "--print".to_string()))
    }
}

/// What is to be run.
pub(crate) enum What {
    /// An agent file, and perhaps the task that goes into it.
    File(PathBuf, Option<String>),
    /// A task by itself.
    Task(String),
}

impl What {
    /// An argument that names a file, or that is one word ending in `.toml`, is an agent file;
    /// anything else of more than one word is a task. `-` takes the task from standard input.
    pub(crate) fn of(words: &[String], grants: &Grants) -> Result<What, Usage> {
        let [first, rest @ ..] = words else {
            return Err(Usage("nothing to run\nhint: name an agent file or a task".into()));
        };
        let path = Path::new(first);
        let word = !first.contains(char::is_whitespace);
        if path.is_file() || word && first.ends_with(".toml") {
            if let Some(flag) = grants.given() {
                return Err(granted_in_the_file(&flag, path));
            }
            let task = match rest {
                [] => None,
                [task] if task == "-" => Some(input()?),
                [task] => Some(task.clone()),
                _ => return Err(loose(rest)),
            };
            return Ok(What::File(path.to_path_buf(), task));
        }
        if !rest.is_empty() {
            return Err(loose(words));
        }
        if first == "-" {
            return Ok(What::Task(input()?));
        }
        if path.is_dir() {
            let file = path.join("agent.toml");
            return Err(Usage(format!(
                "`{first}` is a folder\nhint: name its agent file, `{}`, or write a task and grant \
                 the folder: `errand run \"…\" --read {first}`",
                file.display()
            )));
        }
        // A file's name that is not there would otherwise be done as a task.
        if word && first.is_ascii() {
            return Err(Usage(format!(
                "`{first}` is neither an agent file that is there nor a task\nhint: an agent file \
                 ends in `.toml`; a task has more than one word: `errand run \"Say what …\"`"
            )));
        }
        Ok(What::Task(first.clone()))
    }
}

/// Words that a shell took apart.
fn loose(words: &[String]) -> Usage {
    let task = words.join(" ");
    Usage(format!(
        "a task is one argument, not {}\nhint: put it in quotes: `\"{task}\"`",
        words.len()
    ))
}

/// A flag for a task alone, beside an agent file.
pub(crate) fn granted_in_the_file(flag: &str, file: &Path) -> Usage {
    let hint =
        format!("what an agent file grants is in it: see [permissions] in {}", file.display());
    Usage(format!("`{flag}` is for a task without an agent file\nhint: {hint}"))
}

/// Which parameter a task is the value of.
pub(crate) enum Slot {
    /// This one.
    One(String),
    /// None is left that is a text.
    None,
    /// It could be any of these.
    Several(Vec<String>),
}

/// The one text that an agent file still waits for, or, where it waits for none, the only one that
/// was not given.
pub(crate) fn slot(checked: &Checked, params: &[(String, String)]) -> Slot {
    let free = |name: &&String| !params.iter().any(|(given, _)| given == *name);
    let texts = checked.params().iter().filter(|(_, spec)| spec.kind == Some(ParamType::String));
    let mut free: Vec<String> = texts.map(|(name, _)| name).filter(free).cloned().collect();
    if free.iter().any(|name| checked.waiting.contains(name)) {
        free.retain(|name| checked.waiting.contains(name));
    }
    match free.pop() {
        None => Slot::None,
        Some(name) if free.is_empty() => Slot::One(name),
        Some(name) => {
            free.push(name);
            Slot::Several(free)
        }
    }
}

/// The parameters with a task among them.
pub(crate) fn beside(
    errand: &Errand,
    file: &Path,
    mut params: Vec<(String, String)>,
    task: &str,
) -> anyhow::Result<Vec<(String, String)>> {
    let shown = file.display();
    let (problem, hint) = match slot(&errand.check(file, &params)?, &params) {
        Slot::One(name) => {
            params.push((name, literal(task)));
            return Ok(params);
        }
        Slot::None => (
            "has no parameter left that is a text",
            format!(
                "declare one in {shown}: `[params.question]` with `type = \"string\"`, and \
                 `{{{{ question }}}}` in its task"
            ),
        ),
        Slot::Several(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("`-p {name}=…`")).collect();
            ("has several parameters", format!("say which is meant: {}", names.join(" or ")))
        }
    };
    Err(Usage(format!("`{shown}` takes no task: it {problem}\nhint: {hint}")).into())
}

/// An agent file made of a command line, and which argument each part of it comes from.
pub(crate) struct Made {
    pub(crate) text: String,
    parts: Vec<(Range<usize>, String)>,
}

/// The tools that a grant is for.
const READING: [&str; 4] = ["files.list", "files.search", "files.read", "python"];
const WRITING: [&str; 1] = ["files.write"];
const REACHING: [&str; 1] = ["web.read"];

impl Made {
    /// The agent file of a task, with what is given for it as parameters and another model.
    pub(crate) fn of(
        task: &str,
        params: &[(String, String)],
        grants: &Grants,
        model: Option<&str>,
    ) -> Made {
        let mut made = Made { text: "name = \"task\"\n".to_string(), parts: Vec::new() };
        let mut body = plain(task);
        let mut names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        // What cannot be a parameter's name is refused by its table.
        for name in names.iter().filter(|name| bare(name)) {
            body += &format!("\n\n{name}:\n{{{{ {name} }}}}");
        }
        made.text += "task = ";
        made.part(&text(&body), "the task");
        made.text += "\n";
        for name in &names {
            made.text += "\n[params.";
            made.part(&key(name), &format!("-p {name}=…"));
            made.text += "]\ntype = \"string\"\n";
        }
        if let Some(name) = model {
            made.model(name);
        }
        let groups: [(&[String], &[&str]); 3] =
            [(&grants.read, &READING), (&grants.write, &WRITING), (&grants.net, &REACHING)];
        let tools: Vec<String> = groups
            .iter()
            .filter(|(granted, _)| !granted.is_empty())
            .flat_map(|(_, tools)| tools.iter().map(|tool| quoted(tool)))
            .collect();
        if !tools.is_empty() {
            made.text += &format!("\n[tools]\nuse = [{}]\n\n[permissions]\n", tools.join(", "));
            made.grant("read", &grants.read);
            made.grant("write", &grants.write);
            made.grant("net", &grants.net);
        }
        made
    }

    /// The agent, in the folder where errand was started.
    pub(crate) fn agent(
        &self,
        errand: &Errand,
        params: &[(String, String)],
    ) -> Result<Agent, Invalid> {
        let file = Path::new("the command line");
        errand.load_text(file, &self.text, params, None).map_err(|mut invalid| {
            for problem in &mut invalid.problems {
                let Place::Span(span) = &problem.place else { continue };
                let part = self.parts.iter().find(|(part, _)| part.contains(&span.start));
                let Some((_, argument)) = part else { continue };
                problem.place = Place::Argument(argument.clone());
                let hint = &mut problem.hint;
                if hint.as_ref().is_some_and(|hint| hint.starts_with("paths are relative")) {
                    *hint = Some("paths are relative to the folder you are in".to_string());
                }
            }
            invalid
        })
    }

    /// Says what is about to run.
    pub(crate) fn show(&self) {
        eprint("no agent file: this is what runs, and `--print` writes it");
        self.text.lines().for_each(|line| eprint(format!("  {line}").trim_end()));
    }

    /// `--model`, with the usual variables for one behind an endpoint.
    fn model(&mut self, written: &str) {
        let argument = format!("--model {written}");
        self.text += "\n[model]\n";
        let name = match written.split_once(':') {
            Some(("openai", name)) => {
                self.text += "provider = \"openai\"\n";
                let set =
                    |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
                if let Some(url) = set("OPENAI_BASE_URL") {
                    self.text += &format!("base_url = {}\n", quoted(&url));
                }
                if set("OPENAI_API_KEY").is_some() {
                    self.text += "api_key = \"${OPENAI_API_KEY}\"\n";
                }
                name
            }
            Some(("scripted", name)) => {
                self.text += "provider = \"scripted\"\n";
                name
            }
            Some(("onnx", name)) => name,
            _ if written.ends_with(".jsonl") => {
                self.text += "provider = \"scripted\"\n";
                written
            }
            _ => written,
        };
        self.text += "name = ";
        self.part(&quoted(name), &argument);
        self.text += "\n";
    }

    fn grant(&mut self, flag: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        self.text += &format!("{flag} = [");
        for (at, value) in values.iter().enumerate() {
            self.text += if at > 0 { ", " } else { "" };
            self.part(&quoted(value), &format!("--{flag} {value}"));
        }
        self.text += "]\n";
    }

    /// A part of the text that an argument stands for.
    fn part(&mut self, text: &str, argument: &str) {
        let from = self.text.len();
        self.text += text;
        self.parts.push((from..self.text.len(), argument.to_string()));
    }
}

/// A text as a template that is that text.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('{', Some('{' | '%' | '#')) => out += "{{ '{' }}",
            _ => out.push(c),
        }
    }
    out
}

/// A text in TOML: on one line, or on as many as it has.
fn text(text: &str) -> String {
    if !text.contains('\n') {
        return quoted(text);
    }
    let lines = text.split('\n').map(|line| {
        let line = quoted(line);
        line[1..line.len() - 1].replace("\\\"", "\"").replace("\"\"\"", "\"\"\\\"")
    });
    format!("\"\"\"\n{}\n\"\"\"", lines.collect::<Vec<_>>().join("\n"))
}

/// A text in quotes: what JSON escapes TOML escapes alike, and more. What would hide where it is
/// shown is escaped too.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for letter in serde_json::Value::from(text).to_string().chars() {
        match u32::from(letter) {
            _ if !guard::hides(letter) => out.push(letter),
            number @ ..=0xffff => out += &format!("\\u{number:04X}"),
            number => out += &format!("\\U{number:08X}"),
        }
    }
    out
}

/// A key, bare where it can be.
fn key(name: &str) -> String {
    match bare(name) {
        true => name.to_string(),
        false => quoted(name),
    }
}

fn bare(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use agent_core::agreed::Agreed;
    use agent_file::Known;

    use super::*;

    #[test]
    fn a_text_is_no_template_and_no_toml() {
        for task in [
            "What is {{ x }} and {% if %} and {# c #} and {{{ y }}}?",
            "two lines\nwith \"quotes\", \"\"\" and \\ a backslash \\\n{{ x }}",
            "ends in quotes\n\"\"",
            "a tab\tand a \u{7f} and \u{1}",
            "👩\u{200d}💻 and می\u{200c}خواهم, \u{e0041}, a\rb\r\nc",
        ] {
            let grants = Grants { read: vec![], write: vec![], net: vec![], print: false };
            let made = Made::of(task, &[], &grants, None);
            assert_eq!(guard::visible(&made.text), made.text);
            let folder = tempfile::tempdir().unwrap();
            let known = Known {
                left_out: &[],
                tools: &[],
                forms: &[],
                strategies: &agent_core::strategy::Strategies::PLAIN,
                models: &[],
                default_model: "m",
                model_override: None,
                locked: &|_| Ok(Agreed::default()),
                policy_holds: &|_| Ok(()),
                decoder_holds: &|_| Ok(()),
            };
            let file = folder.path().join("agent.toml");
            let checked = Checked::of(&file, made.text.as_bytes(), &[], &known).unwrap();
            assert_eq!(checked.agent.task, task);
        }
    }
}
