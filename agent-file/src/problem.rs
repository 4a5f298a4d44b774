//! What is wrong with an agent file or with the values given for its parameters: every problem,
//! with its place in the text, what is there, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The most problems that are shown; further ones would not be read.
const SHOWN: usize = 50;

/// The widest piece of a line that is shown.
const WIDTH: usize = 100;

/// An agent file that cannot be run, with every problem that was found.
///
/// `Display` is the whole report, ready to print: each problem begins with `error: `, shows the
/// line it is about, and ends with a `hint: ` where there is something to do. It holds no secret
/// and no control character of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Invalid {
    pub(super) file: PathBuf,
    pub(super) text: String,
    /// In the order of their places; at least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What; lower case, no period, what was written in backticks.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The agent file as a whole.
    File,
    /// These bytes of the agent file.
    Span(Range<usize>),
    /// An argument of the command line, as it was written.
    Argument(String),
    /// In another file that this one names.
    Elsewhere(Box<Elsewhere>),
}

/// A place in another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The file.
    pub file: PathBuf,
    text: String,
    place: Place,
}

impl Problem {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

impl Invalid {
    pub(super) fn new(file: PathBuf, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match &problem.place {
            Place::File => (0, 0),
            Place::Span(span) => (1, span.start),
            Place::Elsewhere(_) => (2, 0),
            Place::Argument(_) => (3, 0),
        });
        problems.dedup();
        Self { file, text, problems }
    }

    /// The same problems for the file that names this one.
    pub(super) fn elsewhere(self) -> impl Iterator<Item = Problem> {
        let Invalid { file, text, problems } = self;
        problems.into_iter().map(move |mut problem| {
            if !matches!(problem.place, Place::Elsewhere(_)) {
                let (file, text) = (file.clone(), text.clone());
                problem.place =
                    Place::Elsewhere(Box::new(Elsewhere { file, text, place: problem.place }));
            }
            problem
        })
    }

    /// The file that a problem is in, its text, and where in it.
    fn place<'a>(&'a self, problem: &'a Problem) -> (&'a Path, &'a str, &'a Place) {
        match &problem.place {
            Place::Elsewhere(other) => (&other.file, &other.text, &other.place),
            place => (&self.file, &self.text, place),
        }
    }

    /// The problems as data: `file`, `line` and `column` (from 1, or null), `message`, `hint`.
    pub fn to_json(&self) -> Value {
        let problems = self.problems.iter().map(|problem| {
            let (file, text, place) = self.place(problem);
            let spot = match place {
                Place::Span(span) => Some(Spot::of(text, span)),
                _ => None,
            };
            json!({
                "file": file.to_string_lossy(),
                "line": spot.as_ref().map(|spot| spot.line),
                "column": spot.as_ref().map(|spot| spot.column),
                "message": problem.message,
                "hint": problem.hint,
            })
        });
        Value::Array(problems.collect())
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(SHOWN).enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            self.show(f, problem)?;
        }
        match self.problems.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            1 => write!(f, "\n\nand 1 more problem"),
            more => write!(f, "\n\nand {more} more problems"),
        }
    }
}

