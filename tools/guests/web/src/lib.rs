//! The guest behind `web.read` and `web.search`: pages fetched by the host, made into Markdown and
//! results here, where nothing of them can reach further than its own text.

mod bindings {
    #![allow(clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "builtin" });
}
mod decode;
mod fetch;
mod kind;
mod links;
mod page;
mod parts;
#[path = "../../../../agent-core/src/search.rs"]
#[allow(dead_code, reason = "the agent file uses the rest")]
mod provider;
mod robots;
mod search;
mod settings;
#[path = "../../../src/web/types.rs"]
mod types;

use serde::Serialize;

use settings::{Settings, apart};
use types::{PageArguments, PageText, WholeArguments, WholePage};

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
    let found = fetch::page(&arguments.url, &settings.agent)?;
    let url = found.url;
    let page = page::read(&url, &found.content_type, &found.body)?;
    let wanted = arguments.part.unwrap_or(1).max(1);
    let (text, parts) =
        parts::part(&page.text, wanted).ok_or_else(|| format!("`{url}` has no part {wanted}"))?;
    Ok(PageText { url, title: page.title, text: text.to_string(), part: wanted, parts })
}

fn whole(arguments: WholeArguments, settings: &Settings) -> Result<WholePage, String> {
    let found = fetch::page(&arguments.url, &settings.agent)?;
    let page = page::read(&found.url, &found.content_type, &found.body)?;
    let page::Page { title, text, author, date, site, language } = page;
    let (url, sha256, retrieved) = (found.url, found.sha256, found.retrieved);
    Ok(WholePage { url, title, author, date, site, language, text, sha256, retrieved })
}

bindings::export!(Web with_types_in bindings);
