//! A run for a person: what happens, line by line on stderr, and a last line that is rewritten
//! while the model thinks or something is fetched.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use agent_core::action::{Action, CallId, Decision, Verdict};
use agent_core::drive::{Approval, PLAN_WAITS, Person, QUESTION_WAITS, Watch};
use agent_core::event::{Event, Observation, Reason, RunId, Status, What};
use agent_core::question::Question;
use agent_core::run::{Run, denied};
use agent_core::sandbox::{Level, Remark};
use agent_core::strategy::PLAN;
use async_trait::async_trait;
use errand::Finished;
use guard::visible;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use text::head;

use super::answer::Answer;
use super::{confirm, pages};

/// The most characters of one line of a plan, a call or an observation.
const WIDTH: usize = 160;
/// The most lines of code or output.
const LINES: usize = 12;

/// Draws a run on stderr.
pub(crate) struct Live {
    bar: ProgressBar,
    tail: Mutex<String>,
    asking: tokio::sync::Mutex<()>,
}

/// In front of each line of a run that an agent called: the calls that led to it.
fn margin(run: &RunId) -> String {
    run.way().map_or_else(String::new, |way| format!("  {way} │ "))
}

impl Live {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, tail: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The turn to ask a person something. Agents side by side may ask at once; an answer is one to
    /// what was shown last.
    pub(crate) async fn turn(&self) -> impl Sized {
        self.asking.lock().await
    }

    /// Takes the rewritten line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, run: &Run, label: &str, text: &str) {
        self.shown(&margin(run.id()), label, text);
    }

    fn shown(&self, margin: &str, label: &str, text: &str) {
        let mut lines = text.trim_end().lines();
        let first = lines.next().unwrap_or_default();
        let mut said = format!("{margin}  {label:<8} {}", head(first, WIDTH).replace('\n', " "));
        let rest: Vec<&str> = lines.collect();
        for line in rest.iter().take(LINES) {
            said += &format!("\n{margin}           {}", head(line, WIDTH).replace('\n', " "));
        }
        if rest.len() > LINES {
            said += &format!("\n{margin}           … {} more lines", rest.len() - LINES);
        }
        self.line(&said);
    }

    /// Whole where a person is asked about it.
    fn planned(&self, run: &Run, plan: &str) {
        if !run.agent().grants.ask.iter().any(|asked| asked == PLAN) {
            return self.say(run, "plan", plan);
        }
        let margin = margin(run.id());
        let next = format!("\n{margin}           ");
        self.line(&format!("{margin}  plan     {}", plan.trim_end().replace('\n', &next)));
    }

    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprint(text);
        } else {
            self.bar.println(visible(text));
        }
    }

    /// All of an action that a person is to say yes or no to: nothing of it is left out.
    pub(crate) fn asks(&self, run: &RunId, action: &Action, reasons: &[String]) {
        match Question::of(action) {
            Some(question) => {
                let margin = margin(run);
                self.line(&format!("{margin}  asks     {} {}", action.id, question.shown()));
            }
            None => self.line(&asked_about(run, action, reasons)),
        }
    }

    /// The same in pages of the terminal's size. Between two of them a question is asked with `more`, and
    /// any answer but an empty line is a no: what comes later was not seen. None where there was no answer.
    pub(crate) async fn asks_in_pages<M: Future<Output = Option<String>>>(
        &self,
        (run, action, reasons): (&RunId, &Action, &[String]),
        more: impl Fn(String) -> M,
    ) -> Option<bool> {
        let pages = pages::pages(&asked_about(run, action, reasons), pages::size());
        for (number, page) in pages.iter().enumerate() {
            let before =
                format!("  more     page {number} of {} is above [Enter; n: no] ", pages.len());
            if number > 0 && !more(before).await?.trim().is_empty() {
                return Some(false);
            }
            self.line(page);
        }
        Some(true)
    }

    fn observed(&self, run: &Run, call: &CallId, observation: &Observation) {
        let label = match observation.status {
            Status::Ok => "saw",
            Status::Failed => "failed",
            Status::Denied => "denied",
            Status::Unsure => "unsure",
        };
        let text = observation.text.strip_prefix("denied: ").unwrap_or(&observation.text);
        self.say(run, label, &format!("{call} {text}"));
    }
}

