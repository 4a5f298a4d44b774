//! How the page of this machine's user is let in without a token in an address: by a ticket. It is in the
//! part of a link that a browser does not send, it is taken once, and what is given for it is a key that
//! lasts as long as this server. So what stays in a browser's history or on a terminal opens nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::bearer;
use crate::error::ApiError;
use crate::shared::Shared;
use crate::user::{TokenHash, new_token};

/// Where a ticket is taken.
pub(crate) const PATH: &str = "/v1/session";

/// A key in place of the token.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Session {
    /// Always `session`.
    object: &'static str,
    /// Sent as the token is, for as long as the server runs.
    token: String,
}

/// The ticket that is still good, and the key that was given for it.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    ticket: Option<TokenHash>,
    key: Option<TokenHash>,
}

impl Sessions {
    pub(crate) fn new(ticket: Option<TokenHash>) -> Self {
        Self(Mutex::new(Kept { ticket, key: None }))
    }

    fn state(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key for the ticket; `None` where it is none, or was taken.
    fn redeem(&self, ticket: &str) -> Option<String> {
        let mut state = self.state();
        state.ticket.take_if(|known| known.same(&TokenHash::of(ticket)))?;
        let key = new_token();
        state.key = Some(TokenHash::of(&key));
        Some(key)
    }

    /// The key opens nothing any more; of any other nothing is known here.
    fn end(&self, key: &str) {
        self.state().key.take_if(|known| known.same(&TokenHash::of(key)));
    }

    /// Whether this is the key that was given.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.state().key.as_ref().is_some_and(|known| known.same(&TokenHash::of(key)))
    }
}

pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Session>, ApiError> {
    match shared.sessions.redeem(bearer(&headers)?) {
        Some(token) => Ok(Json(Session { object: "session", token })),
        None => {
            let message = "this link was opened before, or is of an earlier start of the server: \
                           enter the token instead";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "ticket_used", message))
        }
    }
}

/// Ends what a ticket was taken for. A token that a user has is not ended here: it is in the serve file.
pub(crate) async fn close(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    shared.sessions.end(bearer(&headers)?);
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_taken_once_and_only_its_key_is_known() {
        let ticket = new_token();
        let sessions = Sessions::new(Some(TokenHash::of(&ticket)));
        assert!(sessions.redeem(&new_token()).is_none());
        assert!(!sessions.knows(&ticket));
        let key = sessions.redeem(&ticket).unwrap();
        assert!(sessions.knows(&key) && !sessions.knows(&ticket) && key != ticket);
        assert!(sessions.redeem(&ticket).is_none());
        assert!(Sessions::new(None).redeem(&ticket).is_none());
        sessions.end(&ticket);
        assert!(sessions.knows(&key));
        sessions.end(&key);
        assert!(!sessions.knows(&key) && sessions.redeem(&ticket).is_none());
    }
}
