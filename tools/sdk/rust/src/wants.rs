//! What a component wants from the host.

use crate::bindings::errand::tool::manifest_types;

/// What the calls want. It is shown to whoever adds the component, and what is not here they do
/// not get, whatever an agent file grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// Hosts to send requests to: `api.example.com`, `*.example.com`.
    pub net: &'static [&'static str],
    /// Files and folders to read; `.` for all that the agent may read.
    pub read: &'static [&'static str],
    /// Files and folders to write, likewise.
    pub write: &'static [&'static str],
    /// Other tools of the agent to call.
    pub tools: &'static [&'static str],
    /// Keys that the host puts into requests.
    pub secrets: &'static [Secret],
    /// Whether values are kept between calls.
    pub kv: bool,
}

/// A key, and the one place where it goes. The component knows its name and never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    /// The environment variable of whoever runs the tool.
    pub name: &'static str,
    /// The only host whose requests carry it.
    pub host: &'static str,
    /// The only header that holds it.
    pub header: &'static str,
}

impl Wants {
    /// Nothing: a component that only computes.
    pub const NOTHING: Wants =
        Wants { net: &[], read: &[], write: &[], tools: &[], secrets: &[], kv: false };
}

impl Default for Wants {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl From<Wants> for manifest_types::Wants {
    fn from(wants: Wants) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Self {
            net: texts(wants.net),
            read: texts(wants.read),
            write: texts(wants.write),
            tools: texts(wants.tools),
            secrets: wants.secrets.iter().map(Into::into).collect(),
            kv: wants.kv,
        }
    }
}

impl From<&Secret> for manifest_types::Secret {
    fn from(secret: &Secret) -> Self {
        Self {
            name: secret.name.to_string(),
            host: secret.host.to_string(),
            header: secret.header.to_string(),
        }
    }
}
