//! Where every HTTP client begins: [`builder`] settles the cryptography of TLS and nothing else.
//! What a client may do – proxies, redirects, time – is for the crate that builds it.
//!
//! The cryptography is `ring`, in place of reqwest's own choice, aws-lc, which needs CMake and is
//! among what takes the longest to compile.

use std::sync::Once;

/// Begins a client, as `reqwest::Client::builder` does; that one panics for want of a provider.
/// A provider that the process installed before stays.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn builder() -> reqwest::ClientBuilder {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_has_tls() {
        assert!(super::builder().https_only(true).build().is_ok());
    }
}
