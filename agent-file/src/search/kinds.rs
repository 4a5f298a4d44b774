//! What can be asked at a place to look, each declared once: its word, the keys of its table, what a search asks there.
//!
//! Services that answer in JSON are data, written from their public references of 2026 (Brave `GET
//! /res/v1/web/search`, Tavily `POST /search`, Serper `POST /search`, OpenAlex `GET /works`) and not run against
//! them.

use std::borrow::Cow;
use std::mem::discriminant;

use agent_core::search::{ARXIV, DUCKDUCKGO, Json, Key, Source, wikipedia};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::json;

use crate::suggest;

/// All of them, in the order to name them. A new one is an entry here; one that does not answer in JSON also needs a
/// `Source`, and what reads its answer (`tools/guests/web/src/search`).
static KINDS: [Declared; 10] = [
    Declared {
        word: "mediawiki",
        about: "A wiki, through its `api.php`.",
        asks: Asks::At(|url, language| Source::Mediawiki {
            url: url.unwrap_or(wikipedia(language)),
        }),
        ..SERVICE
    },
    Declared {
        word: "duckduckgo",
        about: "DuckDuckGo's page without scripts: best effort.",
        asks: Asks::At(|url, _| Source::Duckduckgo { url: url.unwrap_or(DUCKDUCKGO.to_string()) }),
        ..SERVICE
    },
    Declared {
        word: "arxiv",
        about: "arXiv.",
        asks: Asks::At(|url, _| Source::Arxiv { url: url.unwrap_or(ARXIV.to_string()) }),
        ..SERVICE
    },
    Declared {
        word: "openalex",
        about: "OpenAlex, scholarly works.",
        // Its key would stand in the URL, where no secret goes: it is asked without, which it allows for a little.
        asks: Asks::Preset(|| {
            get(
                "https://api.openalex.org/works?search={query}&per_page={limit}",
                "/results",
                [
                    "/display_name",
                    "/primary_location/landing_page_url",
                    "/primary_location/source/display_name",
                ],
            )
        }),
        ..SERVICE
    },
    Declared {
        word: "searxng",
        about: "A SearXNG or searx instance that answers in JSON.",
        needs: &["url"],
        takes: &[],
        asks: Asks::At(|url, _| Source::Searxng { url: url.unwrap_or_default() }),
    },
    Declared {
        word: "folder",
        about: "Files on this machine.",
        needs: &["path"],
        takes: &[],
        asks: Asks::Folder,
    },
    Declared {
        word: "json",
        about: "Anything that answers in JSON.",
        needs: &["url", "results"],
        takes: &["key", "header", "body", "title", "link", "snippet"],
        asks: Asks::Json,
    },
    Declared {
        word: "brave",
        about: "Brave Search.",
        needs: &["key"],
        asks: Asks::Preset(|| Json {
            key: key_in("x-subscription-token"),
            ..get(
                "https://api.search.brave.com/res/v1/web/search\
                 ?q={query}&count={limit}&search_lang={language}",
                "/web/results",
                ["/title", "/url", "/description"],
            )
        }),
        ..SERVICE
    },
    Declared {
        word: "tavily",
        about: "Tavily.",
        needs: &["key"],
        asks: Asks::Preset(|| Json {
            key: key_in("authorization"),
            body: Some(json!({ "query": "{query}", "max_results": "{limit}" })),
            ..get("https://api.tavily.com/search", "/results", ["/title", "/url", "/content"])
        }),
        ..SERVICE
    },
    Declared {
        word: "serper",
        about: "Serper, Google's results.",
        needs: &["key"],
        asks: Asks::Preset(|| Json {
            key: key_in("x-api-key"),
            body: Some(json!({ "q": "{query}", "num": "{limit}", "hl": "{language}" })),
            ..get("https://google.serper.dev/search", "/organic", ["/title", "/link", "/snippet"])
        }),
        ..SERVICE
    },
];

/// A service at a known address. A table may name another, so that a test or a gateway can stand in for it.
const SERVICE: Declared =
    Declared { word: "", about: "", needs: &[], takes: &["url"], asks: Asks::Json };

struct Declared {
    word: &'static str,
    about: &'static str,
    /// The keys of its table that it cannot do without.
    needs: &'static [&'static str],
    /// The keys of its table beside those.
    takes: &'static [&'static str],
    asks: Asks,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) enum Asks {
    /// An address: the table's, or its own. The second is a language code.
    At(fn(Option<String>, &str) -> Source),
    /// Files on this machine.
    Folder,
    /// What the table says.
    Json,
    /// A service that answers in JSON; its key's variable is the table's to name.
    Preset(fn() -> Json),
}

/// What is asked at a place to look, by its word in an agent file: `mediawiki`, `folder`, `json` and so on.
#[derive(Clone, Copy)]
pub struct Kind(&'static Declared);

impl Kind {
    pub(super) fn all() -> impl Iterator<Item = Kind> {
        KINDS.iter().map(Kind)
    }

    pub(super) fn called(word: &str) -> Option<Kind> {
        Kind::all().find(|kind| kind.word() == word)
    }

    /// What is asked there; a preset is one that answers in JSON.
    pub(super) fn of(source: &Source) -> Option<Kind> {
        Kind::all().find(|kind| match kind.0.asks {
            Asks::At(make) => discriminant(&make(None, "")) == discriminant(source),
            Asks::Folder => matches!(source, Source::Folder { .. }),
            Asks::Json => matches!(source, Source::Json(_)),
            Asks::Preset(_) => false,
        })
    }

    pub(super) fn word(self) -> &'static str {
        self.0.word
    }

    /// The keys of its table that it cannot do without.
    pub(super) fn needs(self) -> &'static [&'static str] {
        self.0.needs
    }

    /// Whether it has this key.
    pub(super) fn has(self, key: &str) -> bool {
        self.0.needs.contains(&key) || self.0.takes.contains(&key)
    }

    pub(super) fn asks(self) -> Asks {
        self.0.asks
    }

    /// What it asks where no table says more.
    pub(super) fn plain(self, language: &str) -> Option<Source> {
        match self.0.asks {
            _ if !self.0.needs.is_empty() => None,
            Asks::At(make) => Some(make(None, language)),
            Asks::Preset(json) => Some(Source::Json(Box::new(json()))),
            Asks::Folder | Asks::Json => None,
        }
    }

    /// A sentence for the one who wrote another key.
    pub(super) fn keys(self) -> String {
        let keys = [&["kind", "name"], self.0.needs, self.0.takes].concat();
        format!("`{}` has the keys {}", self.word(), suggest::list(&keys))
    }
}

/// What is asked by GET without a key; the pointers are those of title, URL and snippet in a result.
fn get(url: &str, results: &str, [title, link, snippet]: [&str; 3]) -> Json {
    Json {
        url: url.to_string(),
        body: None,
        key: None,
        results: results.to_string(),
        title: title.to_string(),
        link: link.to_string(),
        snippet: snippet.to_string(),
    }
}

fn key_in(header: &str) -> Option<Key> {
    Some(Key { variable: String::new(), header: header.to_string() })
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = || suggest::list(&Kind::all().map(Kind::word).collect::<Vec<_>>());
        Kind::called(&word).ok_or_else(|| de::Error::custom(format!("it is one of {}", known())))
    }
}

impl JsonSchema for Kind {
    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let each = Kind::all().map(
            |Kind(kind)| json!({ "type": "string", "const": kind.word, "description": kind.about }),
        );
        json_schema!({
            "description": "What is asked at a place to look.",
            "oneOf": each.collect::<Vec<_>>(),
        })
    }
}
