//! An agent that others call: what it may do, all of the agents above it may do as well.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::action::{Action, Verdict};
use agent_core::permission::Grants;
use agent_core::policy::Policy;
use agent_core::tool::ToolSpec;

use crate::cedar::strictest;
use crate::{Cedar, PolicyError};

/// The policies of an agent and of those above it; the strictest verdict counts.
pub struct Chain {
    policies: Vec<Arc<dyn Policy>>,
}

impl Chain {
    /// From what an agent is granted, and what the agents above it are. Which tools it has was
    /// settled with its file; what they may reach is asked of all.
    pub fn new(grants: &Grants, above: &[Grants]) -> Result<Self, PolicyError> {
        Policies::default().chain(grants, above)
    }

    /// With these beside them. They can only make it stricter.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Arc<dyn Policy>>) -> Self {
        self.policies.extend(more);
        self
    }
}

/// Policies that agents of one process share that are granted the same: to put them together takes longer
/// than to judge a run's calls by them.
#[derive(Default)]
pub struct Policies(Mutex<VecDeque<(Grants, Arc<Cedar>)>>);

/// Policies that are kept, those that were wanted last.
const MOST: usize = 64;

impl Policies {
    /// See [`Chain::new`].
    pub fn chain(&self, grants: &Grants, above: &[Grants]) -> Result<Chain, PolicyError> {
        let mut policies: Vec<Arc<dyn Policy>> = vec![self.of(grants)?];
        for above in above {
            // Its tools, and what they are, are the agent's own.
            let (tools, forms) = (grants.tools.clone(), grants.forms.clone());
            policies.push(self.of(&Grants { tools, forms, ..above.clone() })?);
        }
        Ok(Chain { policies })
    }

    fn of(&self, grants: &Grants) -> Result<Arc<Cedar>, PolicyError> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = kept().iter().find(|(known, _)| known == grants) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(Cedar::new(grants)?);
        let mut kept = kept();
        kept.truncate(MOST - 1);
        kept.push_front((grants.clone(), Arc::clone(&made)));
        Ok(made)
    }
}

impl Policy for Chain {
    fn judge(&self, action: &Action) -> Verdict {
        strictest(self.policies.iter().map(|policy| policy.judge(action)))
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        let tools = tools.to_vec();
        self.policies.iter().fold(tools, |tools, policy| policy.narrow(&tools))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use agent_core::action::{CallId, Capability, Decision};
    use agent_core::provenance::Origin;
    use serde_json::Value;

    use super::*;

    fn grants(read: &[&str], ask: &[&str]) -> Grants {
        Grants {
            root: "/".into(),
            read: read.iter().map(Into::into).collect(),
            ask: ask.iter().map(ToString::to_string).collect(),
            tools: vec!["files.read".to_string()],
            ..Grants::default()
        }
    }

    #[test]
    fn what_one_agent_above_may_not_none_below_may() {
        let own = grants(&["/a", "/b"], &[]);
        let chain = Chain::new(&own, &[grants(&["/a"], &[]), grants(&["/"], &[])]).unwrap();
        let asking = Chain::new(&own, &[grants(&["/a"], &["files.read"])]).unwrap();
        let decide = |chain: &Chain, path: &str| {
            let action = Action {
                id: CallId("c1".to_string()),
                tool: "files.read".to_string(),
                arguments: Value::Null,
                capabilities: vec![Capability::Read(path.into())],
                taint: Vec::new(),
            };
            chain.judge(&action).decision
        };
        assert_eq!(decide(&chain, "/a/x"), Decision::Allow);
        assert_eq!(decide(&chain, "/b/x"), Decision::Deny);
        assert_eq!(decide(&chain, "/c/x"), Decision::Deny);
        assert_eq!(decide(&asking, "/a/x"), Decision::Ask);
    }

    /// What a tool is does not depend on whether the agent above uses it, too.
    #[test]
    fn a_form_is_one_below_an_agent_that_sends_none() {
        let granted = |tools: &[&str], forms: &[&str]| Grants {
            net: vec!["api.org".parse().unwrap()],
            tools: tools.iter().map(ToString::to_string).collect(),
            forms: forms.iter().map(ToString::to_string).collect(),
            ..grants(&[], &[])
        };
        let own = granted(&["web.search", "web.post"], &["web.search"]);
        let chain = Chain::new(&own, &[granted(&["files.read"], &[])]).unwrap();
        let decide = |tool: &str| {
            let (method, url) = ("POST".to_string(), "https://api.org/".parse().unwrap());
            let action = Action {
                id: CallId("c1".to_string()),
                tool: tool.to_string(),
                arguments: Value::Null,
                capabilities: vec![Capability::Fetch { method, url }],
                taint: vec![Origin::Web("https://b.org/".parse().unwrap())],
            };
            chain.judge(&action).decision
        };
        assert_eq!(decide("web.search"), Decision::Allow);
        assert_eq!(decide("web.post"), Decision::Ask);
    }
}
