//! What breaks around a research: pages, search engines, the disk, the process. Each time there is a
//! report of what could be had, that says what could not.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};

use super::{QUESTION, TOWER, engine, model, page, place, research, troubles};
use crate::server::{Asked, Server};

fn text(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// A body that breaks off after its first piece.
fn cut() -> Response {
    let pieces = [Ok("The tower of Ave"), Err(std::io::Error::other("cut"))];
    // While the body waits the server flushes what it has.
    let pieces = futures::StreamExt::then(stream::iter(pieces), |piece| async {
        tokio::task::yield_now().await;
        piece
    });
    text(Body::from_stream(pieces))
}

/// What says of itself that it is packed, and is not.
fn garbage() -> Response {
    let bytes: Vec<u8> =
        (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    ([(header::CONTENT_TYPE, "text/html"), (header::CONTENT_ENCODING, "gzip")], bytes)
        .into_response()
}

/// A body that gives a letter a second, for ever.
fn drip() -> Response {
    let letters = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>("a"), ()))
    });
    text(Body::from_stream(letters))
}

/// Headers, and then nothing.
fn silent() -> Response {
    text(Body::from_stream(stream::pending::<Result<String, std::io::Error>>()))
}

#[test]
fn half_of_all_fetches_fail() {
    let web = Server::start(|asked: Asked| match asked.path.as_str() {
        "/1" | "/7" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/3" => cut(),
        "/5" => garbage(),
        "/6" => page(TOWER),
        "/robots.txt" => StatusCode::NOT_FOUND.into_response(),
        _ => page("# Bees\n\nBees live in the hills behind Aveiro, and no tower is theirs.\n"),
    });
    let paths = ["/1", "/2", "/3", "/4", "/5", "/6", "/7"];
    let (model, engine) = (model(), engine(&web, &paths));
    let ran = research(&place(&model, &[&engine], &web), &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let report = &ran.finished()["outcome"];
    assert_eq!(report["answer"]["text"], "The tower of Aveiro is 47 m high.", "{report}");
    let told = troubles(report, &[(&web, "WEB")]);
    let kinds: Vec<&str> = told.lines().filter_map(|line| line.split(": ").next()).collect();
    for failed in ["page http://WEB/1", "page http://WEB/3", "page http://WEB/5"] {
        assert!(kinds.contains(&failed), "{failed} is not in:\n{told}");
    }
    assert!(!told.contains("/2") && !told.contains("/4") && !told.contains("/6"), "{told}");
}

/// Neither a page that is too big nor one that never ends keeps the research from its end; that a
/// big one is cut off is `what_fails_is_said_and_the_rest_is_reported`'s.
#[test]
fn pages_that_never_end() {
    let web = Server::start(|asked: Asked| match asked.path.as_str() {
        "/drip" => drip(),
        "/silent" => silent(),
        "/robots.txt" => StatusCode::NOT_FOUND.into_response(),
        _ => page(TOWER),
    });
    let (model, engine) = (model(), engine(&web, &["/drip", "/silent", "/towers"]));
    let begun = Instant::now();
    let ran = research(&place(&model, &[&engine], &web), &[]);
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    assert_eq!(ran.code, Some(0), "{ran}");
    let report = &ran.finished()["outcome"];
    assert_eq!(report["answer"]["support"], "supported", "{report}");
    let told = troubles(report, &[(&web, "WEB")]);
    for failed in ["page http://WEB/drip", "page http://WEB/silent"] {
        assert!(told.contains(failed), "{failed} is not in:\n{told}");
    }
}

/// Two questions, of which one is answered and the other waits for a page for ever, when the user
/// presses Ctrl-C: the report has the first, and says that the second was not looked into.
#[test]
fn ctrl_c_leaves_a_report_and_a_run_that_goes_on() {
    let web = Server::start(|asked: Asked| match asked.path.as_str() {
        "/keepers" => silent(),
        "/robots.txt" => StatusCode::NOT_FOUND.into_response(),
        _ => page(TOWER),
    });
    let at = web.at;
    let engine = Server::start(move |asked: Asked| {
        let path = if asked.path.contains("keep") { "keepers" } else { "towers" };
        let url = format!("http://{at}/{path}");
        json!({ "results": [{ "title": "Towers", "url": url, "content": "Aveiro" }] })
            .to_string()
            .into_response()
    });
    let model = super::model_that(|system, asked| {
        (system.contains("queries for a search engine") && asked.contains("keeper"))
            .then(|| "keeper Aveiro".to_string())
    });
    let place = place(&model, &[&engine], &web);
    let keeper = "Who is the keeper of the tower of Aveiro?";
    let args = ["research", QUESTION, "--agent", "research.toml", "--json", "--depth", "quick"];
    let more = ["--plan", QUESTION, "--plan", keeper, "--out", "report.md"];
    let mut child =
        place.command([&args[..], &more].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let run = first["run"].as_str().unwrap().to_string();
    // One reader has its answer, and the other's page is asked for.
    lines.find(|line| line.starts_with("{\"type\":\"ended\"")).unwrap();
    while !web.asked().iter().any(|path| path == "/keepers") {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let last = lines.last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["reason"], "cancelled", "{last}");
    let report = place.read("report.md");
    assert!(report.contains("This report is not finished"), "{report}");
    assert!(report.contains("The tower of Aveiro is 47 m high."), "{report}");
    assert!(report.contains(&format!("## {keeper}\n\nNot looked into.")), "{report}");
    // It waits again where it waited before: nothing of what was known is looked up anew.
    let before = web.asked().len();
    let mut child =
        place.command(["runs", "resume", &run, "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    while web.asked().len() == before {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!web.asked()[before..].iter().any(|path| path == "/towers"), "{:?}", web.asked());
}

/// The home lies on a small file system that is full before the first page is read, and then is
/// given room.
#[test]
fn a_disk_that_fills() {
    let long: &'static str = Box::leak(format!("{TOWER}\n{}", "Bees. ".repeat(60_000)).into());
    let (model, web) = (model(), Server::start(move |_| page(long)));
    let engine = engine(&web, &["/towers"]);
    let place = place(&model, &[&engine], &web);
    let own = |script: &str| {
        let command = place.command([] as [&str; 0]);
        let mut shell = Command::new("unshare");
        shell
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(command.get_program())
            .current_dir(place.path(""))
            .env("ERRAND_HOME", place.path("small"))
            .output()
    };
    place.write("small/.keep", "");
    // Room for the compiled components, of which a cache that is in use for long holds many, and some more.
    let room = "$(($(du -sk home/cache | cut -f1) + 30000))k";
    let mount = format!("mount -t tmpfs -o size={room},mode=700 none small");
    if !own(&mount).is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: this machine lets no user mount a file system of its own");
        return;
    }
    let run = "\"$(\"$0\" runs list --json | head -1 | sed 's/.*\"run\":\"\\([^\"-]*\\).*/\\1/')\"";
    let script = format!(
        "{mount} && cp -rp home/cache home/cache.key small/ && chmod 700 small/cache && \
         free=$(df -k --output=avail small | tail -1) && \
         head -c $((free - 500))k /dev/zero > small/filler && \
         \"$0\" research '{QUESTION}' --agent research.toml --depth quick > first.md; \
         echo \"exit $?\"; \"$0\" report show {run}; \
         rm small/filler; \"$0\" runs resume {run} > last.md; echo \"exit $?\""
    );
    let ran = place.ran(&own(&script).unwrap());
    assert!(ran.err.contains("is full: make room, then resume"), "{ran}");
    let (full, after) = ran.out.split_once("exit 1\n").unwrap_or_else(|| panic!("{ran}"));
    assert_eq!(full, "", "{ran}");
    assert!(after.contains("This report is not finished"), "{ran}");
    assert!(after.ends_with("exit 0\n"), "{ran}");
    assert!(place.read("last.md").contains("The tower of Aveiro is 47 m high. [1]"), "{ran}");
}

#[test]
fn a_model_that_goes_away_leaves_what_is_known() {
    let web = Server::start(|_| page(TOWER));
    let model = super::answering(|system, asked| {
        // The lead is answered, and no reader is.
        let lead =
            system.contains("one or several") || system.contains("Does the question compare");
        match lead {
            true => super::usual(system, asked),
            false => Err(StatusCode::BAD_REQUEST),
        }
    });
    let engine = engine(&web, &["/towers"]);
    let place = place(&model, &[&engine], &web);
    let ran = research(&place, &["--out", "report.md"]);
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("fault")), "{ran}");
    let report = place.read("report.md");
    assert!(report.contains("This report is not finished"), "{report}");
    let trouble = format!("- {QUESTION} was not looked into: agent \\`researcher\\` stopped: ");
    assert!(report.contains(&trouble) && report.contains("400"), "{report}");
}
