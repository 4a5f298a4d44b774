//! What every request passes before anything is done for it: the name it was sent to, the page it was sent
//! from, the token, and what is left of its user's share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};

use crate::error::ApiError;
use crate::hold::Hold;
use crate::shared::{Account, Shared};
use crate::{body, page, session, triggers, user};

/// Who asks.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Arc<Account>);

/// What says nothing of what the server holds, and is asked by what supervises it.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Names under which a token is put into addresses elsewhere.
const TOKENS: [&str; 7] =
    ["access_token", "api_key", "api-key", "apikey", "authorization", "key", "token"];

/// What is shorter is no token: not looked up, so that an address of many words costs nothing.
const SHORTEST: usize = 16;

/// Lets a request in, or says why not; and counts it.
pub(crate) async fn enter(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_string());
    let route = route.unwrap_or_else(|| "other".to_string());
    let of_page = page::holds(request.uri().path());
    let mut response = match admitted(&shared, &request) {
        Err(refused) => refused.into_response(),
        Ok(None) => next.run(request).await,
        Ok(Some(account)) => match share(&account) {
            Err(refused) => refused.into_response(),
            Ok(slot) => {
                request.extensions_mut().insert(Caller(account));
                let answering = Answering::new(&shared);
                next.run(request).await.map(|body| Hold::on(body, (slot, answering)))
            }
        },
    };
    secured(response.headers_mut());
    if of_page {
        page::secured(response.headers_mut());
    }
    shared.metrics.answered(&route, response.status().as_u16(), began.elapsed());
    response
}

/// Counts a request until its answer is sent.
struct Answering(Arc<Shared>);

impl Answering {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.metrics.answering.fetch_add(1, Ordering::Relaxed);
        Self(shared.clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.metrics.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who asks; `None` where that does not matter.
fn admitted(shared: &Shared, request: &Request<Body>) -> Result<Option<Arc<Account>>, ApiError> {
    to_us(shared, request)?;
    from_us(shared, request.headers())?;
    no_token(shared, request.uri())?;
    if body::length(request.headers()).is_some_and(|length| length > shared.limits.body as u64) {
        return Err(body::large(shared.limits.body));
    }
    let path = request.uri().path();
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let open = reads && (OPEN.contains(&path) || page::holds(path));
    // It brings a ticket in the token's place, and is asked for that.
    if open || request.method() == Method::POST && path == session::PATH {
        return Ok(None);
    }
    if triggers::signed(request.uri().path()) && request.method() == Method::POST {
        return Ok(None);
    }
    known(shared, request.headers()).map(Some)
}

/// A page of another site whose name was made to lead here (DNS rebinding) sends that name.
fn to_us(shared: &Shared, request: &Request<Body>) -> Result<(), ApiError> {
    let strange = |host: &str| {
        let host: String = host.chars().take(100).collect();
        let message = format!(
            "this server is not reached as `{host}`\nhint: ask it by its address, or start it with \
             `--behind-proxy {host}` if a reverse proxy passes that name on"
        );
        Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", message))
    };
    let host = one(request.headers(), &header::HOST)?.unwrap_or_default();
    let named = request.uri().authority().map(|authority| authority.as_str());
    for host in std::iter::once(host).chain(named) {
        if !shared.doors.knows(host) {
            return strange(host);
        }
    }
    Ok(())
}

/// A page of another site may make a browser send a request, which then says whose page it was.
fn from_us(shared: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    let origin = one(headers, &header::ORIGIN)?;
    let own = origin.is_none_or(|origin| {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(|host| shared.doors.knows(host))
    });
    let site = one(headers, &HeaderName::from_static("sec-fetch-site"))?;
    if own && site.is_none_or(|site| ["same-origin", "none"].contains(&site)) {
        return Ok(());
    }
    let message = "pages of other sites may not use this server";
    Err(ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", message))
}

/// An address is written into logs and histories, where a token must not be.
fn no_token(shared: &Shared, uri: &Uri) -> Result<(), ApiError> {
    let refused = |what: &str| {
        let message = format!(
            "{what} must not be in the address: a token is sent in the header \
             `Authorization: Bearer TOKEN`, and one that was in an address has to be replaced"
        );
        Err(ApiError::new(StatusCode::BAD_REQUEST, "token_in_url", message))
    };
    let is_token = |text: &str| text.len() >= SHORTEST && holder(shared, text).is_some();
    if uri.path().split('/').any(is_token) {
        return refused("a token");
    }
    // As it is written, `%74oken` names the same.
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    for (name, value) in pairs.map(|Query(pairs)| pairs).unwrap_or_default() {
        if TOKENS.contains(&name.to_ascii_lowercase().as_str()) {
            return refused(&format!("`{name}`"));
        }
        if is_token(&name) || is_token(&value) {
            return refused("a token");
        }
    }
    Ok(())
}

fn known(shared: &Shared, headers: &HeaderMap) -> Result<Arc<Account>, ApiError> {
    let token = bearer(headers)?;
    let account = holder(shared, token).cloned();
    account.ok_or_else(|| unknown("this token is not one of this server's"))
}

fn holder<'s>(shared: &'s Shared, token: &str) -> Option<&'s Arc<Account>> {
    match user::find(shared.accounts.iter().map(|account| &account.user), token) {
        Some(place) => shared.accounts.get(place),
        None => shared.accounts.first().filter(|_| shared.sessions.knows(token)),
    }
}

/// The token that a request brings.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let sent = one(headers, &header::AUTHORIZATION)?
        .ok_or_else(|| unknown("a token is needed: `Authorization: Bearer TOKEN`"))?;
    match sent.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(unknown("the token is sent as `Authorization: Bearer TOKEN`")),
    }
}

fn unknown(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
}

/// What is left of a user's share: a slot for this request.
fn share(account: &Arc<Account>) -> Result<tokio::sync::OwnedSemaphorePermit, ApiError> {
    let many = |message: String, wait: u64| {
        Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
            .after(wait))
    };
    if let Err(until) = account.rate.check() {
        let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
        return many(format!("too many requests: try again in {wait} s"), wait);
    }
    match account.slots.clone().try_acquire_owned() {
        Ok(slot) => Ok(slot),
        Err(_) => {
            many("too many requests of yours are being answered: wait for one".to_string(), 1)
        }
    }
}

/// A header that may be there once: two of them mean different things to different programs.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(ApiError::invalid(format!("the header `{name}` is there twice")));
    }
    match first.map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(ApiError::invalid(format!("the header `{name}` is no text"))),
    }
}

/// What no answer may be taken for or kept as.
fn secured(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
