//! Signing in at a server over HTTP, as MCP's authorization says: the server names its authorization
//! server (RFC 9728, RFC 8414), errand registers there (RFC 7591), a person agrees in a browser, and the
//! code comes back to a loopback address (RFC 8252, PKCE). The protocol is rmcp's; where the tokens
//! lie, what addresses are agreed to, how they are reached and what is read of the browser is here.
//!
//! Refuses an authorization server without TLS, unless both are on this machine, and one that
//! answers in another's name. A token is given to the server that it was issued for and to no other.

mod challenge;
mod login;
mod redirect;
mod requests;
mod tokens;

use std::sync::Arc;

use rmcp::transport::auth::{AuthError, AuthorizationManager};
use url::{Host, Url};

pub(super) use challenge::{Challenge, more};
pub use login::{Client as LoginClient, Login};
pub(super) use tokens::TokenFile;
pub use tokens::Tokens;

use crate::plain::plain;
use requests::Requests;

/// What requests to a server are let in with; none without a sign-in.
pub(super) async fn signed_in(file: TokenFile) -> Result<Option<AuthorizationManager>, String> {
    let Some(kept) = file.read()? else { return Ok(None) };
    let mut manager = manager(file.server()).await?;
    let found = manager.resolve_metadata_from_challenge(kept.challenge()).await;
    let metadata = found.map_err(|error| told(&error))?.metadata;
    // A server that is not what it was would have the refresh token, which may count elsewhere too.
    if !kept.is_from(&metadata) {
        return Err(
            "it names another authorization server than the one that was signed in at".into()
        );
    }
    manager.set_metadata(metadata);
    manager.set_credential_store(file.clone());
    manager.initialize_from_store().await.map_err(|error| told(&error))?;
    manager.configure_client(kept.client()).map_err(|error| told(&error))?;
    Ok(Some(manager))
}

/// What speaks to a server and to its authorization server.
async fn manager(server: &Url) -> Result<AuthorizationManager, String> {
    let requests = Arc::new(Requests::of(server)?);
    let manager = AuthorizationManager::new_with_oauth_http_client(server.clone(), requests).await;
    manager.map_err(|error| told(&error))
}

/// Whether a code, a secret or a token may go there.
fn fit(server: &Url, endpoint: &str) -> Result<(), String> {
    let shown = || plain(endpoint, 200);
    let url = Url::parse(endpoint).map_err(|_| format!("`{}` is no address", shown()))?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback(&url) && loopback(server) => Ok(()),
        _ => Err(format!("`{}` is no `https:` address", shown())),
    }
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// What went wrong, with its cause: what a server wrote is in it.
pub(super) fn told(error: &AuthError) -> String {
    let mut text = match error {
        AuthError::HttpError(error) => return http_client::reason(error),
        AuthError::AuthorizationRequired => "it wants to know who asks".to_string(),
        AuthError::TokenExpired => "what was signed in with is no longer valid".to_string(),
        error => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let request = error.downcast_ref::<reqwest::Error>();
        let said = request.map_or_else(|| error.to_string(), http_client::reason);
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source().filter(|_| request.is_none());
    }
    plain(&text, 600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_where_it_cannot_be_read_on_the_way() {
        let on = |server: &str, endpoint: &str| fit(&Url::parse(server).unwrap(), endpoint);
        assert!(on("https://a.example/mcp", "https://id.example/token").is_ok());
        assert!(on("http://127.0.0.1:1/mcp", "http://127.0.0.1:2/token").is_ok());
        assert!(on("http://localhost:1/mcp", "http://[::1]:2/token").is_ok());
        for (server, endpoint) in [
            ("https://a.example/mcp", "http://id.example/token"),
            ("https://a.example/mcp", "http://127.0.0.1:2/token"),
            ("http://127.0.0.1:1/mcp", "http://id.example/token"),
            ("https://a.example/mcp", "javascript:alert(1)"),
            ("https://a.example/mcp", "/token"),
        ] {
            assert!(on(server, endpoint).is_err(), "{server} {endpoint}");
        }
    }
}
