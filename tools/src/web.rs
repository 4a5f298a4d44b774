//! `web.search`, `web.read` and `web.page`. The host sends the requests; what comes back is parsed
//! in a guest.

mod types;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::manifest::SecretUse;
use agent_core::path::resolve;
use agent_core::permission::NetRule;
use agent_core::search::{Asked, Provider, Search, Source};
use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool, ToolSpec};
use serde_json::{Map, Value, json};
use url::Url;

use crate::builtin::{Builtin, packed, spec};
use crate::registry::Setup;

use types::{PageArguments, PageText, QueryArguments, SearchResults, WholeArguments, WholePage};

const SEARCH: &str = "web.search";

/// The tools that send forms: where to and in what form is the agent file's, only the words are the model's.
pub const FORMS: [&str; 1] = [SEARCH];

static COMPONENT: Component = packed!("web");

const LIMITS: Limits = Limits {
    memory: 256 << 20,
    time: Duration::from_secs(20),
    output: 1 << 20,
    fuel: None,
    calls: 128,
};

/// A whole page has more to give: a megabyte of text, as JSON.
const WHOLE: Limits = Limits { output: 4 << 20, ..LIMITS };

pub(crate) fn tools(setup: &Setup) -> Vec<Arc<dyn Tool>> {
    let search = setup.search.clone().unwrap_or_default();
    let agent = setup.user_agent.split('/').next().unwrap_or_default();
    let settings = json!({ "agent": agent, "search": search, "browser": setup.browser });
    // A search looks into folders, and asks with a key.
    let imports = Imports { files: true, http: true, pages: true, ..Imports::default() };
    let guest = Guest {
        secrets: keys(&search).into(),
        adds: Arc::new(Map::from_iter([("settings".to_string(), settings)])),
        ..Guest::builtin(COMPONENT.clone(), imports, LIMITS)
    };
    let root = setup.root.clone();
    vec![
        Arc::new(
            Builtin::new(search_spec(), guest.clone(), move |call: QueryArguments| {
                asks(&search, &root, &call)
            })
            .shown(show_results),
        ),
        Arc::new(Builtin::new(read_spec(), guest.clone(), |call: PageArguments| fetch(&call.url))),
        Arc::new(
            Builtin::new(page_spec(), Guest { limits: WHOLE, ..guest }, |call: WholeArguments| {
                fetch(&call.url)
            })
            .shown(show_page),
        ),
    ]
}

fn fetch(written: &str) -> Result<Vec<Capability>, String> {
    Ok(vec![Capability::Fetch { method: "GET".to_string(), url: page(written)? }])
}

/// What a search asks, wherever it looks.
fn asks(search: &Search, root: &Path, call: &QueryArguments) -> Result<Vec<Capability>, String> {
    let limit = call.limit.unwrap_or(search.limit);
    let asked = Asked { query: call.query.trim(), limit, language: search.language.as_deref() };
    let asks = |provider: &Provider| {
        if let Source::Folder { path } = &provider.source {
            return Ok(Capability::Read(resolve(root, path)?));
        }
        let method = if provider.source.body(&asked).is_some() { "POST" } else { "GET" };
        let address = provider.source.address(&asked).unwrap_or_default();
        let url = Url::parse(&address)
            .map_err(|error| format!("`{}` cannot be asked: {error}", provider.name))?;
        Ok(Capability::Fetch { method: method.to_string(), url })
    };
    search.providers.iter().map(asks).collect()
}

/// The keys of the providers, each for its own host.
fn keys(search: &Search) -> Vec<SecretUse> {
    let asked = Asked { query: "q", limit: 1, language: None };
    let key = |provider: &Provider| {
        let key = provider.source.key()?;
        let url = Url::parse(&provider.source.address(&asked)?).ok()?;
        let host = NetRule::endpoint(&url)?;
        Some(SecretUse { name: key.variable.clone(), host, header: key.header.clone() })
    };
    search.providers.iter().filter_map(key).collect()
}

/// Each result after its number, and what could not be asked.
fn show_results(result: &Value) -> String {
    let list = |key: &str| result[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
    let found = list("results").into_iter().zip(1..).map(|(result, number)| {
        let lines = ["title", "url", "snippet"].map(|key| text(&result, key));
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        format!("[{number}] {}", lines.join("\n"))
    });
    let mut parts: Vec<String> = found.collect();
    if parts.is_empty() {
        parts.push("nothing was found".to_string());
    }
    let failed = list("failed").into_iter();
    parts.extend(
        failed.map(|it| format!("`{}` failed: {}", text(&it, "provider"), text(&it, "reason"))),
    );
    parts.join("\n\n")
}

fn page(written: &str) -> Result<Url, String> {
    let url = match Url::parse(written) {
        Ok(url) => url,
        Err(_) if Url::parse(&format!("https://{written}")).is_ok() => {
            return Err(format!("`{written}` is no full URL: write `https://{written}`"));
        }
        Err(error) => return Err(format!("`{written}` is no URL: {error}")),
    };
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(format!("`{scheme}:` cannot be read, only `https:` and `http:`")),
    }
}

fn search_spec() -> ToolSpec {
    spec::<QueryArguments, SearchResults>(
        SEARCH,
        "Searches the web for pages. Read the ones that fit with web.read.",
        Effect::Reads,
    )
}

fn read_spec() -> ToolSpec {
    spec::<PageArguments, PageText>(
        "web.read",
        "Reads a web page, PDF or feed as Markdown with its links.",
        Effect::Reads,
    )
}

fn show_page(page: &Value) -> String {
    let text = |key: &str| page[key].as_str().unwrap_or_default();
    let note = page["note"].as_str().map(|note| format!("\n\n({note})")).unwrap_or_default();
    format!("{}\n{}\n\n{}{note}", text("title"), text("url"), text("text"))
}

fn page_spec() -> ToolSpec {
    spec::<WholeArguments, WholePage>(
        "web.page",
        "Reads the whole of a web page, with what a citation of it needs.",
        Effect::Reads,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: Result<&str, &str>) {
        let found = page(written).map(|url| url.to_string());
        assert_eq!(found, expected.map(str::to_string).map_err(str::to_string));
    }

    #[test]
    fn only_web_pages_are_planned() {
        check("https://example.org/a?b#c", Ok("https://example.org/a?b#c"));
        check("HTTP://EXAMPLE.org", Ok("http://example.org/"));
        check(
            "example.org/a",
            Err("`example.org/a` is no full URL: write `https://example.org/a`"),
        );
        check("file:///etc/passwd", Err("`file:` cannot be read, only `https:` and `http:`"));
        check("", Err("`` is no URL: relative URL without a base"));
    }
}
