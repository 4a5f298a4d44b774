//! What comes as a page: sent on, without text, packed, or far more than it looks.

use super::*;

fn markup(body: &str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body.to_string()).into_response()
}

#[test]
fn a_page_that_sends_on_is_followed_as_a_redirect_is() {
    let sends = |to: String| markup(&format!("<meta http-equiv=refresh content='0; url={to}'>"));
    let inside = Server::start(|_: Asked| html("never"));
    let other = inside.at;
    let server = Server::start(move |asked: Asked| match asked.path.as_str() {
        "/robots.txt" => nothing(),
        "/a" => sends("b/c".to_string()),
        "/b/c" => markup("<p>The tower is 31 m tall."),
        "/round" => sends("/round?again".to_string()),
        "/round?again" => sends("/round".to_string()),
        "/inside" => sends(format!("http://{other}/")),
        _ => sends("https://elsewhere.example/".to_string()),
    });
    // Both are granted by their numbers: it is not for a page to choose one.
    let place = agent(&at(&[&server, &inside]), "");
    assert_eq!(read(&place, &server, "/a").unwrap(), "The tower is 31 m tall.");
    for (path, why) in [
        ("/round", "sends on more than 5 times"),
        ("/inside", "it may not lead to a number"),
        ("/denied", "may not reach `elsewhere.example`"),
    ] {
        let refused = read(&place, &server, path).unwrap_err();
        assert!(refused.contains(why), "{path}: {refused}");
    }
    assert_eq!(inside.asked(), [""; 0]);
}

#[test]
fn a_page_without_text_says_why() {
    let server = Server::start(|asked: Asked| match asked.path.as_str() {
        "/robots.txt" => nothing(),
        "/empty" => markup(""),
        "/app" => markup("<div id=root></div><script src=app.js></script>"),
        "/asks" => markup(
            "<noscript>You need to enable JavaScript to run this app.</noscript><script src=app.js></script>",
        ),
        "/json" => {
            let said = json!({ "error": { "message": "No key." } });
            (StatusCode::FORBIDDEN, axum::Json(said)).into_response()
        }
        _ => (StatusCode::FORBIDDEN, markup("<title>Not for you</title>")).into_response(),
    });
    let place = agent(&at(&[&server]), "");
    for (path, why) in [
        ("/empty", "holds no text"),
        ("/app", "says nothing before its scripts have run, which takes a browser"),
        ("/asks", "says nothing but `You need to enable JavaScript to run this app.` before"),
        ("/json", "answered with status 403: No key."),
        ("/html", "answered with status 403: Not for you"),
    ] {
        let refused = read(&place, &server, path).unwrap_err();
        assert!(refused.contains(why), "{path}: {refused}");
    }
}

/// Twelve times the same sentence, as each program packs it.
const PACKED: [(&str, &str); 3] = [
    ("br", "1b5b01f88d84dc44eb372f2c53490942d5d6313365687a105146194c5bc0424b30a903e15df12e3a2f"),
    (
        "deflate",
        "78da0bc94855c8c94ccf28c9c82f2d4e55c82c56303654c8552849ccc9d153081995a4441200590373bd",
    ),
    (
        "zstd",
        "28b52ffd04682d0100e8546865206c69676874686f757365206973203331206d2074616c6c2e200100f10055390136a6f3bf",
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_packed_page_is_unpacked_or_refused_by_name() {
    let sentence = "The lighthouse is 31 m tall. ".repeat(12);
    let plain = sentence.clone();
    let server = Server::start(move |asked: Asked| {
        let name = asked.path.trim_start_matches('/').to_string();
        let body = match PACKED.iter().find(|(packed, _)| *packed == name) {
            Some((_, hex)) => bytes(hex),
            None => plain.clone().into_bytes(),
        };
        match name.as_str() {
            "robots.txt" => nothing(),
            name => Response::builder()
                .header(header::CONTENT_ENCODING, name)
                .header(header::CONTENT_TYPE, "text/plain")
                .body(Body::from(body))
                .unwrap(),
        }
    });
    let place = agent(&at(&[&server]), "");
    for name in ["br", "deflate", "zstd", "identity", "utf-8"] {
        let page = read(&place, &server, &format!("/{name}")).unwrap();
        assert_eq!(page.trim(), sentence.trim(), "{name}");
    }
    let refused = read(&place, &server, "/compress").unwrap_err();
    assert!(
        refused.ends_with("is packed as `compress`, which cannot be unpacked here"),
        "{refused}"
    );
    // It says that it is packed, and is not.
    let refused = read(&place, &server, "/gzip").unwrap_err();
    assert!(refused.contains("cannot be read to its end"), "{refused}");
}

#[test]
fn a_small_answer_that_unpacks_to_a_big_one() {
    let (zip, br) = (bomb(), bytes(BROTLI_BOMB));
    let server = Server::start(move |asked: Asked| {
        let (name, body) = match asked.path.as_str() {
            "/gzip" => ("gzip", zip.clone()),
            "/br" => ("br", br.clone()),
            _ => return nothing(),
        };
        Response::builder()
            .header(header::CONTENT_ENCODING, name)
            .header(header::CONTENT_TYPE, "text/plain")
            .body(Body::from(body))
            .unwrap()
    });
    let place = agent(&at(&[&server]), "");
    for path in ["/gzip", "/br"] {
        let refused = read(&place, &server, path).unwrap_err();
        assert_eq!(refused, format!("`http://{}{path}` gives more than 16 MiB", server.at));
    }
    let kept = place.home().join("pages/bodies");
    assert!(size_of(&kept).is_none_or(|size| size <= 1 << 20));
}

/// 64 MiB of zeros.
const BROTLI_BOMB: &str = "cfffff7f002400e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffe7ffff3f001200715800baf7ff03";

/// 64 MiB of zeros in 64 kB, as Python packs them.
fn bomb() -> Vec<u8> {
    let made = std::process::Command::new("python3")
        .args(["-c", "import gzip,sys; sys.stdout.buffer.write(gzip.compress(bytes(64 << 20)))"])
        .output()
        .unwrap();
    assert!(made.status.success() && made.stdout.len() < 128 << 10);
    made.stdout
}

fn size_of(folder: &std::path::Path) -> Option<u64> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size_of(&entry.path()).unwrap_or_default(),
        _ => entry.metadata().map_or(0, |file| file.len()),
    });
    Some(sizes.sum())
}
