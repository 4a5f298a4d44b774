//! What went wrong between errand and a server, in words: the one place where the errors of rmcp, and of
//! the transports below it, become a sentence for a person and for a model.
//!
//! Refuses to pass on how a library writes its own errors: names of types, debug forms, the place of a
//! letter in what a server wrote. Of what it wrote the beginning is shown, in one line.

use std::error::Error;
use std::io;

use http_client::{NO_HTTP, NO_TLS, PAGE, brief};
use reqwest::StatusCode;
use rmcp::model::{ErrorCode, ErrorData};
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::{SseError, StreamableHttpError};

use super::oauth;
use crate::plain::plain;

/// How much of what a server wrote is repeated, in letters.
const WORDS: usize = 300;

/// How rmcp begins what it says of a body that is no message; what follows is serde's, and the body's
/// beginning.
const UNPARSED: &str = "could not parse JSON response as ServerJsonRpcMessage";

/// What happened.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    /// Without a subject, in one line.
    pub(super) said: String,
    pub(super) kind: Kind,
}

/// Which kind of fault it is, as far as something follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is no way to it: another revision of the protocol would find none either.
    Unreachable,
    /// It encrypts nothing, where it was asked to.
    Plain,
    /// It takes no connection that is not encrypted.
    Encrypted,
    /// What answers at this address is no MCP server, as far as its answer tells.
    Elsewhere,
    /// It wants to know who asks, or does not let this one in.
    Shut,
    /// It may pass by itself.
    Passing,
    /// The connection broke while it was asked.
    Lost,
    /// It understood and refused.
    Refused,
    /// What it answers is not what the protocol says.
    Odd,
}

