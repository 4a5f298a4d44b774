//! Where bytes came from. Every observation carries its origins, and they reach the policy.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// One source of what the model reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The runtime itself: a verdict, an error message, a count.
    Host,
    /// A file on this machine.
    File(PathBuf),
    /// A page or an answer from the network: whoever runs that server wrote it.
    Web(Url),
    /// An MCP server, by the name that the agent file gives it: whoever wrote it.
    Server(String),
}

impl Origin {
    /// Whether a stranger may have written it.
    pub fn untrusted(&self) -> bool {
        matches!(self, Origin::Web(_) | Origin::Server(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Host => f.write_str("host"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Web(url) => write!(f, "web {url}"),
            Origin::Server(name) => write!(f, "server {name}"),
        }
    }
}
