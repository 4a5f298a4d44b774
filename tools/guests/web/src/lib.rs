//! The guest behind `web.read` and `web.search`: pages fetched by the host, made into Markdown and
//! results here, where nothing of them can reach further than its own text.

mod bindings {
    #![allow(clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "builtin" });
}
mod agreement;
mod code;
mod consent;
mod decode;
mod feed;
mod fetch;
mod flat;
mod folded;
mod formula;
mod headline;
mod hidden;
mod html;
mod json;
mod kind;
mod links;
mod markdown;
mod opened;
mod page;
mod parts;
#[path = "../../../../agent-core/src/search.rs"]
#[allow(dead_code, reason = "the agent file uses the rest")]
mod provider;
mod refresh;
mod refused;
mod robots;
mod search;
mod settings;
mod tables;
mod tidy;
#[path = "../../../src/web/types.rs"]
mod types;

use serde::Serialize;

use settings::{Settings, apart};
use types::{PageArguments, PageText, WholeArguments, WholePage};

/// Bytes of text that `web.page` gives; `web.read` gives all of it, in parts.
const MOST_TEXT: usize = 1 << 20;

struct Web;

impl bindings::Guest for Web {
    fn invoke(tool: String, arguments: String) -> Result<String, String> {
        match tool.as_str() {
            "web.read" => {
                let (call, settings) = apart(&arguments)?;
                told(&read(call, &settings)?)
            }
            "web.page" => {
                let (call, settings) = apart(&arguments)?;
                told(&whole(call, &settings)?)
            }
            "web.search" => {
                let (call, settings) = apart(&arguments)?;
                told(&search::search(call, &settings.search)?)
            }
            _ => Err(format!("this component has no tool `{tool}`")),
        }
    }
}

fn told(result: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(result).map_err(|error| error.to_string())
}

fn read(arguments: PageArguments, settings: &Settings) -> Result<PageText, String> {
    let (found, page) = opened::page(&arguments.url, settings)?;
    let (url, note) = (found.url, opened::note(&page));
    let wanted = arguments.part.unwrap_or(1).max(1);
    let part =
        parts::part(&page.text, wanted).ok_or_else(|| format!("`{url}` has no part {wanted}"))?;
    let text = match page.pages {
        0 => part.text.to_string(),
        _ => part.numbered(&page.text),
    };
    Ok(PageText { url, title: page.title, text, part: wanted, parts: part.of, note })
}

fn whole(arguments: WholeArguments, settings: &Settings) -> Result<WholePage, String> {
    let (found, page) = opened::page(&arguments.url, settings)?;
    let (sha256, retrieved, note) = (found.sha256, found.retrieved, opened::note(&page));
    Ok(WholePage { sha256, retrieved, note, ..given(found.url, page) })
}

/// A page's bytes as `web.page` tells them, without what the host says of the page: for measuring the
/// parsing alone.
pub fn parsed(url: String, content_type: &str, body: Vec<u8>) -> Result<String, String> {
    let page = page::read(&url, content_type, body)?;
    told(&given(url, page))
}

fn given(url: String, page: page::Page) -> WholePage {
    let page::Page { title, mut text, author, date, site, language, canonical, pages, .. } = page;
    let end = text.floor_char_boundary(MOST_TEXT);
    let left_out = (text.len() - end) as u64;
    text.truncate(end);
    let page = WholePage { url, title, author, date, site, language, ..WholePage::default() };
    WholePage { canonical, text, pages, left_out, ..page }
}

bindings::export!(Web with_types_in bindings);
