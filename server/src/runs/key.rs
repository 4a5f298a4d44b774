//! Names of runs: whose a run is, and for a request with an idempotency key which request began it. So the
//! same request begins one run, also when the server was restarted between the two.

use agent_core::event::RunId;
use axum::http::HeaderMap;

use crate::error::ApiError;
use crate::shared::unique;
use crate::user::{TokenHash, User};

const HEADER: &str = "idempotency-key";

/// The most bytes of a key.
const LONGEST: usize = 255;

/// The name of the run that a request begins, and whether it may have begun it before.
pub(super) fn named(user: &User, headers: &HeaderMap) -> Result<(RunId, bool), ApiError> {
    let mut keys = headers.get_all(HEADER).iter();
    let Some(key) = keys.next() else {
        return Ok((RunId(unique(&user.mark())), false));
    };
    let key = key.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()));
    match (key, keys.next()) {
        (Some(key), None) => {
            let hash = TokenHash::of(&format!("{}\n{key}", user.name)).hex();
            Ok((RunId(format!("{}k{}", user.mark(), &hash[..24])), true))
        }
        _ => Err(ApiError::invalid(format!(
            "`Idempotency-Key` is one text of 1 to {LONGEST} letters"
        ))),
    }
}
