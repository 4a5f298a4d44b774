//! Why a request failed, in one line: the innermost cause, which the errors around it only repeat
//! in general words, and of the URL only the server: the rest may hold more than a reader should see.

/// A sentence without a subject: ``no connection to `127.0.0.1:80`: connection refused``.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut inner: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let inner = inner.to_string();
    let inner = inner.split(" (os error").next().unwrap_or(&inner);
    let mut letters = inner.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let inner: String = first.into_iter().chain(letters).collect();
    if error.is_connect() {
        format!("no connection{}: {inner}", error.url().map(to).unwrap_or_default())
    } else if error.is_timeout() {
        "it was silent for too long".to_string()
    } else if error.is_body() || error.is_decode() {
        format!("the connection broke: {inner}")
    } else {
        inner
    }
}

/// Where to.
fn to(url: &reqwest::Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(" to `{}{port}`", url.host_str().unwrap_or_default())
}
