//! `[search]`: where `web.search` looks. Refuses a provider that is not whole, one that leads where
//! nothing was granted, and a key that is no variable's name.

mod kinds;
mod only;

pub use kinds::Kind;
pub use only::{Unlisted, only};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

use super::disk::{self, Wanted};
use super::problem::shortened;
use super::report::Report;
use super::suggest;
use agent_core::agent::is_variable;
use agent_core::path::display;
use agent_core::permission::{Grants, NetRule};
use agent_core::scope::{covers_net, covers_path};
use agent_core::search::{Asked, Json, Key, LIMIT, Provider, Search, Source};
use kinds::Asks;

/// Where `web.search` looks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchTable {
    /// The providers in order: `mediawiki`, `duckduckgo`, `arxiv`, `openalex`, and the names of
    /// `[[search.provider]]` tables. Left out: those tables, as they stand. All are asked; what
    /// several of them find comes first.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = serde_json::json!(["mediawiki", "duckduckgo"]))]
    pub providers: Option<Vec<String>>,

    /// Providers that need to be told more, each a table `[[search.provider]]`.
    #[serde(default)]
    pub provider: Vec<ProviderTable>,

    /// Results of one search. Default: 10.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 20))]
    pub limit: Option<u32>,

    /// The language of what is looked for, such as `"de"` or `"pt-BR"`. Left out: English, where
    /// one has to be named.
    #[serde(default)]
    #[schemars(with = "String", length(min = 2, max = 16), example = &"de")]
    pub language: Option<String>,
}

/// A place to look.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["kind"]))]
pub struct ProviderTable {
    /// What is asked there.
    #[serde(default)]
    #[schemars(with = "Kind")]
    pub kind: Option<Kind>,

    /// What it is called in results. Left out: its kind.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 32), example = &"intranet")]
    pub name: Option<String>,

    /// searxng: the instance. mediawiki: the wiki's `api.php`. json: a URL with `{query}`, and
    /// `{limit}` and `{language}` where they belong.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"http://127.0.0.1:8888")]
    pub url: Option<String>,

    /// folder: the folder to look in, which `[permissions] read` must grant.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"./docs")]
    pub path: Option<String>,

    /// brave, tavily, serper, json: the environment variable that holds the key; it must be among
    /// `[permissions] secrets`.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"BRAVE_API_KEY")]
    pub key: Option<String>,

    /// json: the header that the key goes into. Default: `authorization`, as `Bearer …`.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 64), example = &"x-api-key")]
    pub header: Option<String>,

    /// json: what is sent by POST, with `{query}`, `{limit}` and `{language}` in its texts; a text
    /// that is only `{limit}` becomes a number. Left out: the request is a GET.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub body: Option<Value>,

    /// json: the JSON pointer of the list of results in the answer.
    #[serde(default)]
    #[schemars(with = "String", example = &"/results")]
    pub results: Option<String>,

    /// json: the JSON pointer of the title in a result. Default: `/title`.
    #[serde(default)]
    #[schemars(with = "String", example = &"/title")]
    pub title: Option<String>,

    /// json: the JSON pointer of the URL in a result. Default: `/url`.
    #[serde(default)]
    #[schemars(with = "String", example = &"/url")]
    pub link: Option<String>,

    /// json: the JSON pointer of some text in a result. Default: `/snippet`.
    #[serde(default)]
    #[schemars(with = "String", example = &"/snippet")]
    pub snippet: Option<String>,
}

/// The search, if there is a table of it. What is wrong with it was reported.
pub(super) fn search(
    table: Option<&SearchTable>,
    grants: &Grants,
    secrets: &[String],
    report: &mut Report<'_>,
) -> Option<Search> {
    let table = table?;
    let language = table.language.clone().filter(|language| spoken(language, report));
    let mut checking = Checking { grants, secrets, language: language.as_deref(), report };
    let mut named: Vec<Provider> = Vec::new();
    for (at, provider) in table.provider.iter().enumerate() {
        let pointer = format!("/search/provider/{at}");
        let Some(provider) = checking.provider(provider, &pointer) else { continue };
        if named.iter().any(|other| other.name == provider.name) {
            let message = format!("two search providers are called `{}`", provider.name);
            checking.report.key(&pointer, message).hint("give one of them another `name`");
        } else {
            named.push(provider);
        }
    }
    let providers = match &table.providers {
        Some(names) => checking.ordered(names, named, table.provider.len()),
        None => named,
    };
    if providers.is_empty() && checking.report.problems.is_empty() {
        let hint = "name some: `providers = [\"mediawiki\", \"duckduckgo\"]`";
        checking.report.key("/search", "`[search]` names no providers").hint(hint);
    }
    Some(Search { providers, limit: table.limit.unwrap_or(LIMIT), language })
}

