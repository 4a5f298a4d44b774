//! `errand chat`: a conversation with an agent, which is one run.

mod command;
mod input;

use std::path::PathBuf;
use std::process::ExitCode;

use agent_core::action::Action;
use agent_core::drive::{Approval, Person, Watch};
use agent_core::event::{Outcome, Reason, RunId};
use agent_core::ledger::Spent;
use agent_core::question::Question;
use anyhow::Context;
use async_trait::async_trait;
use errand::{Chat, Errand, Finished, Stands};

use self::command::{Command, HELP};
use self::input::{Input, Typed};
use super::json::{self, Lines};
use super::run::{How, code, let_go, open, runtime};
use super::stop::unless_stopped;
use super::task::{self, Grants, Made, Slot};
use super::terminal::{self, Live, Usage, eprint};
use super::{answer::Answer, param};

/// The arguments of `errand chat`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  errand chat agent.toml             what you type first is the task, where the agent file takes one
  errand chat --read .               no agent file: it may read here, no more
  errand chat --resume latest        goes on with a conversation, or with any run
  printf 'How many?\\nAnd of steel?\\n' | errand chat agent.toml

A line is a turn; end it with `\\` to go on, or put several between two lines of `\"\"\"`.
Ctrl-C stops the turn, Ctrl-D ends the chat. `/help` lists the commands. Each turn has the agent
file's budget. Over a pipe the exit code is the last turn's.
Exit codes: 0 an outcome, 1 ended without one, 2 usage or agent file, 3 waiting for an approval.")]
pub(crate) struct Args {
    /// The agent file
    #[arg(conflicts_with = "resume")]
    file: Option<PathBuf>,
    /// Go on with this run: its name, the beginning of it, or `latest`
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// A parameter's value; `key=@file` takes it from a file, and a list takes several
    #[arg(short, long = "param", value_name = "KEY=VALUE", conflicts_with = "resume")]
    params: Vec<String>,
    /// Another model than the agent file's: a catalog name, a path, or the endpoint's id
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    model: Option<String>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    grants: Grants,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if param::piped(&args.params).is_some() {
        let hint = "what is said is standard input here: name a file";
        return Err(Usage(format!("`@-` cannot be a parameter of a chat\nhint: {hint}")).into());
    }
    if let (Some(named), Some(flag)) = (&args.resume, args.grants.given()) {
        let hint = "what a run may do is in its journal; begin another chat to grant more";
        return Err(Usage(format!("`{flag}` is not for `--resume {named}`\nhint: {hint}")).into());
    }
    let errand = open(args.how)?;
    let mut talk = Talk {
        input: Input::open(),
        how: args.how,
        runtime: runtime()?,
        spent: Spent::default(),
        code: ExitCode::SUCCESS,
    };
    let talked = talk.whole(&errand, &args);
    // At a terminal each turn has said how it ended.
    let code = if talk.input.is_terminal() { ExitCode::SUCCESS } else { talk.code };
    let_go(talk.runtime);
    talked.map(|()| code)
}

/// A conversation at a terminal or over a pipe.
struct Talk {
    input: Input,
    how: How,
    runtime: tokio::runtime::Runtime,
    /// By the turns that are over.
    spent: Spent,
    /// Of the last turn.
    code: ExitCode,
}

impl Talk {
    fn whole(&mut self, errand: &Errand, args: &Args) -> anyhow::Result<()> {
        let chat = match &args.resume {
            Some(named) => self.resumed(errand, named)?,
            None => self.begun(errand, args)?,
        };
        let Some(chat) = chat else { return Ok(()) };
        self.all(&chat)?;
        if !self.how.json {
            eprint(&format!("`errand chat --resume {}` goes on with this", chat.id()));
        }
        Ok(())
    }

