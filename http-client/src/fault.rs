//! Why a request failed, in words: the one place where the errors of reqwest, hyper, rustls and the
//! system become a sentence for a person. What each of them says around the cause only repeats it in
//! general terms.
//!
//! Refuses to pass on how a library writes its own errors (names of types, debug forms, numbers of the
//! system), and of an address all but the server: the rest may hold a key.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::{CertificateError, Error as Tls};

/// What is said of a server that does not encrypt where it is asked to.
pub const NO_TLS: &str = "it does not speak TLS there";

/// What is said of a server whose answer is not HTTP, as one that speaks TLS alone gives it.
pub const NO_HTTP: &str = "what it answers is no HTTP";

/// Why a request failed, without a subject: ``no connection to `127.0.0.1:80`: connection refused``.
pub fn reason(error: &reqwest::Error) -> String {
    let said = cause(error);
    if error.is_connect() {
        format!("no connection{}: {said}", error.url().map(to).unwrap_or_default())
    } else if error.is_timeout() {
        "it was silent for too long".to_string()
    } else if error.is_body() || error.is_decode() {
        format!("the connection broke: {said}")
    } else {
        said
    }
}

/// What is at the bottom of an error, in words.
pub fn cause(error: &(dyn Error + 'static)) -> String {
    let mut said = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = tls(error) {
            return encrypted(tls);
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return not_http(error);
        }
        said = match error.downcast_ref::<io::Error>() {
            Some(error) => system(error),
            None => error.to_string(),
        };
        next = error.source();
    }
    lower(&said)
}

/// An error of TLS, which errors of input or output around it hide from the chain.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Tls> {
    error.downcast_ref::<Tls>().or_else(|| tls(error.downcast_ref::<io::Error>()?.get_ref()?))
}

/// What the system says, which for the usual failures is one text everywhere.
fn system(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_string(),
        ErrorKind::ConnectionReset => "the server cut the connection".to_string(),
        ErrorKind::BrokenPipe => "the server closed the connection".to_string(),
        ErrorKind::TimedOut => "the connection took too long".to_string(),
        _ => error.to_string(),
    }
}

fn encrypted(error: &Tls) -> String {
    match error {
        Tls::InvalidMessage(_)
        | Tls::InappropriateMessage { .. }
        | Tls::InappropriateHandshakeMessage { .. } => NO_TLS.to_string(),
        Tls::AlertReceived(alert) => {
            format!("it refuses the TLS connection ({})", spaced(&format!("{alert:?}")))
        }
        Tls::PeerIncompatible(_) => {
            "it speaks no version of TLS, or no cipher, that is safe".to_string()
        }
        Tls::InvalidCertificate(error) => certificate(error),
        Tls::NoCertificatesPresented => "it shows no certificate".to_string(),
        _ => "no TLS connection comes about".to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate is from an authority that this system does not trust".to_string()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_string()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_string()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_string()
        }
        CertificateError::Revoked => "its certificate was revoked".to_string(),
        CertificateError::BadEncoding => "its certificate cannot be read".to_string(),
        _ => "its certificate cannot be trusted".to_string(),
    }
}

fn not_http(error: &(dyn Error + 'static)) -> String {
    let said = error.to_string();
    match said {
        said if said.contains("HTTP version") => NO_HTTP.to_string(),
        said if said.contains("too large") => "the head of its answer is too long".to_string(),
        said => format!("its answer is broken: {}", lower(&said)),
    }
}

/// `HandshakeFailure` as `handshake failure`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars().filter(|letter| letter.is_ascii_alphanumeric()) {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// Without the number of the system, and as a part of a sentence.
fn lower(said: &str) -> String {
    let said = said.split(" (os error").next().unwrap_or(said);
    let mut letters = said.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// Where to.
fn to(url: &reqwest::Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(" to `{}{port}`", url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_has_words() {
        let said = |error: Tls| cause(&io::Error::new(ErrorKind::InvalidData, error));
        let plain = || Tls::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(said(plain()), NO_TLS);
        let twice = io::Error::other(io::Error::new(ErrorKind::InvalidData, plain()));
        assert_eq!(cause(&twice), NO_TLS);
        assert_eq!(
            said(Tls::AlertReceived(rustls::AlertDescription::HandshakeFailure)),
            "it refuses the TLS connection (handshake failure)"
        );
        let certificates = [
            (CertificateError::UnknownIssuer, "does not trust"),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidForName, "for another name"),
            (CertificateError::BadSignature, "cannot be trusted"),
        ];
        for (error, words) in certificates {
            let said = said(Tls::InvalidCertificate(error));
            assert!(said.contains(words), "{said}");
        }
        let other = Tls::PeerMisbehaved(rustls::PeerMisbehaved::TooMuchEarlyDataReceived);
        assert_eq!(said(other), "no TLS connection comes about");
    }

    #[test]
    fn the_system_has_words() {
        let reset = io::Error::from(ErrorKind::ConnectionReset);
        assert_eq!(cause(&reset), "the server cut the connection");
        let numbered = io::Error::from_raw_os_error(113);
        assert!(!cause(&numbered).contains("os error"), "{numbered}");
    }
}
