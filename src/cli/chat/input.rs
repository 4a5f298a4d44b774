//! What is typed, line by line: on a terminal with the terminal's own editing, or over a pipe.
//!
//! One thread reads, for as long as the chat lasts. So a turn that is stopped while it asks something
//! leaves no reader behind that would take the next line.

use std::io::{BufRead, IsTerminal, Write};

use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A turn, or an answer.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the pipe.
    End,
}

/// Who reads what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Terminal,
    Pipe,
}

/// Where it comes from.
pub(super) struct Input {
    from: From,
    lines: Mutex<UnboundedReceiver<std::io::Result<String>>>,
}

impl Input {
    pub(super) fn open() -> Input {
        let from = match std::io::stdin().is_terminal() {
            true => From::Terminal,
            false => From::Pipe,
        };
        let (typed, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if typed.send(line).is_err() {
                    return;
                }
            }
        });
        Input { from, lines: Mutex::new(lines) }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.from == From::Terminal
    }

    /// A turn: a line, or several that belong together. Empty ones are passed over.
    pub(super) async fn read(&self) -> anyhow::Result<Typed> {
        let mut lines = Lines::default();
        loop {
            let prompt = if lines.is_empty() { "> " } else { "… " };
            match self.line(if self.is_terminal() { prompt } else { "" }).await? {
                Typed::Text(line) => {
                    if let Some(text) = lines.add(&line).filter(|text| !text.trim().is_empty()) {
                        return Ok(Typed::Text(text));
                    }
                }
                Typed::End if !lines.is_empty() => return Ok(Typed::Text(lines.all())),
                // Over a pipe nothing else is said.
                Typed::Interrupted if !self.is_terminal() => return Ok(Typed::End),
                other => return Ok(other),
            }
        }
    }

    /// Forgets what was typed on a terminal up to now: it is no answer to what is asked next.
    pub(super) async fn drain(&self) {
        if self.is_terminal() {
            let _none = tcflush(std::io::stdin(), QueueSelector::IFlush);
            let mut lines = self.lines.lock().await;
            while lines.try_recv().is_ok() {}
        }
    }

    /// One line, after a question.
    pub(super) async fn line(&self, question: &str) -> anyhow::Result<Typed> {
        // A person who does not see it was not asked.
        let _gone = write!(std::io::stderr(), "{}", guard::visible(question));
        let mut lines = self.lines.lock().await;
        tokio::select! {
            line = lines.recv() => Ok(match line {
                Some(line) => Typed::Text(line?),
                None => Typed::End,
            }),
            stop = tokio::signal::ctrl_c() => Ok(stop.map(|()| Typed::Interrupted)?),
        }
    }
}

/// Lines that belong together: after a `\` at the end of one, or between two of `"""`.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    fenced: bool,
}

impl Lines {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && !self.fenced
    }

    /// Adds a line; the whole where it was the last.
    fn add(&mut self, line: &str) -> Option<String> {
        if line.trim() == "\"\"\"" {
            self.fenced = !self.fenced;
            return (!self.fenced).then(|| self.all());
        }
        match line.strip_suffix('\\') {
            Some(line) if !self.fenced => {
                self.lines.push(line.to_string());
                None
            }
            _ => {
                self.lines.push(line.to_string());
                (!self.fenced).then(|| self.all())
            }
        }
    }

    fn all(&mut self) -> String {
        self.fenced = false;
        std::mem::take(&mut self.lines).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(typed: &str) -> Vec<String> {
        let mut lines = Lines::default();
        let mut turns: Vec<String> = typed.lines().filter_map(|line| lines.add(line)).collect();
        turns.extend((!lines.is_empty()).then(|| lines.all()));
        turns
    }

    #[test]
    fn lines_belong_together() {
        assert_eq!(turns("a\nb"), ["a", "b"]);
        assert_eq!(turns("a\\\nb\nc"), ["a\nb", "c"]);
        assert_eq!(turns("\"\"\"\na\\\n\nb\n\"\"\"\nc"), ["a\\\n\nb", "c"]);
        assert_eq!(turns("\"\"\"\na"), ["a"]);
    }
}
