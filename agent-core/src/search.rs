//! Where `web.search` looks, and what it asks there. The guest behind it compiles this very file,
//! so what a call plans and what is asked are the same address.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Results of a search, where nothing is said.
pub const LIMIT: u32 = 10;

/// Where to look, in order, and for how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Asked all of them; what several find comes first.
    pub providers: Vec<Provider>,
    /// Results of one search.
    pub limit: u32,
    /// A language code, `en` or `pt-BR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Default for Search {
    /// What can be asked without a key.
    fn default() -> Self {
        let provider = |name: &str, source| Provider { name: name.to_string(), source };
        Search {
            providers: vec![
                provider("mediawiki", Source::Mediawiki { url: wikipedia("en") }),
                provider("duckduckgo", Source::Duckduckgo { url: DUCKDUCKGO.to_string() }),
            ],
            limit: LIMIT,
            language: None,
        }
    }
}

/// DuckDuckGo's page without scripts.
pub const DUCKDUCKGO: &str = "https://html.duckduckgo.com/html/";

/// arXiv's interface.
pub const ARXIV: &str = "https://export.arxiv.org/api/query";

/// A Wikipedia's interface.
pub fn wikipedia(language: &str) -> String {
    let own = language.split('-').next().unwrap_or(language).to_lowercase();
    format!("https://{own}.wikipedia.org/w/api.php")
}

/// One place to look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// What it is called in results.
    pub name: String,
    /// What is asked there.
    pub source: Source,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A SearXNG or searx instance.
    Searxng {
        /// Its address, without `/search`.
        url: String,
    },
    /// A wiki.
    Mediawiki {
        /// Its `api.php`.
        url: String,
    },
    /// arXiv.
    Arxiv {
        /// Its interface.
        url: String,
    },
    /// DuckDuckGo's page without scripts.
    Duckduckgo {
        /// The page.
        url: String,
    },
    /// Files on this machine.
    Folder {
        /// As the agent file has it.
        path: String,
    },
    /// Anything that answers in JSON.
    Json(Box<Json>),
}

/// How something is asked that answers in JSON, and where in the answer its results are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Json {
    /// With `{query}`, `{limit}` and `{language}`.
    pub url: String,
    /// Likewise, in its texts; then it is sent by POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What it is paid with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// JSON pointer of the list of results.
    pub results: String,
    /// JSON pointers within a result.
    pub title: String,
    /// Of its URL.
    pub link: String,
    /// Of some of its text.
    pub snippet: String,
}

/// A secret, and the header that it goes into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The environment variable.
    pub variable: String,
    /// In lower case.
    pub header: String,
}

/// One search.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Words or a question.
    pub query: &'a str,
    /// Results wanted.
    pub limit: u32,
    /// A language code.
    pub language: Option<&'a str>,
}

impl Source {
    /// The address that is asked; nothing of a folder.
    pub fn address(&self, asked: &Asked<'_>) -> Option<String> {
        let (query, limit) = (encoded(asked.query), asked.limit);
        Some(match self {
            Source::Folder { .. } => return None,
            Source::Searxng { url } => {
                let language = asked.language.map(|it| format!("&language={}", encoded(it)));
                let (url, language) = (url.trim_end_matches('/'), language.unwrap_or_default());
                format!("{url}/search?q={query}&format=json{language}")
            }
            // The wiki says itself how the addresses of its pages are made.
            Source::Mediawiki { url } => format!(
                "{url}?action=query&format=json&formatversion=2&list=search&srsearch={query}\
                 &srlimit={limit}&srprop=snippet&meta=siteinfo&siprop=general"
            ),
            Source::Arxiv { url } => {
                let query = encoded(&all(asked.query));
                format!("{url}?search_query={query}&start=0&max_results={limit}")
            }
            Source::Duckduckgo { url } => format!("{url}?q={query}"),
            Source::Json(json) => filled(&json.url, asked, encoded),
        })
    }

    /// What is sent along; then the request is a POST.
    pub fn body(&self, asked: &Asked<'_>) -> Option<Value> {
        let Source::Json(json) = self else { return None };
        json.body.as_ref().map(|body| said(body, asked))
    }

    /// What it asks for a key, if it does.
    pub fn key(&self) -> Option<&Key> {
        let Source::Json(json) = self else { return None };
        json.key.as_ref()
    }
}

/// arXiv wants to be told of each word where it shall be.
fn all(query: &str) -> String {
    let words = query.split(|c: char| !(c.is_alphanumeric() || c == '-'));
    let words = words.filter(|word| word.chars().count() > 2).take(8);
    words.map(|word| format!("all:{word}")).collect::<Vec<_>>().join(" AND ")
}

/// A template with its places filled in.
fn filled(template: &str, asked: &Asked<'_>, written: fn(&str) -> String) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    // In one go: a query that holds `{limit}` means just that.
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let places = [
            ("{query}", asked.query.to_string()),
            ("{limit}", asked.limit.to_string()),
            ("{language}", asked.language.unwrap_or("en").to_string()),
        ];
        match places.iter().find(|(place, _)| after.starts_with(place)) {
            Some((place, value)) => {
                text.push_str(&written(value));
                rest = &after[place.len()..];
            }
            None => {
                text.push('{');
                rest = &after[1..];
            }
        }
    }
    text + rest
}

/// A value with the places in its texts filled in; `"{limit}"` alone is a number.
fn said(template: &Value, asked: &Asked<'_>) -> Value {
    match template {
        Value::String(text) if text == "{limit}" => Value::from(asked.limit),
        Value::String(text) => Value::String(filled(text, asked, str::to_string)),
        Value::Array(items) => items.iter().map(|item| said(item, asked)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), said(value, asked))).collect()
        }
        other => other.clone(),
    }
}

/// As it stands in a URL's query: all but RFC 3986's unreserved letters as `%XX`.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_query_is_only_a_query() {
        let query = "a&b={limit} #ü\n";
        let asked = Asked { query, limit: 5, language: Some("de") };
        let json = |body: Option<Value>| {
            let url = "https://a.org/{language}/s?q={query}&n={limit}&x={y}".to_string();
            let pointer = String::new;
            Source::Json(Box::new(Json {
                url,
                body,
                key: None,
                results: pointer(),
                title: pointer(),
                link: pointer(),
                snippet: pointer(),
            }))
        };
        assert_eq!(
            json(None).address(&asked).as_deref(),
            Some("https://a.org/de/s?q=a%26b%3D%7Blimit%7D%20%23%C3%BC%0A&n=5&x={y}")
        );
        let body = json!({ "q": "{query}", "n": "{limit}", "l": ["{language}", 1] });
        assert_eq!(
            json(Some(body)).body(&asked),
            Some(json!({ "q": query, "n": 5, "l": ["de", 1] }))
        );
        let searx = Source::Searxng { url: "http://127.0.0.1:8888/".to_string() };
        let asked = Asked { language: None, query: "ä b", ..asked };
        assert_eq!(
            searx.address(&asked).as_deref(),
            Some("http://127.0.0.1:8888/search?q=%C3%A4%20b&format=json")
        );
        let arxiv = Source::Arxiv { url: ARXIV.to_string() };
        let asked = Asked { query: "what is attention?", ..asked };
        assert!(arxiv.address(&asked).is_some_and(|url| url.contains("all%3Awhat%20AND%20all%3A")));
    }
}
