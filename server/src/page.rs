//! The page for people: a shell, its style and its scripts, which are in the program. They hold no data
//! and are given to every browser that asks; all that the page shows it fetches with a token, and nothing
//! of it comes from elsewhere.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::routes::Routes;
use crate::user::TokenHash;

/// What the page may load and reach: itself and its server. It has no inline script or style, and may not
/// make markup of text, so what a model or a page wrote cannot run whatever a view does with it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($path:literal $kind:literal $name:literal)*) => {
        [$(File {
            path: $path,
            kind: $kind,
            text: include_str!(concat!("../page/", $name)),
        }),*]
    };
}

static FILES: [File; 20] = files! {
    "/" "text/html; charset=utf-8" "index.html"
    "/page/page.css" "text/css; charset=utf-8" "page.css"
    "/page/icon.svg" "image/svg+xml" "icon.svg"
    "/page/app.js" "text/javascript; charset=utf-8" "app.js"
    "/page/api.js" "text/javascript; charset=utf-8" "api.js"
    "/page/ask.js" "text/javascript; charset=utf-8" "ask.js"
    "/page/budget.js" "text/javascript; charset=utf-8" "budget.js"
    "/page/chart.js" "text/javascript; charset=utf-8" "chart.js"
    "/page/chat.js" "text/javascript; charset=utf-8" "chat.js"
    "/page/dom.js" "text/javascript; charset=utf-8" "dom.js"
    "/page/form.js" "text/javascript; charset=utf-8" "form.js"
    "/page/format.js" "text/javascript; charset=utf-8" "format.js"
    "/page/history.js" "text/javascript; charset=utf-8" "history.js"
    "/page/inbox.js" "text/javascript; charset=utf-8" "inbox.js"
    "/page/models.js" "text/javascript; charset=utf-8" "models.js"
    "/page/report.js" "text/javascript; charset=utf-8" "report.js"
    "/page/run.js" "text/javascript; charset=utf-8" "run.js"
    "/page/start.js" "text/javascript; charset=utf-8" "start.js"
    "/page/timeline.js" "text/javascript; charset=utf-8" "timeline.js"
    "/page/visible.js" "text/javascript; charset=utf-8" "visible.js"
};

/// Whether this is a file of the page, for which no token is needed.
pub(crate) fn holds(path: &str) -> bool {
    FILES.iter().any(|file| file.path == path)
}

/// What holds of the page in the place of what holds of other answers.
pub(crate) fn secured(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // Kept, and asked for again each time: another errand has another page.
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The addresses of the page.
pub(crate) fn routes() -> Routes {
    FILES.iter().fold(Routes::default(), |routes, file| {
        let tag = format!("\"{}\"", &TokenHash::of(file.text).hex()[..32]);
        routes.get(file.path, async move |headers: HeaderMap| show(file, &tag, &headers))
    })
}

fn show(file: &File, tag: &str, headers: &HeaderMap) -> Response {
    let had = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let mut response = match had.is_some_and(|tags| tags.split(',').any(|had| had.trim() == tag)) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, file.kind)], file.text).into_response(),
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shell and each module name what they load; nothing of it is from elsewhere or missing.
    #[test]
    fn all_that_the_page_loads_is_in_the_program() {
        for file in &FILES {
            for line in file.text.lines() {
                let named = line.split_once(" from \"./").map(|(_, rest)| ("/page/", rest));
                let linked = ["src=\"", "href=\"/"].iter().find_map(|mark| line.split_once(mark));
                for (folder, rest) in named.into_iter().chain(linked.map(|(_, rest)| ("/", rest))) {
                    let name = rest.split('"').next().unwrap().trim_start_matches('/');
                    assert!(holds(&format!("{folder}{name}")), "{}: {line}", file.path);
                }
            }
            for writes in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!file.text.contains(writes), "{} has `{writes}`", file.path);
            }
        }
    }
}
