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
    /// The names in a folder of this machine.
    Folder(PathBuf),
    /// A page or an answer from the network: its operator wrote it.
    Web(Url),
    /// An MCP server, by the name that the agent file gives it.
    Server(String),
    /// A program that this machine ran with a network, by its name: its peers may have written it.
    Program(String),
    /// A request that began the run, by the name of the webhook that took it: its sender wrote it.
    Webhook(String),
    /// What an earlier run had read that left these bytes: in a file that it wrote, or a value that
    /// a component kept. It taints as its source does, and is nothing that this run has read itself.
    Inherited(Box<Origin>),
}

impl Origin {
    /// Whether it may be untrusted.
    pub fn untrusted(&self) -> bool {
        matches!(
            self.source(),
            Origin::Web(_) | Origin::Server(_) | Origin::Program(_) | Origin::Webhook(_)
        )
    }

    /// Where the bytes came from first.
    pub fn source(&self) -> &Origin {
        match self {
            Origin::Inherited(source) => source.source(),
            source => source,
        }
    }

    /// The origin of what a run leaves behind, for those who read it later.
    #[must_use]
    pub fn inherited(&self) -> Origin {
        Origin::Inherited(Box::new(self.source().clone()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Host => f.write_str("host"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Folder(path) => write!(f, "folder {}", path.display()),
            Origin::Web(url) => write!(f, "web {url}"),
            Origin::Server(name) => write!(f, "server {name}"),
            Origin::Program(name) => write!(f, "program {name}"),
            Origin::Webhook(name) => write!(f, "webhook {name}"),
            Origin::Inherited(source) => write!(f, "{source} (inherited)"),
        }
    }
}