#[async_trait]
impl Person for Live {
    async fn approve(&self, run: &RunId, action: &Action, reasons: &[String]) -> Option<Approval> {
        let _turn = self.turn().await;
        self.bar.disable_steady_tick();
        if let Some(question) = Question::of(action) {
            return asked(&question).await;
        }
        if !self.asks_in_pages((run, action, reasons), answer_to).await? {
            return Some(Approval::Refused);
        }
        let plan = action.tool == PLAN;
        let question = match plan {
            true => "  approve  this plan? [y, or your questions with | between them; nothing: \
                     not now] "
                .to_string(),
            false => format!("  approve  {}: {}? [y/N] ", action.id, reasons.join("; ")),
        };
        let line = answer_to(question).await?;
        match (line.trim(), plan) {
            ("y" | "Y" | "yes", _) => Some(Approval::Granted),
            (_, false) => Some(Approval::Refused),
            ("" | "n" | "N" | "no", true) => None,
            (written, true) => Some(Approval::Revised(questions(written))),
        }
    }
}

impl Watch for Live {
    fn event(&self, event: &Event, run: &Run) {
        match &event.what {
            What::Started { agent, .. } => {
                let text = format!("{} · {} · run {}", agent.name, agent.model.name, run.id());
                self.line(&format!("{}{text}", margin(run.id())));
            }
            What::Resumed { model } => {
                let with = model.as_ref().map(|model| format!(" with {}", model.name));
                let (margin, with) = (margin(run.id()), with.unwrap_or_default());
                self.line(&format!("{margin}{} · resumed{with}", run.id()));
            }
            What::Ended { outcome } if run.id().way().is_some() => match outcome.reason {
                None => self.say(run, "answered", &answered(&outcome.value)),
                Some(reason) => {
                    self.say(run, "ended", &format!("without an answer: {reason:?}").to_lowercase())
                }
            },
            What::Thinking { .. } => {
                if let Ok(mut tail) = self.tail.lock() {
                    tail.clear();
                }
                self.bar.set_message("thinking");
                self.bar.enable_steady_tick(Duration::from_millis(120));
            }
            What::Replied { reply, .. } => {
                self.bar.disable_steady_tick();
                let (spent, budget) = (run.spent(), run.ledger().budget());
                self.bar.set_message(format!(
                    "step {} of {}, {} of {} tokens, {:.0} of {:.0} s",
                    spent.steps,
                    budget.steps,
                    spent.input_tokens + spent.output_tokens,
                    budget.tokens,
                    spent.time_ms as f64 / 1000.0,
                    budget.time.as_secs_f64(),
                ));
                reply.notes.iter().for_each(|note| self.say(run, "note", note));
                if let Some(problem) = run.rejected() {
                    self.say(run, "rejected", problem);
                }
            }
            What::Planned { plan } => self.planned(run, plan),
            What::Revised { parts } => self.planned(run, &parts.join("\n")),
            // It is shown when a person is asked.
            What::Judged { verdict: Verdict { decision: Decision::Ask, .. }, .. } => {}
            What::Judged { action, verdict } => {
                let what = whole(&action.arguments);
                self.say(run, "call", &format!("{} {} {what}", action.id, action.tool));
                match verdict.decision {
                    Decision::Allow | Decision::Ask => self.say(run, "allowed", &action.id.0),
                    Decision::Deny => self.observed(run, &action.id, &denied(&verdict.reasons)),
                }
            }
            What::Answered { call, granted: true } => self.say(run, "allowed", &call.0),
            What::Answered { call, granted: false } => {
                self.observed(run, call, &denied(&["a person said no".to_string()]));
            }
            What::Observed { call, observation } => self.observed(run, call, observation),
            What::Ended { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
    }

    fn waits(&self, run: &RunId, action: &Action, reasons: &[String]) {
        self.asks(run, action, reasons);
    }

    fn emit(&self, run: &RunId, call: &Action, remark: &Remark) {
        match remark {
            // What only its author wants to know is in `--json`.
            Remark::Log { level: Level::Debug, .. } => {}
            Remark::Log { level, text } => {
                let label = match level {
                    Level::Warn => "warns",
                    Level::Error => "error",
                    Level::Debug | Level::Info => "says",
                };
                self.shown(&margin(run), label, &format!("{} {text}", call.id));
            }
            Remark::Progress { done, total, text } => {
                let of = total.map_or(String::new(), |total| format!(" of {total}"));
                let text = format!("{} {done}{of} {text}", call.tool);
                self.bar.set_message(visible(&head(&text, WIDTH)).into_owned());
                self.bar.tick();
            }
        }
    }

    fn text(&self, text: &str) {
        let Ok(mut tail) = self.tail.lock() else { return };
        tail.push_str(text);
        let from = tail.char_indices().rev().nth(70).map_or(0, |(at, _)| at);
        self.bar.set_message(format!("… {}", visible(&tail[from..].replace('\n', " "))));
    }
}

/// An action that a person is asked about. A plan was shown when it was made.
fn asked_about(run: &RunId, action: &Action, reasons: &[String]) -> String {
    if action.tool == PLAN {
        return String::new();
    }
    let margin = margin(run);
    let next = format!("\n{margin}           ");
    let what = whole(&action.arguments);
    let call = format!("{margin}  call     {} {} {what}", action.id, action.tool);
    let asks = format!("{margin}  asks     {} {}", action.id, reasons.join("; "));
    format!("{}\n{asks}", call.replace('\n', &next))
}

/// The arguments of a call: code as it is written, and whatever stands beside it.
fn whole(arguments: &Value) -> String {
    let Some(code) = arguments["code"].as_str() else { return arguments.to_string() };
    let mut rest = arguments.clone();
    rest.as_object_mut().map(|rest| rest.remove("code"));
    match rest.as_object().is_none_or(serde_json::Map::is_empty) {
        true => code.to_string(),
        false => format!("{rest} {code}"),
    }
}

/// Asks until there is an answer; an empty line is none for now.
async fn asked(question: &Question) -> Option<Approval> {
    let mut ask = format!("  answer   {} [nothing: not now] ", question.shown());
    loop {
        let said = answer_to(ask).await?;
        if said.trim().is_empty() {
            return None;
        }
        match question.answer(&said) {
            Ok(answer) => return Some(Approval::Said(answer)),
            Err(problem) => ask = format!("  answer   {problem} "),
        }
    }
}

async fn answer_to(question: String) -> Option<String> {
    tokio::task::spawn_blocking(move || confirm::answered(&question)).await.ok()?.ok()
}

/// Questions as a person writes them on a line.
fn questions(line: &str) -> Vec<String> {
    let questions = line.split('|').map(str::trim).filter(|question| !question.is_empty());
    questions.map(str::to_string).collect()
}

/// What an agent that another one called came to, in short.
fn answered(value: &Value) -> String {
    let Some(claims) = value["section"]["claims"].as_array() else { return value.to_string() };
    let texts: Vec<&str> = claims.iter().filter_map(|claim| claim["text"].as_str()).collect();
    if texts.is_empty() { "nothing found".to_string() } else { texts.join(" | ") }
}

/// The answer as a person reads it: a report, the text of an answer that is one, or JSON.
pub(crate) fn text(value: &serde_json::Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    if let Some(report) = super::report::of(value) {
        return Some(research::render::markdown(&report).trim_end().to_string());
    }
    let text = match value.as_object() {
        Some(map) if map.len() == 1 => map.get("answer").and_then(|v| v.as_str()),
        _ => None,
    };
    let json = || guard::visible_json(&format!("{value:#}")).into_owned();
    Some(text.map_or_else(json, str::to_string))
}

/// What a run took, unless only errors are wanted, and why there is no answer.
pub(crate) fn finished(finished: &Finished, answer: &Answer) {
    let Finished { run, outcome, spent } = finished;
    let steps = if spent.steps == 1 { "step" } else { "steps" };
    let mut last = format!(
        "  {} {steps}, {} tokens read, {} written, {:.1} s",
        spent.steps,
        spent.input_tokens,
        spent.output_tokens,
        spent.time_ms as f64 / 1000.0
    );
    if spent.cost_usd > 0.0 {
        last += &format!(", {:.4} USD", spent.cost_usd);
    }
    if !answer.quiet {
        eprint(&last);
    }
    let Some(reason) = outcome.reason else { return };
    let detail = outcome.detail.clone().unwrap_or_default();
    let spent_all = |what: &str, key: &str| {
        eprint(&format!("error: the budget's {what} were not enough for an answer"));
        eprint(&format!("hint: raise [budget] {key} in the agent file"));
    };
    match reason {
        Reason::Steps => spent_all("steps", "steps"),
        Reason::Tokens => spent_all("tokens", "tokens"),
        Reason::Time => spent_all("minutes", "time"),
        Reason::Cost => spent_all("dollars", "cost_usd"),
        Reason::Fault => {
            // What a person must change comes with its own hint, and may not be a matter of resuming.
            let detail =
                detail.replace("`errand runs resume RUN", &format!("`errand runs resume {run}"));
            eprint(&format!("error: {detail}"));
            if !detail.contains("\nhint: ") {
                eprint(&format!("hint: nothing is lost; `errand runs resume {run}` goes on"));
            }
        }
        Reason::Unsupported => {
            let detail = if detail.is_empty() { reason.as_str() } else { &detail };
            eprint(&format!("error: there is no answer: {detail}"));
            eprint(&format!("hint: `errand runs show {run}` says what was read"));
        }
        Reason::Cancelled => {
            eprint(&format!("stopped; `errand runs resume {run}` goes on from here"));
        }
        Reason::Approval => {
            eprint(&detail);
            if detail.starts_with(QUESTION_WAITS) {
                eprint(&format!(
                    "hint: `errand runs resume {run} --answer TEXT` or `--deny` goes on"
                ));
                return;
            }
            let waits = outcome.waits.as_deref().unwrap_or_default();
            eprint(&format!(
                "hint: `errand runs resume {run} --approve {waits}` or `--deny` goes on"
            ));
            if detail == PLAN_WAITS {
                eprint("hint: `--plan QUESTION`, once or more, puts yours in its place");
            }
        }
    }
}

/// Says what went wrong before or around a run, and gives the exit code: 2 for what the user
/// wrote, 1 for the rest.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    if let Some(invalid) = error.downcast_ref::<errand::Invalid>() {
        eprint(&invalid.to_string());
        return ExitCode::from(2);
    }
    let wrong = error.is::<errand::Unfit>() || error.is::<errand::serve::Refused>();
    if wrong || error.is::<Usage>() || error.is::<guard::private::Exposed>() {
        eprint(&format!("error: {error}"));
        return ExitCode::from(2);
    }
    eprint(&format!("error: {error:#}"));
    ExitCode::from(1)
}

/// Something on the command line that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A line on stdout for a person. A reader that has gone away is no reason to stop.
pub(crate) fn say(text: &str) {
    put(&visible(text));
}

/// What a run or a tool gave, on stdout: as it is where a program or a file takes it.
pub(crate) fn data(text: &str) {
    match std::io::stdout().is_terminal() {
        true => say(text),
        false => put(text),
    }
}

/// Why something that was printed is nowhere, if that is so.
static LOST: OnceLock<String> = OnceLock::new();

/// A line on stdout, and out of it. What cannot be written there, on a full disk, is told at the end
/// ([`lost`]).
pub(crate) fn put(line: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        let _first = LOST.set(error.to_string());
    }
}

/// Says that what was printed did not arrive, and gives the exit code for it.
pub(crate) fn lost() -> Option<ExitCode> {
    let error = LOST.get()?;
    eprint(&format!("error: standard output cannot be written: {error}"));
    Some(ExitCode::FAILURE)
}

/// A line on stderr, likewise.
pub(crate) fn eprint(text: &str) {
    let _gone = writeln!(std::io::stderr(), "{}", visible(text));
}