impl Fault {
    /// Of a connection that did not come about.
    pub(super) fn of_greeting(error: &ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::TransportError { error, .. } => Self::of_transport(error),
            ClientInitializeError::JsonRpcError(error) => {
                let refused = Self::of_answer(error);
                let said = format!("it refused the handshake: {}", refused.said);
                Self { said, ..refused }
            }
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::Cancelled => {
                Self::new(Kind::Lost, "it closed the connection before it had answered")
            }
            ClientInitializeError::ConflictInitResponseId(..)
            | ClientInitializeError::UncorrelatedErrorResponse { .. } => {
                Self::new(Kind::Odd, "it answered under an `id` that it was not asked with")
            }
            ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
                let theirs: Vec<&str> =
                    server_supported.iter().map(|version| version.as_str()).collect();
                let theirs = plain(&theirs.join(", "), WORDS);
                let said = format!("it speaks no revision of MCP that errand does ({theirs})");
                Self::new(Kind::Odd, said)
            }
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
                Self::of_greeting(fallback)
            }
            // What it said instead is in the error, written as Rust.
            _ => Self::new(Kind::Odd, "it answered the handshake with something else"),
        }
    }

    /// Of a request that has no answer.
    pub(super) fn of_request(error: &ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => Self::of_answer(error),
            ServiceError::TransportSend(error) => Self::of_transport(error),
            ServiceError::TransportClosed => Self::new(Kind::Lost, "it closed the connection"),
            ServiceError::UnexpectedResponse => {
                Self::new(Kind::Odd, "its answer is not one that this request can have")
            }
            ServiceError::Cancelled { reason: Some(reason) } => {
                Self::new(Kind::Refused, format!("it cancelled the request: {}", line(reason)))
            }
            ServiceError::Cancelled { reason: None } => {
                Self::new(Kind::Refused, "it cancelled the request")
            }
            ServiceError::Timeout { .. } => Self::new(Kind::Lost, "it did not answer in time"),
            _ => Self::new(Kind::Odd, "it went on asking, and did not answer"),
        }
    }

    fn new(kind: Kind, said: impl Into<String>) -> Self {
        Self { said: said.into(), kind }
    }

    /// An error that a server gave as its answer.
    fn of_answer(error: &ErrorData) -> Self {
        let mut said = line(&error.message);
        let more = match &error.data {
            Some(serde_json::Value::String(text)) => line(text),
            Some(data) if !data.is_null() => line(&data.to_string()),
            _ => String::new(),
        };
        if said.is_empty() {
            said = match error.code {
                ErrorCode::METHOD_NOT_FOUND => "it knows no such request".to_string(),
                ErrorCode::INVALID_PARAMS => "it does not take these arguments".to_string(),
                code => format!("error {}, without a word", code.0),
            };
        }
        if !more.is_empty() && !said.contains(&more) {
            said = format!("{said} ({more})");
        }
        Self::new(Kind::Refused, said)
    }

    fn of_transport(error: &DynamicTransportError) -> Self {
        type Http = StreamableHttpError<reqwest::Error>;
        let error: &(dyn Error + 'static) = error.error.as_ref();
        match error.downcast_ref::<Http>() {
            Some(error) => Self::of_http(error),
            None => match error.downcast_ref::<io::Error>() {
                Some(error) => Self::new(Kind::Lost, http_client::cause(error)),
                None => Self::new(Kind::Lost, "the connection broke"),
            },
        }
    }

    fn of_http(error: &StreamableHttpError<reqwest::Error>) -> Self {
        use StreamableHttpError as Http;
        match error {
            Http::Client(error) => Self::of_sending(error),
            Http::HttpStatus(error) => {
                let wait = error.retry_after.as_deref().map(|wait| plain(wait, 40));
                let wait = wait.map(|wait| format!(", and asks to wait: `{wait}`"));
                let status = status(error.status);
                let said = format!("it answered {status}{}", wait.unwrap_or_default());
                Self::new(Kind::Passing, said)
            }
            Http::UnexpectedServerResponse(text) => Self::of_response(text),
            Http::UnexpectedContentType(Some(kind)) => {
                let kind = plain(kind, 80);
                let said = match kind.to_ascii_lowercase().starts_with("text/html") {
                    true => format!("it answered {PAGE} where a message of MCP was expected"),
                    false => format!("it answered `{kind}` where a message of MCP was expected"),
                };
                Self::new(Kind::Elsewhere, said)
            }
            Http::UnexpectedContentType(None) => {
                let said =
                    "it answered something without a type where a message of MCP was expected";
                Self::new(Kind::Elsewhere, said)
            }
            Http::AuthRequired(_) => Self::new(Kind::Shut, "it wants to know who asks"),
            Http::InsufficientScope(_) => {
                Self::new(Kind::Shut, "what was agreed to at the sign-in is not enough for it")
            }
            Http::Auth(error) => Self::new(Kind::Shut, oauth::told(error)),
            Http::Sse(error) => Self::of_stream(error),
            Http::Io(error) => Self::new(Kind::Lost, http_client::cause(error)),
            Http::UnexpectedEndOfStream => Self::cut(),
            Http::ResponseBodyTooLarge { max_size } => {
                let said = format!("its answer is longer than {} KiB", max_size >> 10);
                Self::new(Kind::Odd, said)
            }
            Http::SessionExpired => Self::new(
                Kind::Lost,
                "it has forgotten the session, and another did not come about",
            ),
            Http::ReinitializationFailed(error) => {
                let refused = Self::of_answer(error);
                let said =
                    format!("it has forgotten the session and refused another: {}", refused.said);
                Self::new(Kind::Lost, said)
            }
            Http::MissingSessionIdInResponse => {
                Self::new(Kind::Odd, "it names no session in its answer")
            }
            Http::ReservedHeaderConflict(name) => {
                let said = format!("the header `{}` is the protocol's own", plain(name, 80));
                Self::new(Kind::Unreachable, said)
            }
            Http::Deserialize(_) => Self::new(Kind::Odd, "its answer is no message of MCP"),
            Http::SessionRecoveryTimeout | Http::ControlRequestTimeout => {
                Self::new(Kind::Lost, "it did not answer in time")
            }
            _ => Self::new(Kind::Lost, "the connection broke"),
        }
    }

    /// Of a request that was not sent, or whose answer did not come whole.
    fn of_sending(error: &reqwest::Error) -> Self {
        if let Some(code) = error.status() {
            return Self::new(answered(code), format!("it answered {}", status(code.as_u16())));
        }
        let said = http_client::reason(error);
        let kind = match &said {
            said if said.contains(NO_TLS) => Kind::Plain,
            said if said.contains(NO_HTTP) => Kind::Encrypted,
            _ if error.is_connect() || error.is_builder() => Kind::Unreachable,
            _ => Kind::Lost,
        };
        Self::new(kind, said)
    }

    /// Of a stream of events that cannot be read on.
    fn of_stream(error: &SseError) -> Self {
        match error {
            SseError::Body(error) => {
                let error: &(dyn Error + 'static) = error.as_ref();
                match error.downcast_ref::<reqwest::Error>() {
                    Some(error) => Self::of_sending(error),
                    None => Self::cut(),
                }
            }
            _ => Self::new(Kind::Odd, "what it streams is no stream of events"),
        }
    }

    fn cut() -> Self {
        Self::new(Kind::Lost, "its answer broke off")
    }

    /// Of what rmcp has only as a text: a status with a body, or a body that is no message.
    fn of_response(text: &str) -> Self {
        if let Some((code, body)) =
            text.strip_prefix("HTTP ").and_then(|rest| rest.split_once(": "))
        {
            let number = code.split(' ').next().and_then(|number| number.parse().ok());
            let code: Option<StatusCode> =
                number.and_then(|number| StatusCode::from_u16(number).ok());
            let (kind, name) = match code {
                Some(code) => (answered(code), status(code.as_u16())),
                None => (Kind::Odd, plain(code_text(text), 60)),
            };
            return match line(body) {
                body if body.is_empty() => Self::new(kind, format!("it answered {name}")),
                body => Self::new(kind, format!("it answered {name}: {body}")),
            };
        }
        if let Some(rest) = text.strip_prefix(UNPARSED) {
            let said = match body_of(rest) {
                Some("<empty>" | "") => "nothing".to_string(),
                Some(body) => match line(body) {
                    page if page.starts_with(PAGE) => page,
                    body => format!("`{body}`"),
                },
                None => "something else".to_string(),
            };
            let said = format!("it answered {said} where a message of MCP was expected");
            return Self::new(Kind::Elsewhere, said);
        }
        match text {
            "empty sse stream" => Self::cut(),
            _ => Self::new(Kind::Odd, "its answer is not one that this request can have"),
        }
    }
}

/// The body that stands behind serde's words: these end with a place or, where they have none, before
/// what begins as JSON or a page does.
fn body_of(rest: &str) -> Option<&str> {
    let placed = rest.split_once(" column ").and_then(|(_, after)| after.split_once(": "));
    if let Some((_, body)) = placed {
        return Some(body);
    }
    let begins = |start: &&str| rest.find(*start).map(|at| at + 2);
    let at = [": {", ": [", ": <", ": \""].iter().filter_map(begins).min()?;
    rest.get(at..)
}

fn code_text(text: &str) -> &str {
    text.strip_prefix("HTTP ").and_then(|rest| rest.split(": ").next()).unwrap_or("an error")
}

/// What kind of fault a status of HTTP is.
fn answered(code: StatusCode) -> Kind {
    match code.as_u16() {
        401 | 403 | 407 => Kind::Shut,
        300..=399 | 404 | 405 | 406 | 410 | 415 => Kind::Elsewhere,
        408 | 425 | 429 | 500..=599 => Kind::Passing,
        _ => Kind::Refused,
    }
}

/// `503 Service Unavailable`
fn status(code: u16) -> String {
    let known = StatusCode::from_u16(code).ok();
    match known.and_then(|code| code.canonical_reason()) {
        Some(name) => format!("{code} {name}"),
        None => code.to_string(),
    }
}

/// The beginning of what a server wrote, in one line.
fn line(text: &str) -> String {
    plain(&brief(text, WORDS), WORDS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: StreamableHttpError<reqwest::Error>) -> Fault {
        Fault::of_http(&error)
    }

    fn said(text: &str) -> Fault {
        of(StreamableHttpError::UnexpectedServerResponse(text.to_string().into()))
    }

    #[test]
    fn what_was_answered_instead_is_shown() {
        let page = "HTTP 404 Not Found: <html><title>Not here</title></html>";
        let fault = said(page);
        assert_eq!(fault.said, "it answered 404 Not Found: a page of HTML, `Not here`");
        assert_eq!(fault.kind, Kind::Elsewhere);
        assert_eq!(said("HTTP 403 Forbidden: ").said, "it answered 403 Forbidden");
        for (rest, shown) in [
            (": expected value at line 1 column 1: <p>hello", "a page of HTML"),
            (": EOF while parsing a value at line 1 column 0: <empty>", "nothing"),
            (": data did not match any variant of untagged enum JsonRpcMessage: {}", "`{}`"),
            (": it is something new", "something else"),
        ] {
            let fault = said(&format!("{UNPARSED}{rest}"));
            let expected = format!("it answered {shown} where a message of MCP was expected");
            assert_eq!(fault.said, expected);
        }
        let debug = said("expect json, got Sse { stream: <BoxStream>, session: None }");
        assert_eq!(debug.said, "its answer is not one that this request can have");
    }

    #[test]
    fn an_error_that_says_nothing_has_words() {
        let error = |code, message: &str| {
            let error = ErrorData::new(ErrorCode(code), message.to_string(), None);
            Fault::of_request(&ServiceError::McpError(error)).said
        };
        assert_eq!(error(-32601, ""), "it knows no such request");
        assert_eq!(error(-32000, ""), "error -32000, without a word");
        assert_eq!(error(-32000, "a\n b"), "a b");
        let data = Some(serde_json::json!({"field": "n"}));
        let error = ErrorData::new(ErrorCode(-32602), "no", data);
        let said = Fault::of_request(&ServiceError::McpError(error)).said;
        assert_eq!(said, r#"no ({"field":"n"})"#);
    }
}
