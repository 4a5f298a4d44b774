//! A page by its address, read: as it was sent, or – where it shows next to nothing before its scripts
//! have run, and the agent has a browser – as a browser shows it.

use crate::bindings::errand::tool::pages::{self, Page};
use crate::fetch;
use crate::kind::{Kind, kind};
use crate::page::{self, Page as Text};
use crate::settings::Settings;

/// Letters. A page that says less, and runs scripts, is a frame for what they would bring.
const FRAME: usize = 300;

pub(crate) fn page(written: &str, settings: &Settings) -> Result<(Found, Text), String> {
    let mut sent = fetch::page(written, &settings.agent)?;
    let body = std::mem::take(&mut sent.body);
    let acts = settings.browser && runs_scripts(&sent.content_type, &body);
    let text = page::read(&sent.url, &sent.content_type, body)?;
    if !acts || text.text.chars().take(FRAME).count() == FRAME {
        return Ok((Found::of(sent), text));
    }
    let mut shown = pages::show(&sent.url)
        .map_err(|reason| format!("`{}` says nothing without its scripts: {reason}", sent.url))?;
    let body = std::mem::take(&mut shown.body);
    let text = page::read(&shown.url, &shown.content_type, body)?;
    Ok((Found::of(shown), text))
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

fn runs_scripts(content_type: &str, body: &[u8]) -> bool {
    matches!(kind(content_type, body), Ok(Kind::Html))
        && body.windows(7).any(|at| at.eq_ignore_ascii_case(b"<script"))
}
