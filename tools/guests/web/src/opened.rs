//! A page by its address, read: as it was sent, where it sends on to, or – where it shows next to
//! nothing before its scripts have run, and the agent has a browser – as a browser shows it. A page
//! that says nothing is an error that says why.

use crate::bindings::errand::tool::pages::{self, Page};
use crate::fetch;
use crate::page::{self, Page as Text};
use crate::refresh::Refresh;
use crate::settings::Settings;

/// Letters. A page that says less, and runs scripts, is a frame for what they would bring.
const FRAME: usize = 300;
/// Pages that send on to each other.
const SENT_ON: usize = 5;
/// Seconds. Who is sent on so soon has read nothing.
const AT_ONCE: f64 = 1.0;

pub(crate) fn page(written: &str, settings: &Settings) -> Result<(Found, Text), String> {
    let mut sent = fetch::page(written, &settings.agent)?;
    let mut text = read(&mut sent)?;
    let mut left = SENT_ON;
    while let Some(next) =
        text.refresh.take().filter(|it| it.after <= AT_ONCE || says_little(&text))
    {
        if left == 0 {
            return Err(format!("`{written}` sends on more than {SENT_ON} times"));
        }
        left -= 1;
        sent = sent_on(&sent.url, &next, &settings.agent)?;
        text = read(&mut sent)?;
    }
    if says_little(&text) && text.scripts && settings.browser {
        sent = pages::show(&sent.url).map_err(|reason| {
            format!("`{}` says nothing without its scripts: {reason}", sent.url)
        })?;
        text = read(&mut sent)?;
        text.scripts = false;
    }
    match silence(&text) {
        Some(why) => Err(format!("`{}` {why}", sent.url)),
        None => Ok((Found::of(sent), text)),
    }
}

fn read(sent: &mut Page) -> Result<Text, String> {
    page::read(&sent.url, &sent.content_type, std::mem::take(&mut sent.body))
}

fn sent_on(page: &str, next: &Refresh, agent: &str) -> Result<Page, String> {
    let to = &next.to;
    let reason = match next.may_be_followed(page) {
        true => match fetch::page(to.as_str(), agent) {
            Ok(page) => return Ok(page),
            Err(reason) => reason,
        },
        false => "it may not lead to a number".to_string(),
    };
    Err(format!("`{page}` only sends on to `{to}`: {reason}"))
}

fn says_little(text: &Text) -> bool {
    text.text.chars().take(FRAME).count() < FRAME
}

/// Why a page says nothing, as the rest of a sentence.
fn silence(text: &Text) -> Option<String> {
    let said = text.text.trim();
    let asks = says_little(text) && asks_for_scripts(said);
    if text.scripts && (said.is_empty() || asks) {
        let quoted = match said.is_empty() {
            true => String::new(),
            false => format!(" but `{}`", text::one_line(&said)),
        };
        return Some(format!(
            "says nothing{quoted} before its scripts have run, which takes a browser: a table `[browser]` in the \
             agent file allows one"
        ));
    }
    said.is_empty().then(|| "holds no text".to_string())
}

/// Whether that is all that a short text says.
fn asks_for_scripts(said: &str) -> bool {
    const HOW: [&str; 9] =
        ["activ", "aktiv", "allow", "disabled", "enable", "need", "require", "support", "turn on"];
    const WAIT: [&str; 6] =
        ["loading", "please wait", "wird geladen", "chargement", "cargando", "lädt"];
    let said = said.to_lowercase();
    let waits = said.len() < 40 && WAIT.iter().any(|wait| said.contains(wait));
    waits || said.contains("javascript") && HOW.iter().any(|how| said.contains(how))
}

/// What to know of a text that is there; empty where there is nothing to know.
pub(crate) fn note(text: &Text) -> String {
    match text.scripts && says_little(text) {
        true => "It runs scripts, and says no more than this before they have run.".to_string(),
        false => String::new(),
    }
}

/// Where a page was found, and what a citation of it needs.
pub(crate) struct Found {
    pub(crate) url: String,
    pub(crate) sha256: String,
    pub(crate) retrieved: u64,
}

impl Found {
    fn of(page: Page) -> Found {
        Found { url: page.url, sha256: page.sha256, retrieved: page.retrieved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str, scripts: bool) -> Option<String> {
        silence(&Text { text: text.to_string(), scripts, ..Text::default() })
    }

    #[test]
    fn a_page_that_says_nothing_says_why() {
        let asked = "You need to enable JavaScript to run this app.";
        for text in ["", " \n", asked, "Loading…"] {
            assert!(why(text, true).is_some_and(|why| why.contains("`[browser]`")), "{text}");
        }
        assert_eq!(why("", false).as_deref(), Some("holds no text"));
        assert_eq!(why(asked, false), None);
        assert_eq!(why("A tower.", true), None);
        let short = Text { text: "A tower.".to_string(), scripts: true, ..Text::default() };
        assert!(note(&short).contains("scripts"));
        assert_eq!(note(&Text { scripts: false, ..short }), "");
        assert_eq!(why(&format!("{asked} {}", "A long text on it. ".repeat(30)), true), None);
    }
}
