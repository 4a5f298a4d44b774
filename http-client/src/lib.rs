//! Where every HTTP client begins: [`builder`] settles TLS, and that no redirect is followed, which would carry
//! headers and bodies to the host that it names. What else a client may do – proxies, time, and which redirects
//! it follows after all – is for the crate that builds it.
//!
//! The cryptography is `ring`, in place of reqwest's own choice, aws-lc, which needs CMake and is
//! among what takes the longest to compile. Whom to trust is the system's list; it is read when a
//! server first shows a certificate, for a client that speaks to loopback alone never needs it.
//!
//! And where its failures become words: [`reason`] for a request that failed, [`brief`] for an answer
//! that is not what was expected.

mod answer;
mod fault;
mod roots;

use std::sync::Arc;

use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};

pub use answer::{PAGE, brief};
pub use fault::{NO_HTTP, NO_TLS, cause, reason};
use roots::Roots;

/// Begins a client, as `reqwest::Client::builder` does. A provider of cryptography that the process
/// installed before stays.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn builder() -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder().redirect(Policy::none());
    match config() {
        Ok(config) => client.tls_backend_preconfigured(config),
        // No version of TLS that the provider can speak: `build` will say so.
        Err(_) => client,
    }
}

fn config() -> Result<ClientConfig, rustls::Error> {
    // An error says that there is one already.
    let _ = ring::default_provider().install_default();
    let provider = CryptoProvider::get_default()
        .map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Roots::new(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_has_tls() {
        assert!(super::builder().https_only(true).build().is_ok());
        assert!(super::config().is_ok());
    }
}
