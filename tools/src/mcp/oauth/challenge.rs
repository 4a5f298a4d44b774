//! What a server says when it does not let errand in (RFC 6750): that it wants to know who asks, or that
//! what was agreed to is not enough. A run never asks for more: a person is told the command that does.
//!
//! Refuses to write a scope that means something to a shell into that command: the server chose it.

use std::error::Error;

use rmcp::transport::streamable_http_client::{AuthRequiredError, InsufficientScopeError};

/// The most scopes that a command names.
const MOST: usize = 32;

/// What a server answered in place of a result.
pub(in super::super) enum Challenge {
    /// It wants to know who asks: its `WWW-Authenticate`.
    Unknown(String),
    /// It wants these scopes as well.
    TooLittle(Vec<String>),
}

impl Challenge {
    /// The challenge that an error came from.
    pub(in super::super) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(unknown) = error.downcast_ref::<AuthRequiredError>() {
                return Some(Self::Unknown(unknown.www_authenticate_header.clone()));
            }
            if let Some(little) = error.downcast_ref::<InsufficientScopeError>() {
                let scopes = little.required_scope.as_deref().unwrap_or_default();
                let scopes = scopes.split_ascii_whitespace().map(str::to_string);
                return Some(Self::TooLittle(scopes.collect()));
            }
            next = error.source();
        }
        None
    }
}

/// What a person does about a server of this name that wants more than was granted.
pub(in super::super) fn more(server: &str, granted: &[String], wanted: &[String]) -> String {
    if !wanted.is_empty() && wanted.iter().all(|scope| granted.contains(scope)) {
        return "hint: the scopes that it asks for were granted already, and signing in again would \
                change nothing: its operator has to say what is missing"
            .to_string();
    }
    // What was granted stays: each token has all that was agreed to.
    let mut all: Vec<&String> = granted.iter().collect();
    all.extend(wanted.iter().filter(|scope| !granted.contains(scope)));
    let scopes = match all.len() <= MOST && !wanted.is_empty() && all.iter().all(|it| is_plain(it))
    {
        true => all.iter().map(|scope| format!(" --scope {scope}")).collect(),
        false => " --scope SCOPE".to_string(),
    };
    format!(
        "hint: it wants more than was agreed to; if you agree to that, `errand mcp login FILE \
         {server}{scopes}` asks for it"
    )
}

/// Whether a shell takes it for one word that is no option.
fn is_plain(scope: &str) -> bool {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"._:/+-@%=".contains(&letter);
    scope.len() <= 200
        && scope.bytes().all(plain)
        && scope.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(granted: &[&str], wanted: &[&str]) -> String {
        let all = |scopes: &[&str]| scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
        more("odd", &all(granted), &all(wanted))
    }

    #[test]
    fn a_person_is_told_what_to_agree_to() {
        let said = asks(&["read"], &["read", "https://a.example/auth/write.all"]);
        let command =
            "`errand mcp login FILE odd --scope read --scope https://a.example/auth/write.all`";
        assert!(said.contains(command), "{said}");
        assert!(asks(&["read", "write"], &["write"]).contains("granted already"));
        assert!(asks(&["read"], &[]).contains("--scope SCOPE`"));
    }

    #[test]
    fn a_scope_that_is_a_command() {
        for scope in
            ["$(touch /tmp/x)", "a;b", "`a`", "--yes", "a|b", "a&b", "'", "a>b", "*", "~root"]
        {
            let said = asks(&["read"], &[scope]);
            assert!(said.contains("--scope SCOPE`"), "{said}");
        }
        let many: Vec<String> = (0..100).map(|number| format!("s{number}")).collect();
        assert!(more("odd", &[], &many).contains("--scope SCOPE`"));
    }
}
