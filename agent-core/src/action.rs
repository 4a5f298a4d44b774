//! An action is one planned call with every capability named; a permit is an action that a policy
//! allowed, and the only thing the sandbox takes.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::policy::Policy;
use crate::program;
use crate::provenance::Origin;

/// One call in a run: `c3` is the third, `c3.1` the first call made by the code of `c3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub String);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something a call wants from the host. Paths are absolute and free of `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Read a file, or list a folder.
    Read(PathBuf),
    /// Create or replace a file.
    Write(PathBuf),
    /// Remove a file or folder, or move it away.
    Delete(PathBuf),
    /// Send one HTTP request.
    Fetch {
        /// `GET` and the like.
        method: String,
        /// Where to.
        url: Url,
    },
    /// Run a program of this machine, in its cell.
    Run {
        /// As the agent file names it.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capability::Read(path) => write!(f, "read `{}`", path.display()),
            Capability::Write(path) => write!(f, "write `{}`", path.display()),
            Capability::Delete(path) => write!(f, "delete `{}`", path.display()),
            Capability::Fetch { method, url } => write!(f, "{method} `{url}`"),
            Capability::Run { program, arguments } => {
                write!(f, "run `{}`", program::line(program, arguments))
            }
        }
    }
}

/// A planned call, ready to be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Which call.
    pub id: CallId,
    /// The tool's name.
    pub tool: String,
    /// Its arguments; they satisfy the tool's schema.
    pub arguments: Value,
    /// What it wants. For code and at use: what is wanted now.
    pub capabilities: Vec<Capability>,
    /// Where everything that the model has read so far came from.
    pub taint: Vec<Origin>,
}

impl Action {
    /// Its call and a digest of exactly what it does: what a person names to say yes to this and to
    /// nothing else.
    pub fn mark(&self) -> String {
        let what = serde_json::json!([self.tool, self.arguments]).to_string();
        let digest = Sha256::digest(what);
        let digest: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digest}", self.id)
    }
}

/// What the policy says of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Yes, no, or a person must decide.
    pub decision: Decision,
    /// Why; at least one for anything but allow. Lower case, no period, input in backticks.
    pub reasons: Vec<String>,
}

/// Yes, no, or a person must decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It may happen.
    Allow,
    /// It may happen once a person says so. Without a person to ask: deny, or a durable pause.
    Ask,
    /// It may not.
    Deny,
}

/// An action that was allowed. There is no other way to make one than [`Permit::judge`] and
/// [`Permit::approved`].
#[derive(Debug, Clone)]
pub struct Permit {
    action: Action,
}

impl Permit {
    /// Asks the policy; a permit only where it says allow.
    pub fn judge(policy: &dyn Policy, action: Action) -> (Verdict, Option<Permit>) {
        let verdict = policy.judge(&action);
        let permit = (verdict.decision == Decision::Allow).then_some(Permit { action });
        (verdict, permit)
    }

    /// A person said yes to what the policy would not decide. The policy is asked again, so a
    /// denial cannot be approved away.
    pub fn approved(policy: &dyn Policy, action: Action) -> Option<Permit> {
        (policy.judge(&action).decision != Decision::Deny).then_some(Permit { action })
    }

    /// What is permitted.
    pub fn action(&self) -> &Action {
        &self.action
    }
}
