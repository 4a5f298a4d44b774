//! Programs of this machine that an agent may run: which, with which arguments, and how far they go.
//! Plain data and its notation; what follows from it is the policy's to say.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mcp::Network;

/// The tool that runs them.
pub const RUN: &str = "run.program";

/// What `[permissions] run` and `[programs]` come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// Which programs, with which arguments.
    pub rules: Vec<RunRule>,
    /// What they read beside what the agent may read, absolute. With a network it is all that they
    /// read: what can be carried out is then what the user named here.
    pub read: Vec<PathBuf>,
    /// Which network they see.
    pub network: Network,
    /// What their environment has beside what every program needs.
    pub env: BTreeMap<String, String>,
    /// How long one call may take.
    pub timeout: Duration,
    /// Bytes of memory for all processes of one call.
    pub memory: u64,
}

impl Programs {
    /// How long a call may take, where nothing is said.
    pub const TIMEOUT: Duration = Duration::from_secs(120);
    /// How much memory it may have, where nothing is said.
    pub const MEMORY: u64 = 2 << 30;

    /// The programs that are named, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rules.iter().map(|rule| rule.program.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether some rule names the program with these arguments.
    pub fn cover(&self, program: &str, arguments: &[String]) -> bool {
        self.rules.iter().any(|rule| rule.covers(program, arguments))
    }
}

/// One entry of `run`: `git` (with any arguments), `git status` (with these and no others), or
/// `git diff *` (with these first).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunRule {
    /// A name on the search path, or a path from the agent file's folder.
    pub program: String,
    /// The first arguments.
    pub arguments: Vec<String>,
    /// Whether others may come after them.
    pub open: bool,
}

impl RunRule {
    /// Whether a call is what the rule names.
    pub fn covers(&self, program: &str, arguments: &[String]) -> bool {
        self.program == program
            && arguments.starts_with(&self.arguments)
            && (self.open || arguments.len() == self.arguments.len())
    }

    /// Whether every call that the other rule names is what this one names.
    pub fn holds(&self, other: &RunRule) -> bool {
        self.covers(&other.program, &other.arguments) && (self.open || !other.open)
    }
}

impl FromStr for RunRule {
    type Err = String;

    /// The error says what is wrong, to come after the entry itself.
    fn from_str(written: &str) -> Result<Self, String> {
        let mut words: Vec<String> = written.split_whitespace().map(str::to_string).collect();
        if words.is_empty() {
            return Err("names no program".to_string());
        }
        let program = words.remove(0);
        let open = words.is_empty() || words.last().is_some_and(|word| word == "*");
        if words.last().is_some_and(|word| word == "*") {
            words.pop();
        }
        if words.iter().chain([&program]).any(|word| word.contains('*')) {
            return Err("is a pattern: a `*` is understood as the last word only, for any \
                        arguments that follow"
                .to_string());
        }
        if written.contains(char::is_control) {
            return Err("holds a control character".to_string());
        }
        Ok(Self { program, arguments: words, open })
    }
}

impl TryFrom<String> for RunRule {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        written.parse()
    }
}

impl From<RunRule> for String {
    fn from(rule: RunRule) -> String {
        rule.to_string()
    }
}

impl fmt::Display for RunRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|word| write!(f, " {word}"))?;
        match self.open && !self.arguments.is_empty() {
            true => f.write_str(" *"),
            false => Ok(()),
        }
    }
}

/// A program and its arguments as one line that a shell would read as the same.
pub fn line(program: &str, arguments: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,@%+".contains(c))
    };
    let quoted = |word: &str| match plain(word) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    let words = std::iter::once(program).chain(arguments.iter().map(String::as_str));
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(written: &str) -> RunRule {
        written.parse().unwrap()
    }

    fn covers(written: &str, call: &str) -> bool {
        let mut words = call.split(' ').map(str::to_string);
        rule(written).covers(&words.next().unwrap(), &words.collect::<Vec<_>>())
    }

    #[test]
    fn a_rule_names_a_program_and_perhaps_its_first_arguments() {
        for (written, call, covered) in [
            ("git", "git", true),
            ("git", "git push --force", true),
            ("git status", "git status", true),
            ("git status", "git status --short", false),
            ("git diff *", "git diff", true),
            ("git diff *", "git diff --stat HEAD", true),
            ("git diff *", "git difftool", false),
            ("git diff *", "git -c alias.diff=!sh diff", false),
            ("git", "gitk", false),
            ("./build.sh", "build.sh", false),
        ] {
            assert_eq!(covers(written, call), covered, "{written}: {call}");
        }
        for written in ["", " ", "*", "git * status", "git sta*", "git\u{1b}[2J"] {
            assert!(written.parse::<RunRule>().is_err(), "{written:?}");
        }
        for written in ["git", "git status", "git diff *"] {
            assert_eq!(rule(written).to_string(), written);
        }
        assert_eq!(rule("git *"), rule("git"));
    }

    #[test]
    fn a_rule_holds_another_where_it_allows_all_of_it() {
        for (wide, narrow, holds) in [
            ("git", "git diff *", true),
            ("git diff *", "git diff", true),
            ("git diff *", "git diff --stat *", true),
            ("git diff", "git diff *", false),
            ("git diff *", "git", false),
            ("git", "cargo", false),
        ] {
            assert_eq!(rule(wide).holds(&rule(narrow)), holds, "{wide}: {narrow}");
        }
    }

    #[test]
    fn a_call_reads_as_a_line() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(line("git", &words(&["log", "-1"])), "git log -1");
        assert_eq!(line("sh", &words(&["-c", "it's; rm", ""])), "sh -c 'it'\\''s; rm' ''");
    }
}
