//! Cedar policies: the default ones, what an agent file grants, and the verdict.
//!
//! The rules are the `*.cedar` files beside this crate's manifest, one concern each, in the words
//! of `errand.cedarschema`; their annotations hold what a verdict says. The code here only turns
//! an action into requests and an answer into a verdict. Whatever it cannot express is denied.
//!
//! Files of the user's own beside an agent file join them ([`own`]); they can forbid and ask.
//!
//! Does no IO: paths are judged by their letters, hosts by their names. Symbolic links and what a
//! name resolves to are the sandbox's to check.

mod cedar;
mod chain;
mod narrow;
pub mod own;
mod pattern;
mod reason;
mod request;
mod rules;
mod verdict_cache;

pub use cedar::Cedar;
pub use chain::{Chain, Policies};

/// The policies cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A rule file does not parse.
    #[error("policy file `{file}` is broken: {reason}")]
    Broken {
        /// Which one.
        file: &'static str,
        /// The parser's words.
        reason: String,
    },
    /// The rules do not fit the schema.
    #[error("the policies do not fit their schema: {0}")]
    Unfit(String),
    /// A file of the user's own policies cannot be used.
    #[error("policy file `{file}`: {reason}")]
    Own {
        /// Which one.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A granted path that is not text cannot be written as a policy.
    #[error("`{0}` in [permissions] is not UTF-8: rename it")]
    Path(String),
}
