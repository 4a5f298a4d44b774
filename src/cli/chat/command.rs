//! What begins with `/` in a chat.

use agent_core::agent::Agent;
use agent_core::run::Run;

use crate::cli::validate::permitted;

/// What `/help` says.
pub(super) const HELP: &str = "  /tools   the tools there are, and what they may reach
  /budget  what this turn, and the whole chat, has taken
  /history what was said so far
  /undo    take back what you said last, and its answer
  /resume  go on with a turn that was stopped
  /exit    end the chat; Ctrl-D does the same
  A line is a turn. End it with `\\` to go on, or put lines between two of `\"\"\"`; a turn that begins
  with `/` is written `//`. Ctrl-C stops the turn.";

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Tools,
    Budget,
    History,
    Undo,
    Resume,
    Exit,
}

impl Command {
    /// The command that a text is; `None` for what is said to the agent.
    pub(super) fn of(text: &str) -> Option<Result<Command, String>> {
        let word = text.trim().strip_prefix('/')?;
        if word.starts_with('/') {
            return None;
        }
        Some(match word {
            "help" | "?" => Ok(Command::Help),
            "tools" => Ok(Command::Tools),
            "budget" => Ok(Command::Budget),
            "history" => Ok(Command::History),
            "undo" => Ok(Command::Undo),
            "resume" => Ok(Command::Resume),
            "exit" | "quit" => Ok(Command::Exit),
            _ => Err(format!("there is no command `/{word}`\nhint: `/help` lists them")),
        })
    }
}

/// What is said, without the `/` that keeps it from being a command.
pub(super) fn plain(text: &str) -> &str {
    text.strip_prefix("//").map_or(text, |_| &text[1..])
}

/// What was said, and what was answered.
pub(super) fn history(run: &Run) -> String {
    let turns = run.turns().map(|(said, answer)| {
        let answer =
            crate::cli::terminal::text(answer).unwrap_or_else(|| "(no answer)".to_string());
        format!("> {said}\n{answer}")
    });
    turns.collect::<Vec<_>>().join("\n")
}

/// The tools, and what they may reach.
pub(super) fn tools(agent: &Agent) -> String {
    let tools = [("tools", agent.tools.join(", "))];
    let lines = tools.into_iter().chain(permitted(&agent.grants));
    let lines = lines.filter(|(_, text)| !text.is_empty());
    lines.map(|(label, text)| format!("  {label:<10} {text}")).collect::<Vec<_>>().join("\n")
}

/// What was spent, of what may be.
pub(super) fn budget(run: &Run) -> String {
    let (spent, most, each) = (run.spent(), run.ledger().budget(), &run.agent().budget);
    let tokens = spent.input_tokens + spent.output_tokens;
    let steps = u64::from(most.steps).saturating_sub(spent.steps);
    let left = most.tokens.saturating_sub(tokens);
    let mut text = format!(
        "  this turn has {steps} of {} steps and {left} of {} tokens left\n  the chat has taken {} steps, \
         {tokens} tokens, {:.1} s",
        each.steps,
        each.tokens,
        spent.steps,
        spent.time_ms as f64 / 1000.0,
    );
    if spent.cost_usd > 0.0 {
        text += &format!(", {:.4} USD", spent.cost_usd);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_what_is_said() {
        assert_eq!(Command::of(" /undo "), Some(Ok(Command::Undo)));
        assert_eq!(Command::of("what is /undo?"), None);
        assert_eq!(Command::of("//etc/passwd is what?"), None);
        assert_eq!(plain("//etc/passwd is what?"), "/etc/passwd is what?");
        assert!(Command::of("/und").is_some_and(|command| command.is_err()));
    }
}
