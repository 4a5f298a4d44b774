//! Who may ask: a user is known by a token, of which only the SHA-256 is kept here.

use std::fmt;

use agent_core::event::RunId;
use sha2::{Digest, Sha256};

/// A token's SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of this token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// As 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let differs = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differs) == 0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// A new token: 256 random bits.
pub fn new_token() -> String {
    let bits: [u8; 32] = rand::random();
    let digits: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("errand-{digits}")
}

/// What the holder of a token may use.
#[derive(Debug, Clone)]
pub struct User {
    /// Their name: in metrics, and in the names of their runs as a digest.
    pub name: String,
    /// Of their token.
    pub token: TokenHash,
    /// The models they may ask; `None`: all.
    pub models: Option<Vec<String>>,
    /// The agents they may run; `None`: all.
    pub agents: Option<Vec<String>>,
    /// The most runs of theirs that go on at once; `None`: as many as the server drives, less one where others may
    /// want one.
    pub most: Option<usize>,
}

impl User {
    /// Whether they may ask this model.
    pub fn asks(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|names| names.iter().any(|name| name == model))
    }

    /// Whether they may run this agent.
    pub fn runs(&self, agent: &str) -> bool {
        self.agents.as_ref().is_none_or(|names| names.iter().any(|name| name == agent))
    }

    /// A number that tells them from others.
    pub(crate) fn number(&self) -> u64 {
        let TokenHash([a, b, c, d, e, f, g, h, ..]) = TokenHash::of(&self.name);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// What the names of this user's runs begin with, and those of no other user.
    pub fn mark(&self) -> String {
        format!("s{}_", &TokenHash::of(&format!("errand serve user {}", self.name)).hex()[..16])
    }

    /// The mark in the name of a run, if it has one.
    pub(crate) fn mark_of(run: &RunId) -> Option<&str> {
        run.0.split_once('_').map(|(mark, _)| &run.0[..=mark.len()])
    }

    /// Whether this is a run of this user's.
    pub fn owns(&self, run: &RunId) -> bool {
        run.0.starts_with(&self.mark())
    }
}

/// The place of the user that this token is of. Every token is compared, whichever it is.
pub(crate) fn find<'a>(users: impl IntoIterator<Item = &'a User>, token: &str) -> Option<usize> {
    let hash = TokenHash::of(token);
    let mut found = None;
    for (place, user) in users.into_iter().enumerate() {
        if user.token.same(&hash) {
            found = Some(place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_users_and_a_hash_is_read_back() {
        let (one, two) = (new_token(), new_token());
        assert_ne!(one, two);
        let user = |name: &str, token: &str| User {
            name: name.to_string(),
            token: TokenHash::from_hex(&TokenHash::of(token).hex()).unwrap(),
            models: None,
            agents: Some(vec!["a".to_string()]),
            most: None,
        };
        let users = [user("first", &one), user("second", &two)];
        assert_eq!(find(&users, &two), Some(1));
        assert_eq!(find(&users, &one), Some(0));
        assert!(find(&users, &one[..one.len() - 1]).is_none());
        assert!(find(&users, "").is_none());
        assert!(users[0].runs("a") && !users[0].runs("b") && users[0].asks("any"));
        let run = RunId(format!("{}abc", users[0].mark()));
        assert!(users[0].owns(&run) && !users[1].owns(&run));
        assert_eq!(User::mark_of(&run), Some(&*users[0].mark()));
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(TokenHash::from_hex(text), None, "{text}");
        }
    }
}
