//! `web.read` and `web.page`: one page, as Markdown. The host sends the request; the page is
//! parsed in a guest.

mod types;

use std::sync::Arc;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::tool::{Component, Effect, Guest, Limits, Tool, ToolSpec};
use url::Url;

use crate::builtin::{Builtin, spec};

use types::{PageArguments, PageText, WholeArguments, WholePage};

pub(crate) static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/web.wasm"));

const LIMITS: Limits = Limits {
    memory: 256 << 20,
    time: Duration::from_secs(20),
    output: 1 << 20,
    fuel: None,
    calls: 128,
};

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![read_spec(), page_spec()]
}

pub(crate) fn tools() -> Vec<Arc<dyn Tool>> {
    let guest = Guest::builtin(Component::Embedded { name: "web", bytes: COMPONENT }, LIMITS);
    let fetch = |written: &str| {
        Ok(vec![Capability::Fetch { method: "GET".to_string(), url: page(written)? }])
    };
    let read = move |call: PageArguments| fetch(&call.url);
    let whole = move |call: WholeArguments| fetch(&call.url);
    vec![
        Arc::new(Builtin::new(read_spec(), guest.clone(), read)),
        Arc::new(Builtin::new(page_spec(), guest, whole)),
    ]
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

fn read_spec() -> ToolSpec {
    spec::<PageArguments, PageText>(
        "web.read",
        "Reads a web page as Markdown with its links.",
        Effect::Reads,
    )
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