    /// Begins; `None` where nothing was said.
    fn begun(&self, errand: &Errand, args: &Args) -> anyhow::Result<Option<Chat>> {
        let mut params = param::pairs(&args.params)?;
        let model = args.model.as_deref();
        let agent = match &args.file {
            Some(file) => {
                if let Some(flag) = args.grants.given() {
                    return Err(task::granted_in_the_file(&flag, file).into());
                }
                let checked = errand.check(file, &params)?;
                if let Slot::One(name) = task::slot(&checked, &params) {
                    self.hello();
                    let Some(said) = self.first()? else { return Ok(None) };
                    params.push((name, param::literal(&said)));
                }
                errand.load(file, &params, model)?
            }
            None => {
                self.hello();
                let Some(said) = self.first()? else { return Ok(None) };
                let made = Made::of(&said, &params, &args.grants, model);
                let agent = made.agent(errand, &params)?;
                if args.grants.print {
                    terminal::data(made.text.trim_end());
                    return Ok(None);
                }
                if !self.how.json {
                    made.show();
                }
                agent
            }
        };
        let (name, model) = (agent.name.clone(), agent.model.name.clone());
        let chat = self.runtime.block_on(opened(errand.chat(agent)))?;
        match self.how.json {
            true => json::started(chat.id()),
            false => eprint(&format!("{name} · {model} · run {}", chat.id())),
        }
        Ok(Some(chat))
    }

    fn resumed(&mut self, errand: &Errand, named: &str) -> anyhow::Result<Option<Chat>> {
        let chat = self.runtime.block_on(opened(async {
            let id = errand.find(named).await?;
            errand.chat_on(&id).await
        }))?;
        let run = self.runtime.block_on(chat.run())?;
        self.spent = *run.spent();
        if self.how.json {
            json::started(chat.id());
        } else {
            eprint(&format!(
                "{} · {} · run {}",
                run.agent().name,
                run.agent().model.name,
                chat.id()
            ));
            if let Some(said) = run.latest_said() {
                eprint(&format!("you said last: {said}"));
            }
        }
        Ok(Some(chat))
    }

    fn hello(&self) {
        if self.input.is_terminal() && !self.how.json {
            eprint("say what is to be done; `/help` lists the commands, Ctrl-D ends");
        }
    }

    /// What is said first; commands have nothing to work on yet.
    fn first(&self) -> anyhow::Result<Option<String>> {
        loop {
            match self.runtime.block_on(self.input.read())? {
                Typed::End => return Ok(None),
                Typed::Interrupted => {}
                Typed::Text(text) => match Command::of(&text) {
                    None => return Ok(Some(command::plain(&text).to_string())),
                    Some(Ok(Command::Exit)) => return Ok(None),
                    Some(Ok(Command::Help)) => eprint(HELP),
                    Some(Ok(_)) => eprint("nothing was said yet"),
                    Some(Err(problem)) => eprint(&problem),
                },
            }
        }
    }

    /// Turn after turn, until there is no more.
    fn all(&mut self, chat: &Chat) -> anyhow::Result<()> {
        if self.runtime.block_on(chat.stands())? == Stands::Open {
            self.turn(chat)?;
        }
        loop {
            let text = match self.runtime.block_on(self.input.read())? {
                Typed::End => return Ok(()),
                Typed::Interrupted => {
                    eprint("\nCtrl-D ends the chat");
                    continue;
                }
                Typed::Text(text) => text,
            };
            match Command::of(&text) {
                None => {
                    self.runtime.block_on(chat.say(command::plain(&text)))?;
                    self.turn(chat)?;
                }
                Some(Ok(Command::Exit)) => return Ok(()),
                Some(Ok(command)) => self.command(chat, command)?,
                Some(Err(problem)) => eprint(&problem),
            }
        }
    }

    fn command(&mut self, chat: &Chat, command: Command) -> anyhow::Result<()> {
        let run = self.runtime.block_on(chat.run())?;
        match command {
            Command::Help | Command::Exit => eprint(HELP),
            Command::Tools => eprint(&command::tools(run.agent())),
            Command::Budget => eprint(&command::budget(&run)),
            Command::History => eprint(&command::history(&run)),
            Command::Undo => match self.runtime.block_on(chat.undo())? {
                Some(said) => {
                    eprint(&format!("taken back: {said}"));
                    eprint("what its calls changed outside stays changed");
                }
                None => eprint("there is nothing to take back: this began with the task"),
            },
            Command::Resume => match self.runtime.block_on(chat.stands())? {
                Stands::Open => self.turn(chat)?,
                Stands::Answered => eprint("no turn was interrupted"),
            },
        }
        Ok(())
    }

