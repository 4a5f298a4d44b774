//! Search services that answer in JSON, as their public references describe them in 2026:
//! Brave (`GET /res/v1/web/search`), Tavily (`POST /search`), Serper (`POST /search`) and OpenAlex
//! (`GET /works`). They are data, written from those references and not run against the services.

use serde_json::json;

use super::Kind;
use agent_core::search::{Json, Key};

/// What a service is asked; its key's variable is the agent file's to name.
pub(super) fn preset(kind: Kind) -> Option<Json> {
    let key = |header: &str| Some(Key { variable: String::new(), header: header.to_string() });
    let json = |url: &str, results: &str, [title, link, snippet]: [&str; 3]| Json {
        url: url.to_string(),
        body: None,
        key: None,
        results: results.to_string(),
        title: title.to_string(),
        link: link.to_string(),
        snippet: snippet.to_string(),
    };
    Some(match kind {
        Kind::Brave => Json {
            key: key("x-subscription-token"),
            ..json(
                "https://api.search.brave.com/res/v1/web/search\
                 ?q={query}&count={limit}&search_lang={language}",
                "/web/results",
                ["/title", "/url", "/description"],
            )
        },
        Kind::Tavily => Json {
            key: key("authorization"),
            body: Some(json!({ "query": "{query}", "max_results": "{limit}" })),
            ..json("https://api.tavily.com/search", "/results", ["/title", "/url", "/content"])
        },
        Kind::Serper => Json {
            key: key("x-api-key"),
            body: Some(json!({ "q": "{query}", "num": "{limit}", "hl": "{language}" })),
            ..json("https://google.serper.dev/search", "/organic", ["/title", "/link", "/snippet"])
        },
        // Its key would stand in the URL, where no secret goes: it is asked without, which it
        // allows for a little.
        Kind::Openalex => json(
            "https://api.openalex.org/works?search={query}&per_page={limit}",
            "/results",
            [
                "/display_name",
                "/primary_location/landing_page_url",
                "/primary_location/source/display_name",
            ],
        ),
        _ => return None,
    })
}
