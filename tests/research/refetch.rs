//! Whether what a report cites still stands where it was read.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use research::report::{Claim, Report, Section, Source, Support, VERSION};
use serde_json::{Value, json};

use super::{TOWER, page};
use crate::place::{Place, Ran};
use crate::server::{Asked, Server};

const HIGH: &str = "The tower of Aveiro is 47 m high, and it was\nbuilt of granite in 1746.";

/// A report that cites the same sentence of each of these addresses.
fn report(urls: &[String]) -> String {
    let start = TOWER.find(HIGH).unwrap();
    let source = |url: &String| {
        let sha256 = research::report::sha256(TOWER);
        let (url, text) = (url.clone(), TOWER.to_string());
        Source { url, sha256, text, ..Source::default() }.sealed()
    };
    let sources: Vec<Source> = urls.iter().map(source).collect();
    let spans = (1..)
        .zip(&sources)
        .map(|(number, source)| source.span(number, start, start + HIGH.len()).unwrap());
    let claim = Claim {
        text: "It is 47 m high.".into(),
        value: String::new(),
        support: Support::Supported,
        overlap: 1.0,
        citations: spans.collect(),
    };
    let section = Section { claims: vec![claim], ..Section::default() };
    json!(Report { version: VERSION, sections: vec![section], sources, ..Report::default() })
        .to_string()
}

fn check(place: &Place, server: &Server, more: &[&str]) -> Ran {
    let net = server.at.to_string();
    let args = ["report", "check", "report.json", "--refetch", "--net", &net];
    place.errand([&args, more].concat())
}

#[test]
fn what_changed_is_told_from_what_did_not() {
    let moved = TOWER.replace("The coast has three towers.", "The coast has four towers by now.");
    let rewritten = TOWER.replace("47 m", "52 m");
    let web = Server::start(move |asked: Asked| match asked.path.as_str() {
        "/same" => page(TOWER),
        "/moved" => moved.clone().into_response(),
        "/rewritten" => rewritten.clone().into_response(),
        "/gone" => StatusCode::GONE.into_response(),
        "/broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/hidden" => page("never"),
        "/robots.txt" => "User-agent: *\nDisallow: /hidden\n".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    });
    let at = |path: &str| format!("http://{}{path}", web.at);
    let place = Place::new();
    let paths = ["/same", "/moved", "/rewritten", "/gone", "/broken", "/hidden"];
    place.write("report.json", report(&paths.map(at)));
    let ran = check(&place, &web, &[]);
    let told = ran.all().replace(&web.at.to_string(), "WEB");
    insta::assert_snapshot!(told, @"
    exit 1
    --- stdout
    6 citations, 0 faults
    source 1 http://WEB/same: unchanged
    source 2 http://WEB/moved: changed; 1 of 1 quotes stand there still
    source 3 http://WEB/rewritten: changed; 0 of 1 quotes stand there still
      no longer there: `The tower of Aveiro is 47 m high, and it was built of granite in 1746.`
    source 4 http://WEB/gone: gone
      `http://WEB/gone` answered with status 410
    source 5 http://WEB/broken: cannot be read now
      `http://WEB/broken` answered with status 500
    source 6 http://WEB/hidden: cannot be read now
      robots.txt of `127.0.0.1` does not allow `/hidden`
    ");
    assert!(!web.asked().iter().any(|path| path == "/hidden"));
    let ran = check(&place, &web, &["--json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let states: Vec<&str> =
        told["sources"].as_array().unwrap().iter().filter_map(|it| it["state"].as_str()).collect();
    assert_eq!(
        states,
        ["unchanged", "changed", "changed", "gone", "unreadable", "unreadable"],
        "{told}"
    );
    assert_eq!(told["sources"][1]["quotes"][0]["stands"], true, "{told}");
    assert_eq!(told["sources"][2]["quotes"][0]["stands"], false, "{told}");
}

#[test]
fn the_exit_code_says_how_it_stands() {
    let web = Server::start(|asked: Asked| match asked.path.as_str() {
        "/same" => page(TOWER),
        "/broken" => StatusCode::BAD_GATEWAY.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    });
    let place = Place::new();
    for (paths, code) in [(vec!["/same"], 0), (vec!["/same", "/broken"], 4), (vec!["/no"], 1)] {
        let urls: Vec<String> =
            paths.iter().map(|path| format!("http://{}{path}", web.at)).collect();
        place.write("report.json", report(&urls));
        let ran = check(&place, &web, &[]);
        assert_eq!(ran.code, Some(code), "{ran}");
    }
}

/// The author of the report chose its addresses: they lead nowhere but to the public web.
#[test]
fn a_report_cannot_send_its_reader_inside() {
    let inside = Server::start(|_| page(TOWER));
    let to = format!("http://{}/secret", inside.at);
    let port = inside.at.port();
    let channel = Server::start(move |asked: Asked| match asked.path.as_str() {
        "/robots.txt" => StatusCode::NOT_FOUND.into_response(),
        _ => axum::response::Redirect::temporary(&to).into_response(),
    });
    let place = Place::new();
    let urls = [
        format!("http://{}/", inside.at),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_string(),
        "file:///etc/passwd".to_string(),
        // Granted, and leads on to what is not.
        format!("http://{}/", channel.at),
    ];
    place.write("report.json", report(&urls));
    let ran = check(&place, &channel, &["--json"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    for source in told["sources"].as_array().unwrap() {
        assert_eq!(source["state"], "unreadable", "{source}");
    }
    assert_eq!(inside.asked(), Vec::<String>::new());
    let refused = place.errand(["report", "check", "report.json", "--refetch", "--net", "*"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    let refused = place.errand(["report", "check", "report.json", "--net", "example.org"]);
    assert_eq!(refused.code, Some(2), "{refused}");
}

/// What was kept of a page is not what it is now, however long its server says that it may be kept.
#[test]
fn a_page_that_was_kept_is_asked_for_all_the_same() {
    let web = Server::start(|asked: Asked| {
        let body = if asked.number < 2 { TOWER.to_string() } else { TOWER.replace("47 m", "52 m") };
        ([("cache-control", "max-age=100000"), ("content-type", "text/plain")], body)
            .into_response()
    });
    let place = Place::new();
    place.write("report.json", report(&[format!("http://{}/towers", web.at)]));
    assert_eq!(check(&place, &web, &[]).code, Some(0));
    assert_eq!(check(&place, &web, &[]).code, Some(1));
    let left = std::fs::read_dir(place.home()).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("refetch")), "{left:?}");
}