    /// One turn, shown. Ctrl-C drops it.
    fn turn(&mut self, chat: &Chat) -> anyhow::Result<()> {
        let live = Live::new();
        let shown: &dyn Watch = if self.how.json { &Lines } else { &live };
        let asks = Asks { input: &self.input, live: &live };
        let end = self.runtime.block_on(unless_stopped(chat.turn(shown, Some(&asks))));
        let end = end?.transpose()?;
        live.clear();
        let end = match end {
            Some(end) => end,
            None => {
                let spent = *self.runtime.block_on(chat.run())?.spent();
                let outcome = Outcome { reason: Some(Reason::Cancelled), ..Outcome::default() };
                Finished { run: chat.id().clone(), outcome, spent }
            }
        };
        let took = Finished { spent: less(end.spent, self.spent), ..end.clone() };
        self.spent = end.spent;
        self.code = code(&end);
        if self.how.json {
            json::finished(&took);
            return Ok(());
        }
        if let Some(text) = terminal::text(&end.outcome.value) {
            terminal::data(&text);
        }
        match end.outcome.reason {
            Some(Reason::Cancelled) => {
                eprint("stopped; `/resume` goes on with it, or say something else");
            }
            Some(Reason::Approval) => {
                eprint("not decided; `/resume` asks again, or say something else");
            }
            _ => terminal::finished(&took, &Answer::default()),
        }
        Ok(())
    }
}

/// Ctrl-C while a model is fetched or loaded: there is no turn yet that it could stop.
async fn opened<T>(chat: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    unless_stopped(chat).await?.context("stopped before the chat began")?
}

/// What a turn took.
fn less(all: Spent, before: Spent) -> Spent {
    Spent {
        steps: all.steps.saturating_sub(before.steps),
        input_tokens: all.input_tokens.saturating_sub(before.input_tokens),
        output_tokens: all.output_tokens.saturating_sub(before.output_tokens),
        cost_usd: (all.cost_usd - before.cost_usd).max(0.0),
        time_ms: all.time_ms.saturating_sub(before.time_ms),
    }
}

/// Asks the user: the answer is the next line.
struct Asks<'a> {
    input: &'a Input,
    live: &'a Live,
}

#[async_trait]
impl Person for Asks<'_> {
    async fn approve(&self, run: &RunId, action: &Action, reasons: &[String]) -> Option<Approval> {
        let _turn = self.live.turn().await;
        if let Some(question) = Question::of(action) {
            return self.asked(&question).await;
        }
        let more = async |question: String| {
            self.input.drain().await;
            match self.input.line(&question).await.ok()? {
                Typed::Text(line) => Some(line),
                Typed::Interrupted | Typed::End => None,
            }
        };
        if !self.live.asks_in_pages((run, action, reasons), more).await? {
            return Some(Approval::Refused);
        }
        self.input.drain().await;
        let question = format!("  approve  {}: {}? [y/N] ", action.id, reasons.join("; "));
        match self.input.line(&question).await.ok()? {
            Typed::Text(line) if matches!(line.trim(), "y" | "Y" | "yes") => {
                Some(Approval::Granted)
            }
            Typed::Text(_) => Some(Approval::Refused),
            Typed::Interrupted | Typed::End => None,
        }
    }
}

impl Asks<'_> {
    /// Asks until there is an answer; an empty line is none for now.
    async fn asked(&self, question: &Question) -> Option<Approval> {
        let mut prompt = format!("  answer   {} [nothing: not now] ", question.shown());
        self.input.drain().await;
        loop {
            let Typed::Text(line) = self.input.line(&prompt).await.ok()? else { return None };
            if line.trim().is_empty() {
                return None;
            }
            match question.answer(&line) {
                Ok(answer) => return Some(Approval::Said(answer)),
                Err(problem) => prompt = format!("  answer   {problem} "),
            }
        }
    }
}
