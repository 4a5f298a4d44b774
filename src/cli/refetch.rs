//! `errand report check --refetch`: whether what a report cites still stands where it was read.
//!
//! The author of the report chose its addresses. So each page is asked for as a tool's call is: under
//! a policy that grants public addresses and what the person named, at the pace and by the rules of
//! robots that hold everywhere, and parsed in the guest. Nothing that was kept of a page before is
//! taken for what it is now.

use std::fs;
use std::path::PathBuf;

use agent_core::agent::Agent;
use agent_core::drive::Unseen;
use agent_core::event::{Observation, Status};
use agent_core::message::ToolCall;
use agent_core::permission::NetRule;
use errand::{Caller, Errand};
use futures::StreamExt;
use research::report::{Report, Source};
use research::{LONGEST, PAGE};
use serde::Serialize;
use serde_json::{Value, json};
use text::one_line;

use super::run::runtime;
use super::terminal::Usage;

/// Pages that are read side by side; of one host, one after the other.
const AT_ONCE: usize = 4;

/// Grants what any report may have asked for: nothing but the web.
const AGENT: &str = "name = \"refetch\"\ntask = \"read again what a report cites\"\n[tools]\nuse = \
                     [\"web.page\"]\n[permissions]\nnet = [\"public\"]\n";

/// A source of the report, as it is now.
#[derive(Serialize)]
pub(crate) struct Again {
    /// Its number in the report.
    pub(crate) source: u32,
    pub(crate) url: String,
    pub(crate) state: State,
    /// Why it could not be read.
    pub(crate) detail: Option<String>,
    /// What is cited of it; of a page that could not be read, nothing can be said.
    pub(crate) quotes: Vec<Quote>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// The same text.
    Unchanged,
    /// Another text.
    Changed,
    /// Its server says that it is not there any more.
    Gone,
    /// It cannot be read now.
    Unreadable,
}

#[derive(Serialize)]
pub(crate) struct Quote {
    pub(crate) quote: String,
    /// Whether it stands in the page word for word, wherever its lines break.
    pub(crate) stands: bool,
}

impl Again {
    /// Whether something that the report cites is not there any more.
    pub(crate) fn lost(&self) -> bool {
        self.state == State::Gone || self.quotes.iter().any(|quote| !quote.stands)
    }
}

/// What may be reached beside public addresses, as it is written under `[permissions] net`.
pub(crate) fn rules(written: &[String]) -> Result<Vec<NetRule>, Usage> {
    let rule = |written: &String| {
        written.parse().map_err(|error: agent_core::permission::NetRuleError| {
            Usage(format!("`{written}` {}\nhint: {}", error.problem, error.hint))
        })
    };
    written.iter().map(rule).collect()
}

/// Reads every source of a report again.
pub(crate) fn all(report: &Report, net: Vec<NetRule>) -> anyhow::Result<Vec<Again>> {
    let errand = Errand::open()?;
    let home = std::path::absolute(errand.fetcher().home().root())?;
    let own = Folder(home.join(format!("refetch-{}", std::process::id())));
    fs::create_dir_all(&own.0)?;
    let errand = errand.pages(own.0.join("pages"));
    let mut agent: Agent =
        errand.check_text(&own.0.join("refetch.toml"), AGENT, &tools::lock::Lock::default())?.agent;
    agent.grants.net.extend(net);
    runtime()?.block_on(async {
        let caller = errand.caller(agent).await?;
        let pages = (1..).zip(&report.sources).map(|(number, source)| {
            let caller = &caller;
            async move { anyhow::Ok(compared(report, number, source, read(caller, source).await?)) }
        });
        let pages: Vec<anyhow::Result<Again>> =
            futures::stream::iter(pages).buffered(AT_ONCE).collect().await;
        pages.into_iter().collect()
    })
}

async fn read(caller: &Caller, source: &Source) -> anyhow::Result<Observation> {
    let arguments = json!({ "url": source.url });
    let call = ToolCall { id: "1".to_string(), name: PAGE.to_string(), arguments };
    caller.call(&call, &Unseen, None).await
}

fn compared(report: &Report, number: u32, source: &Source, now: Observation) -> Again {
    let url = source.url.clone();
    if now.status != Status::Ok {
        // What the guest says of a page ends so, whatever its address holds.
        let gone = ["404", "410"]
            .iter()
            .any(|status| now.text.trim_end().ends_with(&format!("answered with status {status}")));
        let state = if gone { State::Gone } else { State::Unreadable };
        return Again { source: number, url, state, detail: Some(now.text), quotes: Vec::new() };
    }
    let told = |key: &str| now.result.get(key).and_then(Value::as_str).unwrap_or_default();
    let text = told("text");
    let same =
        told("sha256") == source.sha256 || text[..text.floor_char_boundary(LONGEST)] == source.text;
    let state = if same { State::Unchanged } else { State::Changed };
    let text = one_line(text);
    let mut quotes: Vec<Quote> = Vec::new();
    let spans = report.claims().flat_map(|(_, claim)| &claim.citations);
    for span in spans.filter(|span| span.source == number) {
        if !quotes.iter().any(|known| known.quote == span.quote) {
            let stands = same || text.contains(&one_line(&span.quote));
            quotes.push(Quote { quote: span.quote.clone(), stands });
        }
    }
    Again { source: number, url, state, detail: None, quotes }
}

/// What one source has come to, for a person.
pub(crate) fn told(page: &Again) -> String {
    let Again { source, url, state, detail, quotes } = page;
    let url = research::render::plain(url);
    let standing = quotes.iter().filter(|quote| quote.stands).count();
    let said = match state {
        State::Unchanged => "unchanged".to_string(),
        State::Changed => {
            format!("changed; {standing} of {} quotes stand there still", quotes.len())
        }
        State::Gone => "gone".to_string(),
        State::Unreadable => "cannot be read now".to_string(),
    };
    let mut text = format!("source {source} {url}: {said}");
    if let Some(detail) = detail {
        text += &format!("\n  {}", research::render::plain(detail));
    }
    for quote in quotes.iter().filter(|quote| !quote.stands) {
        text += &format!("\n  no longer there: `{}`", research::render::plain(&quote.quote));
    }
    text
}

/// A folder that is gone once the pages were compared.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
