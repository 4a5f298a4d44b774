//! `web.page` and `web.read` over what servers send: each kind of page, and pages made to break
//! the reader. The real component in the real sandbox, asking a server on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod open;
mod pdf;

use std::fmt::Write;
use std::net::SocketAddr;

use agent_core::action::{Action, CallId, Permit};
use agent_core::sandbox::Sandbox;
use agent_core::schema;
use agent_core::tool::Work;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tools::{Registry, Setup};

use open::Open;

/// Serves these bodies, and reads them.
struct Reader {
    at: SocketAddr,
    registry: Registry,
    sandbox: sandbox::Wasm,
    _folder: tempfile::TempDir,
}

/// A path, a content type, a body.
type Served = (&'static str, &'static str, Vec<u8>);

impl Reader {
    async fn of(pages: Vec<Served>) -> Reader {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = Router::new().fallback(async move |uri: axum::http::Uri| {
            match pages.iter().find(|(path, _, _)| *path == uri.path()) {
                Some((_, kind, body)) => {
                    ([(header::CONTENT_TYPE, *kind)], body.clone()).into_response()
                }
                None => StatusCode::NOT_FOUND.into_response(),
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
        let config = sandbox::Config::new(&root, cache);
        Reader {
            at,
            registry: Registry::builtin(&Setup { root, ..Setup::default() }),
            sandbox: sandbox::Wasm::new(config).unwrap(),
            _folder: folder,
        }
    }

    async fn call(&self, tool: &str, path: &str, more: Value) -> Result<Value, String> {
        let found = self.registry.get(tool).unwrap();
        let mut arguments = json!({ "url": format!("http://{}{path}", self.at) });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let action = Action {
            id: CallId("c0".to_string()),
            tool: tool.to_string(),
            capabilities: found.plan(&arguments)?,
            arguments,
            taint: Vec::new(),
        };
        let permit = Permit::judge(&Open, action).1.unwrap();
        let Work::Guest(guest) = found.work() else { panic!("`{tool}` is no guest") };
        let result = self.sandbox.invoke(&permit, guest, &Open).await.unwrap().result?;
        schema::check(&found.spec().output, &result).unwrap();
        Ok(result)
    }

    /// What is read of a whole page, or why it is not, without the page's address.
    async fn page(&self, path: &str) -> Result<Value, String> {
        let at = format!("http://{}", self.at);
        let page = self.call("web.page", path, json!({})).await;
        page.map_err(|error| error.replace(&at, ""))
    }

    async fn text(&self, path: &str) -> String {
        let page = self.page(path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        page["text"].as_str().unwrap().to_string()
    }
}

const PDF: &str = "application/pdf";
const HTML: &str = "text/html";

#[tokio::test]
async fn a_page_comes_with_what_a_citation_needs() {
    let text = "The lighthouse on the cape was built in 1746 and is 31 m tall. ".repeat(8);
    let html = format!(
        "<html lang=en><head><title>Towers</title><link rel=canonical href='/towers'>\
         <meta name=author content='Ines Duarte'><meta property='og:site_name' content='Coast'>\
         <meta property='article:published_time' content='2026-03-02'></head><body><article>\
         <h1>Towers</h1><p>{text}<a href='cape.html'>More</a>.</p><table><tr><th>Tower<th>m\
         <tr><td>Reef<td>47</table></article></body></html>"
    );
    let reader = Reader::of(vec![("/a/b.html", HTML, html.into_bytes())]).await;
    let page = reader.page("/a/b.html").await.unwrap();
    let at = format!("http://{}", reader.at);
    let said =
        ["title", "author", "date", "site", "language"].map(|key| page[key].as_str().unwrap());
    assert_eq!(said, ["Towers", "Ines Duarte", "2026-03-02", "Coast", "en"]);
    assert_eq!(page["canonical"], format!("{at}/towers"));
    let text = page["text"].as_str().unwrap();
    assert!(text.contains(&format!("[More]({at}/a/cape.html)")), "{text}");
    assert!(text.contains("| Reef  | 47 |"), "{text}");
    assert_eq!((&page["pages"], &page["left_out"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_pdf_is_read_page_by_page() {
    let pages = ["The tower of the cape is 31 m tall.", "The tower of the reef is 47 m tall."];
    let file = pdf::of(&pages, "/Title (Towers) /Author (Ines Duarte) /CreationDate (D:20260302)");
    let reader = Reader::of(vec![
        ("/a.pdf", PDF, file.clone()),
        ("/said-to-be-html", HTML, file.clone()),
        ("/said-to-be-nothing", "", file),
    ])
    .await;
    for path in ["/a.pdf", "/said-to-be-html", "/said-to-be-nothing"] {
        let page = reader.page(path).await.unwrap();
        let said = ["title", "author", "date"].map(|key| page[key].as_str().unwrap());
        assert_eq!(said, ["Towers", "Ines Duarte", "2026-03-02"]);
        assert_eq!(page["pages"], 2);
        assert_eq!(
            page["text"],
            "## Page 1\n\nThe tower of the cape is 31 m tall.\n\n## Page 2\n\nThe tower of the reef is 47 m tall."
        );
    }
}

#[tokio::test]
async fn a_pdf_of_a_thousand_pages() {
    let line = "The tower is tall, and its light is seen from far away over the sea. ";
    let pages: Vec<String> = (1..=1000)
        .map(|n| format!("This is sheet {n}.\n{}", format!("{line}\n").repeat(40)))
        .collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let reader = Reader::of(vec![("/long.pdf", PDF, pdf::of(&pages, ""))]).await;
    let page = reader.page("/long.pdf").await.unwrap();
    assert_eq!(page["pages"], 1000);
    let given = page["text"].as_str().unwrap().len() as u64;
    assert!(given == 1 << 20 && page["left_out"].as_u64().unwrap() > given, "{given}");
    // What is left out is there in parts, each with the number of its page.
    let parts = reader.call("web.read", "/long.pdf", json!({})).await.unwrap()["parts"].clone();
    let last = reader.call("web.read", "/long.pdf", json!({ "part": parts })).await.unwrap();
    let text = last["text"].as_str().unwrap();
    assert!(text.starts_with("## Page ") && text.contains("## Page 1000\n\nThis is sheet 1000."));
}

#[tokio::test]
async fn pdfs_that_cannot_be_read_say_why() {
    let scan = pdf::drawn(&["q 600 0 0 800 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x7f EI Q"; 3]);
    let reader = Reader::of(vec![
        ("/scan", PDF, scan),
        ("/empty", PDF, pdf::of(&["", ""], "")),
        ("/no-word-needed", PDF, pdf::encrypted(&pdf::OPEN)),
        ("/word-needed", PDF, pdf::encrypted(&pdf::CLOSED)),
        ("/is-not-one", PDF, b"<html>not found</html>".to_vec()),
        ("/cut", PDF, b"%PDF-1.7\n1 0 obj\n<< /Type /Cata".to_vec()),
        ("/noise", PDF, [b"%PDF-1.7\n".to_vec(), noise(100_000)].concat()),
        ("/bomb", PDF, pdf::bomb()),
    ])
    .await;
    assert_eq!(reader.text("/no-word-needed").await, "## Page 1\n\nOpened without a word.");
    let broken = "is a PDF that is broken: no pages can be found in it";
    for (path, expected) in [
        (
            "/scan",
            "`/scan` is a PDF of 3 pages that are pictures, as a scanner makes them, without text",
        ),
        ("/empty", "`/empty` is a PDF of 2 pages without text"),
        ("/word-needed", "`/word-needed` is a PDF that needs a password"),
        ("/is-not-one", &format!("`/is-not-one` {broken}")),
        ("/cut", &format!("`/cut` {broken}")),
        ("/noise", &format!("`/noise` {broken}")),
    ] {
        assert_eq!(reader.page(path).await.unwrap_err(), expected);
    }
    // It ends at a limit, or with what the parser is willing to unpack.
    let error = reader.page("/bomb").await.unwrap_err();
    let ends = ["256 MiB", "20 s", "a PDF of one page without text"];
    assert!(ends.iter().any(|end| error.contains(end)), "{error}");
}

/// Bytes without order, the same each time.
fn noise(many: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..many).map(|_| next()).collect()
}

#[tokio::test]
async fn a_broken_pdf_is_read_as_far_as_it_goes() {
    let whole = pdf::of(&["The first page.", "The second page."], "");
    // The table of objects is gone: the last hundred bytes or so.
    let cut = whole[..whole.len() - 150].to_vec();
    let bytes = String::from_utf8(whole).unwrap();
    let wrong = bytes.replace("/Length", "/Lnegth").into_bytes();
    let reader = Reader::of(vec![("/cut", PDF, cut), ("/wrong", PDF, wrong)]).await;
    for path in ["/cut", "/wrong"] {
        let text = reader.text(path).await;
        assert!(text.contains("The first page.") && text.contains("The second page."), "{text}");
    }
}

#[tokio::test]
async fn text_is_read_in_the_encoding_that_it_has() {
    let koi8 = b"\xF4\xC5\xCB\xD3\xD4";
    let meta = |charset: &str, bytes: &[u8]| {
        [format!("<meta charset={charset}><p>").as_bytes(), bytes].concat()
    };
    let reader = Reader::of(vec![
        ("/1252", "text/html; charset=windows-1252", b"<p>caf\xE9 \x80".to_vec()),
        ("/unsaid", HTML, b"<p>caf\xE9 \x80".to_vec()),
        ("/sjis", HTML, meta("shift_jis", b"\x93\xFA\x96\x7B")),
        ("/gb", HTML, meta("gb18030", b"\xD6\xD0\xCE\xC4")),
        ("/koi8", "text/plain; charset=koi8-r", koi8.to_vec()),
        ("/koi8-meta", HTML, meta("koi8-r", koi8)),
        ("/utf16", "text/plain", b"\xFF\xFEh\0\xE9\0".to_vec()),
        ("/utf16-unsaid", "", b"\xFE\xFF\0h\0\xE9".to_vec()),
        ("/lies", "text/plain; charset=us-ascii", "\u{feff}naïve".into()),
    ])
    .await;
    for (path, expected) in [
        ("/1252", "café €"),
        ("/unsaid", "café €"),
        ("/sjis", "日本"),
        ("/gb", "中文"),
        ("/koi8", "Текст"),
        ("/koi8-meta", "Текст"),
        ("/utf16", "hé"),
        ("/utf16-unsaid", "hé"),
        ("/lies", "naïve"),
    ] {
        assert_eq!(reader.text(path).await.trim(), expected, "{path}");
    }
}

#[tokio::test]
async fn pages_made_to_break_a_parser() {
    let words = "The harbour of the old town was closed for the winter of that year. ";
    let deep = format!("<title>Deep</title>{}{words}", "<div>".repeat(100_000));
    let formats = format!("{}{words}", "<b><i><a href=x>".repeat(30_000));
    let unclosed =
        format!("<p>{words}<table><tr><td>{words}<li>{words}<select><option>").repeat(300);
    let attributes = format!("<p {}>{words}", "a=b ".repeat(200_000));
    let nuls = format!("\0<p\0>\0{words}\0</p\0>{}", "\0".repeat(100_000));
    let entities = format!("<p>{}{words}", "&amp;&#x10FFFF;&#0;&bogus;".repeat(50_000));
    let mut json = "[".repeat(1_000_000);
    json.push_str(words);
    let pages = [
        ("/deep", HTML, deep),
        ("/formats", HTML, formats),
        ("/unclosed", HTML, unclosed),
        ("/attributes", HTML, attributes),
        ("/nuls", HTML, nuls),
        ("/entities", HTML, entities),
        ("/json", "application/json", json),
        (
            "/feed",
            "application/rss+xml",
            format!("<rss version='2.0'>{}{words}", "<a>".repeat(100_000)),
        ),
    ];
    let paths: Vec<&str> = pages.iter().map(|(path, _, _)| *path).collect();
    let served = pages.map(|(path, kind, body)| (path, kind, body.into_bytes()));
    let reader = Reader::of(served.to_vec()).await;
    for path in paths {
        let text = reader.text(path).await;
        assert!(text.contains("harbour of the old town") || text.len() == 1 << 20, "{path}");
    }
    assert_eq!(reader.page("/deep").await.unwrap()["title"], "Deep");
}

#[tokio::test]
async fn a_page_of_ten_megabytes() {
    let mut html = String::from("<title>Long</title><main>");
    for n in 0.. {
        if html.len() > 10 << 20 {
            break;
        }
        let words = "the tower stands on the cape and its light is seen from far away ".repeat(5);
        write!(
            html,
            "<h2>Chapter {n}</h2><p>In <b>chapter</b> {n} {words}<a href='/{n}'>on</a></p>"
        )
        .unwrap();
    }
    let reader = Reader::of(vec![("/long", HTML, html.into_bytes())]).await;
    let page = reader.page("/long").await.unwrap();
    assert_eq!(page["title"], "Long");
    assert!(page["text"].as_str().unwrap().contains("In chapter 17 the tower"));
    assert!(page["left_out"].as_u64().unwrap() > 7 << 20, "{}", page["left_out"]);
}

#[tokio::test]
async fn feeds_and_json_are_laid_out() {
    let feed = "<rss version='2.0'><channel><title>News</title><link>http://x.org/</link>\
                <description>d</description><item><title>Crane</title><link>/crane</link>\
                <pubDate>Mon, 02 Mar 2026 08:00:00 GMT</pubDate></item></channel></rss>";
    let reader = Reader::of(vec![
        ("/feed", "text/xml", feed.into()),
        ("/json", "application/json", br#"{"a":[1,2.50]}"#.to_vec()),
        ("/picture", "image/png", b"\x89PNG".to_vec()),
    ])
    .await;
    let page = reader.page("/feed").await.unwrap();
    let link = format!("http://{}/crane", reader.at);
    assert_eq!(page["text"], format!("# News\n\nd\n\n- [Crane](<{link}>) (2026-03-02)"));
    assert_eq!((&page["title"], &page["date"]), (&json!("News"), &json!("2026-03-02")));
    assert_eq!(reader.text("/json").await, "{\n  \"a\": [\n    1,\n    2.50\n  ]\n}");
    let error = reader.page("/picture").await.unwrap_err();
    assert_eq!(error, "`/picture` is `image/png`, which cannot be read as text");
}