fn spoken(language: &str, report: &mut Report<'_>) -> bool {
    let mut parts = language.split('-');
    let first = parts.next().unwrap_or_default();
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let rest = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let legal = (2..=3).contains(&first.len()) && letters(first) && parts.all(rest);
    if !legal {
        report
            .value("/search/language", format!("`{}` is no language code", shortened(language)))
            .hint("two or three letters, as in `de` or `pt-BR`");
    }
    legal
}

struct Checking<'a, 'r, 's> {
    grants: &'a Grants,
    secrets: &'a [String],
    language: Option<&'a str>,
    report: &'r mut Report<'s>,
}

impl Checking<'_, '_, '_> {
    /// The providers as `providers` has them.
    fn ordered(
        &mut self,
        names: &[String],
        mut named: Vec<Provider>,
        tables: usize,
    ) -> Vec<Provider> {
        let whole = named.len() == tables;
        let mut ordered: Vec<Provider> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let pointer = format!("/search/providers/{at}");
            if ordered.iter().any(|other| other.name == *name) {
                self.report
                    .value(&pointer, format!("`{}` is listed twice", shortened(name)))
                    .hint("remove one");
                continue;
            }
            if let Some(place) = named.iter().position(|provider| provider.name == *name) {
                ordered.push(named.remove(place));
                continue;
            }
            let Some(kind) = Kind::called(name) else {
                // A table with a problem may be the one that is meant.
                if whole {
                    let tables = named.iter().map(|provider| provider.name.as_str());
                    let known: Vec<&str> =
                        tables.chain(Kind::all().map(|kind| -> &str { kind.word() })).collect();
                    let message = format!("unknown search provider `{}`", shortened(name));
                    self.report.value(&pointer, message).hint(suggest::hint(name, known));
                }
                continue;
            };
            if let [key, ..] = kind.needs() {
                let message = format!("the search provider `{name}` needs a `{key}`");
                let hint = format!(
                    "add a table `[[search.provider]]` with `kind = \"{name}\"` and `{key}`"
                );
                self.report.value(&pointer, message).hint(hint);
                continue;
            }
            let table = ProviderTable { kind: Some(kind), ..ProviderTable::default() };
            ordered.extend(self.provider(&table, &pointer));
        }
        if let Some(left) = named.first() {
            let message = format!("the search provider `{}` is not in `providers`", left.name);
            self.report
                .key("/search/providers", message)
                .hint("add its name there, or remove its table");
        }
        ordered
    }

    fn provider(&mut self, table: &ProviderTable, pointer: &str) -> Option<Provider> {
        // A table without its kind has been reported.
        let kind = table.kind?;
        let before = self.report.problems.len();
        let name = table.name.clone().unwrap_or_else(|| kind.word().to_string());
        for (key, _) in table.written().into_iter().filter(|(_, written)| *written) {
            if !kind.has(key) {
                self.report
                    .key(&format!("{pointer}/{key}"), format!("`{}` has no `{key}`", kind.word()))
                    .hint(kind.keys());
            }
        }
        let missing = |key: &&&str| !table.written().contains(&(**key, true));
        if let Some(key) = kind.needs().iter().find(missing) {
            self.report
                .key(pointer, format!("the search provider `{name}` needs a `{key}`"))
                .hint(kind.keys());
            return None;
        }
        let source = self.source(kind, table, pointer)?;
        if let Some(key) = source.key() {
            self.key(&key.variable, pointer);
        }
        self.granted(&name, &source, pointer);
        (self.report.problems.len() == before).then_some(Provider { name, source })
    }

    fn source(&mut self, kind: Kind, table: &ProviderTable, pointer: &str) -> Option<Source> {
        let url = match &table.url {
            Some(url) => Some(self.url(kind, url, table.body.is_some(), pointer)?),
            None => None,
        };
        Some(match kind.asks() {
            Asks::At(make) => make(url, self.language.unwrap_or("en")),
            Asks::Folder => {
                Source::Folder { path: self.folder(table.path.as_deref().unwrap_or("."), pointer)? }
            }
            Asks::Json => self.json(table, url.unwrap_or_default(), pointer),
            Asks::Preset(json) => {
                let json = json();
                let key = json.key.zip(table.key.clone());
                let key = key.map(|(key, variable)| Key { variable, ..key });
                Source::Json(Box::new(Json { url: url.unwrap_or(json.url), key, ..json }))
            }
        })
    }

    fn json(&mut self, table: &ProviderTable, url: String, pointer: &str) -> Source {
        let mut place = |key: &str, written: &Option<String>, otherwise: &str| {
            let place = written.clone().unwrap_or_else(|| otherwise.to_string());
            if !(place.is_empty() || place.starts_with('/')) {
                let message = format!("`{}` is no JSON pointer", shortened(&place));
                let hint = format!("begin it with `/`, as in `{otherwise}`");
                self.report.value(&format!("{pointer}/{key}"), message).hint(hint);
            }
            place
        };
        let results = place("results", &table.results, "/results");
        let title = place("title", &table.title, "/title");
        let link = place("link", &table.link, "/url");
        let snippet = place("snippet", &table.snippet, "/snippet");
        let header = table.header.as_deref().unwrap_or("authorization").to_ascii_lowercase();
        if !header.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            let message = format!("`{}` is no name of a header", shortened(&header));
            self.report.value(&format!("{pointer}/header"), message);
        }
        if table.header.is_some() && table.key.is_none() {
            self.report
                .key(&format!("{pointer}/header"), "there is a `header`, and no `key` for it")
                .hint("name the variable that holds it: `key = \"API_KEY\"`");
        }
        let key = table.key.clone().map(|variable| Key { variable, header });
        let body = table.body.clone();
        Source::Json(Box::new(Json { url, body, key, results, title, link, snippet }))
    }

    /// A URL that can be asked.
    fn url(&mut self, kind: Kind, written: &str, posts: bool, pointer: &str) -> Option<String> {
        let at = format!("{pointer}/url");
        let template = matches!(kind.asks(), Asks::Json) && !posts;
        if template && !written.contains("{query}") {
            self.report
                .value(&at, "the `url` does not say where the query goes")
                .hint("write `{query}` there, as in `https://example.org/search?q={query}`");
            return None;
        }
        let url = Url::parse(&written.replace(['{', '}'], ""));
        let web = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        };
        // The host is not for a query to choose.
        let fixed = |url: &Url| {
            let host = url.host_str().unwrap_or_default();
            written.to_lowercase().contains(&format!("://{host}")) || !written.contains('{')
        };
        match url.ok().filter(|url| web(url) && fixed(url)) {
            Some(_) => Some(written.to_string()),
            None => {
                let message = format!("`{}` is no `http:` or `https:` URL", shortened(written));
                self.report.value(&at, message).hint("keys belong in `key`, by a variable's name");
                None
            }
        }
    }

    fn folder(&mut self, written: &str, pointer: &str) -> Option<String> {
        let at = format!("{pointer}/path");
        match disk::existing(&self.grants.root, written, Wanted::Any) {
            Ok(path) if covers_path(&self.grants.read, &path) => {
                Some(display(&self.grants.root, &path))
            }
            Ok(_) => {
                let message = format!("the folder `{}` may not be read", shortened(written));
                self.report.value(&at, message).hint("add it to [permissions] read");
                None
            }
            Err(missing) => {
                self.report.value(&at, missing.message).hint = missing.hint;
                None
            }
        }
    }

    fn key(&mut self, variable: &str, pointer: &str) {
        let at = format!("{pointer}/key");
        if !is_variable(variable) {
            // What was written may be the key itself: it is neither repeated nor shown.
            self.report
                .key(&at, "`key` must be the name of an environment variable")
                .hint("letters, digits and `_`, such as `API_KEY`, without `$`");
        } else if !self.secrets.iter().any(|secret| secret == variable) {
            self.report
                .value(&at, format!("`{variable}` is not among the secrets that may be sent"))
                .hint("add it to [permissions] secrets");
        }
    }

    /// Where it leads must be granted.
    fn granted(&mut self, name: &str, source: &Source, pointer: &str) {
        let asked = Asked { query: "q", limit: 1, language: self.language };
        let Some(url) = source.address(&asked).and_then(|url| Url::parse(&url).ok()) else {
            return;
        };
        // A rule that could not be made out has been reported.
        let unclear = !self.report.problems.is_empty();
        if let Some(rule) = NetRule::endpoint(&url)
            && !covers_net(&self.grants.net, &rule)
            && !unclear
        {
            let (host, port) = (url.host_str().unwrap_or_default(), url.port());
            let place = port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
            self.report
                .value(pointer, format!("the search provider `{name}` may not reach `{place}`"))
                .hint("add it to [permissions] net");
        }
    }
}

impl ProviderTable {
    /// Its keys, and whether they are there.
    fn written(&self) -> [(&'static str, bool); 9] {
        [
            ("url", self.url.is_some()),
            ("path", self.path.is_some()),
            ("key", self.key.is_some()),
            ("header", self.header.is_some()),
            ("body", self.body.is_some()),
            ("results", self.results.is_some()),
            ("title", self.title.is_some()),
            ("link", self.link.is_some()),
            ("snippet", self.snippet.is_some()),
        ]
    }
}
