//! The guest behind `web.read`: one page, fetched by the host, made into Markdown here, where
//! nothing of it can reach further than its own text.

mod bindings {
    #![allow(clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "builtin" });
}
mod decode;
mod kind;
mod links;
mod page;
mod parts;
#[path = "../../../src/web/types.rs"]
mod types;

use bindings::errand::tool::{http, pages};
use serde::Serialize;
use serde::de::DeserializeOwned;
use types::{PageArguments, PageText, WholeArguments, WholePage};

struct Web;

impl bindings::Guest for Web {
    fn invoke(tool: String, arguments: String) -> Result<String, String> {
        match tool.as_str() {
            "web.read" => answer(&arguments, read),
            "web.page" => answer(&arguments, whole),
            _ => Err(format!("this component has no tool `{tool}`")),
        }
    }
}

fn answer<A: DeserializeOwned, R: Serialize>(
    arguments: &str,
    tool: fn(A) -> Result<R, String>,
) -> Result<String, String> {
    let arguments = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
    serde_json::to_string(&tool(arguments)?).map_err(|error| error.to_string())
}

fn read(arguments: PageArguments) -> Result<PageText, String> {
    let response = http::get(&arguments.url)?;
    let http::Response { status, url, content_type, body } = response;
    if !(200..300).contains(&status) {
        return Err(format!("`{url}` answered with status {status}"));
    }
    let page = page::read(&url, &content_type, &body)?;
    let wanted = arguments.part.unwrap_or(1).max(1);
    let (text, parts) =
        parts::part(&page.text, wanted).ok_or_else(|| format!("`{url}` has no part {wanted}"))?;
    Ok(PageText { url, title: page.title, text: text.to_string(), part: wanted, parts })
}

fn whole(arguments: WholeArguments) -> Result<WholePage, String> {
    let got = pages::get(&arguments.url)?;
    let pages::Page { status, url, content_type, body, sha256, retrieved, .. } = got;
    if !(200..300).contains(&status) {
        return Err(format!("`{url}` answered with status {status}"));
    }
    let page = page::read(&url, &content_type, &body)?;
    let page::Page { title, text, author, date, site, language } = page;
    Ok(WholePage { url, title, author, date, site, language, text, sha256, retrieved })
}

bindings::export!(Web with_types_in bindings);