impl Invalid {
    fn show(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let (file, text, place) = self.place(problem);
        let file = printable(&file.to_string_lossy());
        let message = printable(&problem.message);
        match place {
            Place::File | Place::Elsewhere(_) => write!(f, "error: {file}: {message}")?,
            Place::Argument(argument) => {
                write!(f, "error: {}: {message}", printable(&shortened(argument)))?;
            }
            Place::Span(span) => {
                let spot = Spot::of(text, span);
                let Spot { line, column, .. } = spot;
                write!(f, "error: {file}:{line}:{column}: {message}")?;
                let number = line.to_string();
                let gutter = " ".repeat(number.len());
                write!(f, "\n{gutter} |\n{number} | {}", spot.shown)?;
                let (indent, carets) = (" ".repeat(spot.indent), "^".repeat(spot.carets));
                write!(f, "\n{gutter} | {indent}{carets}")?;
            }
        }
        match &problem.hint {
            Some(hint) => write!(f, "\nhint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

/// Where a span begins, and how its first line is shown.
struct Spot {
    line: usize,
    column: usize,
    shown: String,
    indent: usize,
    carets: usize,
}

impl Spot {
    fn of(text: &str, span: &Range<usize>) -> Spot {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[..line_start].matches('\n').count() + 1;
        let before = text[line_start..start].chars().count();
        let marked = text[start..end.min(line_end)].trim_end().chars().count().max(1);

        let whole: Vec<char> = masked(&text[line_start..line_end]).chars().collect();
        // A long line is cut so that the marked part is in view.
        let from = if before + marked.min(WIDTH) > WIDTH { before.saturating_sub(20) } else { 0 };
        let to = whole.len().min(from + WIDTH);
        let mut shown = String::new();
        shown.extend((from > 0).then_some('…'));
        shown.extend(whole[from.min(to)..to].iter());
        shown.extend((to < whole.len()).then_some('…'));
        let indent = before - from + usize::from(from > 0);
        let carets = marked.min((to + 1).saturating_sub(before).max(1));
        Spot { line, column: before + 1, shown: printable(shown.trim_end()), indent, carets }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The line with what may be a secret made unreadable, each character by one other, so that
/// columns stay true: an `api_key` that is no `${NAME}`, and a password in a URL.
fn masked(line: &str) -> String {
    let mut masked: Vec<char> = line.chars().collect();
    let chars = masked.clone();
    let text: String = chars.iter().collect();
    let position = |byte: usize| text[..byte].chars().count();
    for (at, _) in text.match_indices("api_key") {
        let rest = &text[at + "api_key".len()..];
        let Some(equals) = rest.find('=') else { continue };
        let value = rest[equals + 1..].trim_start();
        let begin = text.len() - value.len();
        let reference = value
            .strip_prefix(['"', '\''])
            .and_then(|value| value.strip_prefix("${"))
            .and_then(|value| value.split_once('}'))
            .is_some_and(|(name, rest)| {
                agent_core::agent::is_variable(name) && rest.starts_with(['"', '\''])
            });
        if !reference {
            masked[position(begin)..].fill('*');
        }
    }
    let secrets = text.trim_start().strip_prefix("secrets").map(str::trim_start);
    if let Some(list) = secrets.and_then(|rest| rest.strip_prefix('=')) {
        let mut at = text.len() - list.len();
        for word in list.split(['"', '\'', ',', ' ', '[', ']']) {
            if !agent_core::agent::is_variable(word) {
                masked[position(at)..position(at + word.len())].fill('*');
            }
            at += word.len() + 1;
        }
    }
    for (at, _) in text.match_indices("://") {
        let host = &text[at + 3..];
        let host = &host[..host.find(['/', '"', '\'']).unwrap_or(host.len())];
        if let Some(end) = host.rfind('@') {
            masked[position(at + 3)..position(at + 3 + end)].fill('*');
        }
    }
    masked.into_iter().collect()
}

/// Control characters would let a file write to the terminal: none is shown. A tab is one space,
/// so that the marks stay below what they mark.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// What was written, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        for (line, expected) in [
            (r#"api_key = "sk-123""#, r#"api_key = ********"#),
            (r#"api_key = sk-123"#, r#"api_key = ******"#),
            (r#"model = { api_key = "é1", name = 1 }"#, r#"model = { api_key = ****************"#),
            (r#"api_key = "${KEY}""#, r#"api_key = "${KEY}""#),
            (r#"api_key = "${KEY}sk-1""#, r#"api_key = ************"#),
            (r#"base_url = "https://me:pw@host/v1""#, r#"base_url = "https://*****@host/v1""#),
            (r#"secrets = ["KEY", "sk-é-1"]"#, r#"secrets = ["KEY", "******"]"#),
            (r#"# see api_key in the manual"#, r#"# see api_key in the manual"#),
        ] {
            assert_eq!(masked(line), expected);
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("a = \"{}\" oops \"{}\"", "x".repeat(300), "y".repeat(300));
        let at = text.find("oops").unwrap_or_default();
        let spot = Spot::of(&text, &(at..at + 4));
        let shown: Vec<char> = spot.shown.chars().collect();
        let marked: String = shown[spot.indent..spot.indent + spot.carets].iter().collect();
        assert_eq!((spot.column, marked.as_str()), (at + 1, "oops"));
        assert!(shown.len() <= WIDTH + 2);
    }
}
