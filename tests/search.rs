//! Looking things up on the web, and reading what was found: each provider in its own shape, what
//! fails and what is said of it, what is kept and what is asked again, and what a site asks of robots.

mod pages;

use std::time::Instant;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use crate::place::{Place, call, say};
use crate::server::{Asked, Server};

/// An agent that searches and reads, under these grants and with this `[search]`.
fn agent(net: &[String], search: &str) -> Place {
    let place = Place::new();
    place.write("docs/.keep", "");
    let tables = format!(
        "[tools]\nuse = [\"web.search\", \"web.read\"]\n[permissions]\nread = [\"docs\"]\n\
         net = {net:?}\nsecrets = [\"SEARCH_KEY\"]\n{search}"
    );
    place.agent("act = \"tools\"", &tables, &[]);
    place
}

fn at(servers: &[&Server]) -> Vec<String> {
    servers.iter().map(|server| server.at.to_string()).collect()
}

/// What one call gives, or why it fails.
fn called(place: &Place, tool: &str, arguments: &Value) -> Result<Value, String> {
    let mut command = place.command(["tools", "call", tool, &arguments.to_string(), "--json"]);
    let ran = place.ran(&command.env("SEARCH_KEY", "a-key-of-many-letters").output().unwrap());
    let told: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran}"));
    match ran.code {
        Some(0) => Ok(told["result"].clone()),
        _ => Err(told["text"].as_str().unwrap().to_string()),
    }
}

fn searched(place: &Place, query: &str) -> Result<Value, String> {
    called(place, "web.search", &json!({ "query": query }))
}

fn read(place: &Place, server: &Server, path: &str) -> Result<String, String> {
    let url = format!("http://{}{path}", server.at);
    called(place, "web.read", &json!({ "url": url }))
        .map(|page| page["text"].as_str().unwrap().to_string())
}

/// `title url snippet providers`, a line each.
fn lines(found: &Value) -> String {
    let line = |hit: &Value| {
        let text = |key: &str| hit[key].as_str().unwrap().to_string();
        let providers: Vec<&str> =
            hit["providers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let parts = [text("title"), text("url"), text("snippet"), providers.join("+")];
        parts.join(" | ")
    };
    found["results"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

fn html(body: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

fn nothing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

#[test]
fn each_provider_in_its_own_shape() {
    let server = Server::start(|asked: Asked| {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        match path {
            "/searx/search" => {
                assert_eq!(query, "q=tall%20towers%20%26%20co&format=json&language=de");
                json!({ "results": [
                    { "title": "From <b>searx</b>", "url": "https://a.org/", "content": "one" },
                ] })
                .to_string()
                .into_response()
            }
            "/w/api.php" => {
                assert!(query.contains("srsearch=tall%20towers%20%26%20co&srlimit=10"), "{query}");
                json!({ "query": {
                    "general": { "server": "https://de.wiki.example", "articlepath": "/wiki/$1" },
                    "search": [{ "title": "Hoher Turm", "snippet": "ein <span>Turm</span>" }],
                } })
                .to_string()
                .into_response()
            }
            "/arxiv" => {
                assert!(
                    query.starts_with("search_query=all%3Atall%20AND%20all%3Atowers"),
                    "{query}"
                );
                "<feed xmlns='http://www.w3.org/2005/Atom'><entry>\
                 <id>http://arxiv.org/abs/1</id><title>On\n towers</title>\
                 <summary>tall</summary></entry></feed>"
                    .into_response()
            }
            "/own/de" => {
                assert_eq!(asked.headers["x-key"], "a-key-of-many-letters");
                let body: Value = serde_json::from_slice(&asked.body).unwrap();
                assert_eq!(body, json!({ "ask": "tall towers & co", "most": 10 }));
                json!({ "hits": [{ "name": "Own", "at": { "url": "https://own.org/" } }] })
                    .to_string()
                    .into_response()
            }
            _ => nothing(),
        }
    });
    let base = format!("http://{}", server.at);
    let place = agent(
        &at(&[&server]),
        &format!(
            r#"
[search]
providers = ["searx", "mediawiki", "arxiv", "own", "notes"]
language = "de"
[[search.provider]]
kind = "searxng"
name = "searx"
url = "{base}/searx"
[[search.provider]]
kind = "mediawiki"
url = "{base}/w/api.php"
[[search.provider]]
kind = "arxiv"
url = "{base}/arxiv"
[[search.provider]]
kind = "json"
name = "own"
url = "{base}/own/{{language}}"
body = {{ ask = "{{query}}", most = "{{limit}}" }}
key = "SEARCH_KEY"
header = "X-Key"
results = "/hits"
title = "/name"
link = "/at/url"
[[search.provider]]
kind = "folder"
name = "notes"
path = "docs"
"#
        ),
    );
    place.write("docs/tall things.md", "# Towers\n\nThe tallest of all towers is here.\n");
    place.write("docs/cats.md", "# Cats\n\nCats sleep.\n");
    let found = searched(&place, "tall towers & co").unwrap();
    assert_eq!(found.get("failed"), None, "{found}");
    insta::assert_snapshot!(lines(&found), @r"
    From searx | https://a.org/ | one | searx
    Hoher Turm | https://de.wiki.example/wiki/Hoher_Turm | ein Turm | mediawiki
    On towers | https://arxiv.org/abs/1 | tall | arxiv
    Own | https://own.org/ |  | own
    Towers | file:docs/tall%20things.md | # Towers The tallest of all towers is here. | notes
    ");
}

/// Two searx instances.
fn two(one: &Server, two: &Server) -> String {
    format!(
        "[[search.provider]]\nkind = \"searxng\"\nname = \"one\"\nurl = \"http://{}\"\n\
         [[search.provider]]\nkind = \"searxng\"\nname = \"two\"\nurl = \"http://{}\"\n",
        one.at, two.at
    )
}

fn searx(results: Value) -> impl Fn(Asked) -> Response + Clone + Send + Sync + 'static {
    move |_| json!({ "results": results }).to_string().into_response()
}

#[test]
fn what_several_find_is_one_and_comes_first() {
    let long = "The same long text of the same page, wherever it is.";
    let one = Server::start(searx(json!([
        { "title": "Only here", "url": "https://a.org/", "content": "a" },
        { "title": "Both", "url": "http://www.b.org/page/?utm_source=x#part", "content": "b" },
        { "title": "Copy", "url": "https://c.org/", "content": long },
    ])));
    let other = Server::start(searx(json!([
        { "title": "Both", "url": "https://b.org/page", "content": "b" },
        { "title": "Copy", "url": "https://mirror.org/c", "content": long },
        { "title": "No page", "url": "javascript:alert(1)", "content": "" },
    ])));
    let place = agent(&at(&[&one, &other]), &two(&one, &other));
    insta::assert_snapshot!(lines(&searched(&place, "q").unwrap()), @r"
    Both | http://www.b.org/page/?utm_source=x#part | b | two+one
    Copy | https://c.org/ | The same long text of the same page, wherever it is. | two+one
    Only here | https://a.org/ | a | one
    ");
    let few = called(&place, "web.search", &json!({ "query": "q", "limit": 1 })).unwrap();
    assert_eq!(few["results"].as_array().unwrap().len(), 1);
}

#[test]
fn a_provider_that_is_down_is_named_and_the_others_answer() {
    let up = Server::start(searx(json!([{ "title": "A", "url": "https://a.org/" }])));
    let broken = Server::start(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    let place = agent(&at(&[&up, &broken]), &two(&broken, &up));
    let found = searched(&place, "q").unwrap();
    assert_eq!(lines(&found), "A | https://a.org/ |  | two");
    assert_eq!(
        found["failed"],
        json!([{ "provider": "one", "reason": "it answered with status 500" }])
    );
    // What a model is told names it too.
    let told = place.errand(["tools", "call", "web.search", r#"{"query": "q"}"#]).out;
    assert!(told.contains("`one` failed: it answered with status 500"), "{told}");

    let place = agent(&at(&[&broken]), &two(&broken, &broken));
    assert_eq!(
        searched(&place, "q"),
        Err(
            "no search provider answered: one: it answered with status 500; two: it answered with \
             status 500"
                .to_string()
        )
    );
}

#[test]
fn a_page_is_asked_for_again_only_as_its_server_says() {
    let server = Server::start(|asked: Asked| match asked.path.as_str() {
        "/kept" => ([(header::CACHE_CONTROL, "max-age=1000")], "kept").into_response(),
        "/never" => ([(header::CACHE_CONTROL, "no-store")], "never").into_response(),
        "/checked" => {
            let said = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, "\"v1\"")];
            match asked.headers.get(header::IF_NONE_MATCH) {
                Some(known) if known == "\"v1\"" => {
                    (StatusCode::NOT_MODIFIED, said).into_response()
                }
                _ => (said, "checked").into_response(),
            }
        }
        "/moved" => Redirect::permanent("/kept").into_response(),
        // Unchanged, it says, and not which; or it says so of another page.
        "/silent" | "/mistaken" => {
            let said = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, "\"v1\"")];
            match asked.headers.contains_key(header::IF_NONE_MATCH) {
                true if asked.path == "/silent" => StatusCode::NOT_MODIFIED.into_response(),
                true => (StatusCode::NOT_MODIFIED, [(header::ETAG, "\"v2\"")]).into_response(),
                false => (said, asked.path[1..].to_string()).into_response(),
            }
        }
        _ => nothing(),
    });
    let place = agent(&at(&[&server]), "");
    // Each call is a process of its own: what they share is on disk.
    for path in ["/kept", "/never", "/checked", "/moved", "/silent", "/mistaken"] {
        let word = if path == "/moved" { "kept" } else { &path[1..] };
        for _ in 0..2 {
            assert_eq!(read(&place, &server, path).as_deref(), Ok(word));
        }
    }
    let asked = server.asked();
    let times = |path: &str| asked.iter().filter(|asked| *asked == path).count();
    assert_eq!(
        ["/robots.txt", "/kept", "/never", "/checked", "/moved", "/silent", "/mistaken"].map(times),
        [1, 1, 2, 2, 1, 2, 3],
        "{asked:?}"
    );
    // An agent that may not reach the server is not shown what is kept of it.
    let other = agent(&[], "");
    std::fs::rename(place.home(), place.path("moved")).unwrap();
    std::fs::remove_dir_all(other.home()).unwrap();
    std::os::unix::fs::symlink(place.path("moved"), other.home()).unwrap();
    let refused = read(&other, &server, "/kept").unwrap_err();
    assert!(refused.contains("may not reach"), "{refused}");
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let server = Server::start(|asked: Asked| {
        let later = |status: StatusCode, after: &'static str| {
            (status, [(header::RETRY_AFTER, after)]).into_response()
        };
        match (asked.path.as_str(), asked.number) {
            ("/robots.txt", _) => nothing(),
            ("/busy", 1) => later(StatusCode::TOO_MANY_REQUESTS, "1"),
            ("/busy", 2) => later(StatusCode::SERVICE_UNAVAILABLE, "0"),
            ("/closed", _) => later(StatusCode::SERVICE_UNAVAILABLE, "86400"),
            _ => "at last".into_response(),
        }
    });
    let place = agent(&at(&[&server]), "");
    let begun = Instant::now();
    assert_eq!(read(&place, &server, "/busy").as_deref(), Ok("at last"));
    assert!(begun.elapsed().as_secs_f64() >= 1.0);
    assert_eq!(server.asked(), ["/robots.txt", "/busy", "/busy", "/busy"]);
    // A day is too long to wait.
    let closed = format!("`http://{}/closed` answered with status 503", server.at);
    assert_eq!(read(&place, &server, "/closed"), Err(closed));
}

#[test]
fn robots_txt() {
    let server = Server::start(|asked: Asked| match asked.path.as_str() {
        "/robots.txt" => html("User-agent: *\nDisallow: /private\nAllow: /private/open\n"),
        "/leads" => Redirect::temporary("/private/by-redirect").into_response(),
        _ => html("read"),
    });
    let place = agent(&at(&[&server]), "");
    assert_eq!(read(&place, &server, "/a").as_deref(), Ok("read"));
    assert_eq!(read(&place, &server, "/private/open").as_deref(), Ok("read"));
    assert_eq!(
        read(&place, &server, "/private/b?c"),
        Err("robots.txt of `127.0.0.1` does not allow `/private/b`".to_string())
    );
    assert!(!server.asked().iter().any(|path| path.contains("/private/b?")));
    let broken = Server::start(|asked: Asked| match asked.path.as_str() {
        "/robots.txt" => StatusCode::BAD_GATEWAY.into_response(),
        _ => html("never"),
    });
    let place = agent(&at(&[&broken]), "");
    let refused = read(&place, &broken, "/a").unwrap_err();
    assert!(refused.contains("cannot be read (status 502)"), "{refused}");
}

#[test]
fn a_resumed_run_does_not_fetch_again() {
    let server = Server::start(|asked: Asked| match asked.path.as_str() {
        "/robots.txt" => nothing(),
        _ => html("the page"),
    });
    let place = agent(&at(&[&server]), "");
    let page = || ("web.read", json!({ "url": format!("http://{}/page", server.at) }));
    let replies = [call([page()]), call([page()]), say("done")];
    let text: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
    place.write("replies.jsonl", text);
    let mut command = place.command(["run", "agent.toml", "--json"]);
    let ran = place.ran(&command.env("SEARCH_KEY", "a-key-of-many-letters").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(server.asked(), ["/robots.txt", "/page"]);
}

/// What is wrong with a `[search]`.
fn wrong(search: &str) -> String {
    let place = agent(&["example.org".to_string()], search);
    let ran = place.errand(["validate", "agent.toml"]);
    assert_eq!(ran.code, Some(2), "{search}: {ran}");
    let lines =
        ran.err.lines().filter(|line| line.starts_with("error") || line.starts_with("hint"));
    let lines = lines.map(|line| line.split_once("agent.toml").map_or(line, |(_, rest)| rest));
    lines
        .map(|line| line.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()).trim())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_search_that_cannot_be_meant() {
    let table = |text: &str| wrong(&format!("[[search.provider]]\n{text}"));
    let cases = [
        wrong("[search]\nproviders = [\"mediawikki\"]"),
        wrong("[search]\nproviders = [\"searxng\"]"),
        wrong("[search]\nproviders = [\"mediawiki\"]"),
        wrong("[search]\nproviders = []"),
        wrong("[search]\nlanguage = \"x!\"\nproviders = [\"arxiv\"]"),
        table("kind = \"searxng\""),
        table("kind = \"searx\"\nurl = \"https://example.org\""),
        table("kind = \"searxng\"\nurl = \"example.org\""),
        table("kind = \"searxng\"\nurl = \"https://example.org\"\npath = \"docs\""),
        table("kind = \"folder\"\npath = \"gone\""),
        table("kind = \"folder\"\npath = \".\""),
        table("kind = \"brave\"\nkey = \"$BRAVE\""),
        table("kind = \"brave\"\nkey = \"BRAVE\"\nurl = \"https://example.org/?q={query}\""),
        table("kind = \"json\"\nurl = \"https://example.org/s\"\nresults = \"/a\""),
        table("kind = \"json\"\nurl = \"https://example.org/{query}\"\nresults = \"a\""),
        table("kind = \"json\"\nurl = \"https://{query}.org/\"\nresults = \"/a\""),
    ];
    insta::assert_snapshot!(cases.join("\n\n"), @r##"
    unknown search provider `mediawikki`
    hint: did you mean `mediawiki`?

    the search provider `searxng` needs a `url`
    hint: add a table `[[search.provider]]` with `kind = "searxng"` and `url`

    the search provider `mediawiki` may not reach `en.wikipedia.org`
    hint: add it to [permissions] net

    `[search]` names no providers
    hint: name some: `providers = ["mediawiki", "duckduckgo"]`

    `x!` is no language code
    hint: two or three letters, as in `de` or `pt-BR`

    the search provider `searxng` needs a `url`
    hint: `searxng` has the keys `kind`, `name`, `url`

    unknown kind `searx`
    hint: did you mean `searxng`? it is one of `mediawiki`, `duckduckgo`, `arxiv`, `openalex`, `searxng`, `folder`, `json`, `brave`, `tavily`, `serper`

    `example.org` is no `http:` or `https:` URL
    hint: keys belong in `key`, by a variable's name

    `searxng` has no `path`
    hint: `searxng` has the keys `kind`, `name`, `url`

    there is no `gone`
    hint: paths are relative to the agent file, in `HERE`

    the folder `.` may not be read
    hint: add it to [permissions] read

    `key` must be the name of an environment variable
    hint: letters, digits and `_`, such as `API_KEY`, without `$`

    `BRAVE` is not among the secrets that may be sent
    hint: add it to [permissions] secrets

    the `url` does not say where the query goes
    hint: write `{query}` there, as in `https://example.org/search?q={query}`

    `a` is no JSON pointer
    hint: begin it with `/`, as in `/results`

    `https://{query}.org/` is no `http:` or `https:` URL
    hint: keys belong in `key`, by a variable's name
    "##);
}

#[test]
fn presets_ask_as_their_references_say() {
    let server = Server::start(|asked: Asked| {
        let said = |name: &str| asked.headers.get(name).map(|it| it.to_str().unwrap().to_string());
        let key =
            ["x-subscription-token", "authorization", "x-api-key"].iter().find_map(|n| said(n));
        let body = String::from_utf8_lossy(&asked.body).into_owned();
        let title = format!("{} {} {body}", asked.path, key.unwrap_or_default());
        let hit = json!({ "title": title, "display_name": title, "url": "https://a.org/",
                          "link": "https://a.org/", "description": "d", "content": "c", "snippet": "s",
                          "primary_location": { "landing_page_url": "https://a.org/" } });
        let list = json!([hit]);
        json!({ "results": list, "organic": list, "web": { "results": list } })
            .to_string()
            .into_response()
    });
    let mut told = String::new();
    for (kind, path) in [
        ("brave", "/res?q={query}&count={limit}&search_lang={language}"),
        ("tavily", "/search"),
        ("serper", "/search"),
        ("openalex", "/works?search={query}&per_page={limit}"),
    ] {
        let key = if kind == "openalex" { "" } else { "key = \"SEARCH_KEY\"\n" };
        let url = format!("http://{}{path}", server.at);
        let table = format!("[[search.provider]]\nkind = \"{kind}\"\nurl = \"{url}\"\n{key}");
        let found = searched(&agent(&at(&[&server]), &table), "a b").unwrap();
        told += &format!("{kind}: {}\n", lines(&found));
    }
    // What a server sends back of a key, no guest sees.
    insta::assert_snapshot!(told, @r##"
    brave: /res?q=a%20b&count=10&search_lang=en [secret SEARCH_KEY] | https://a.org/ | d | brave
    tavily: /search Bearer [secret SEARCH_KEY] {"query":"a b","max_results":10} | https://a.org/ | c | tavily
    serper: /search [secret SEARCH_KEY] {"q":"a b","num":10,"hl":"en"} | https://a.org/ | s | serper
    openalex: /works?search=a%20b&per_page=10 | https://a.org/ |  | openalex
    "##);
}
