//! Some of an agent's search providers instead of all, as asked for on the command line.

use super::Kind;
use agent_core::agent::Agent;
use agent_core::permission::NetRule;
use agent_core::scope::covers_net;
use agent_core::search::{Asked, Provider};
use url::Url;

/// The tool that searches the web.
const SEARCH: &str = "web.search";

/// An agent, and those that it calls, ask only these providers, in this order: its own, by their
/// names or kinds, and those that need to be told nothing.
///
/// # Errors
/// A name that is none of these, or a provider that the agent may not reach.
pub fn only(agent: &mut Agent, names: &[String]) -> Result<(), Unlisted> {
    if agent.tools.iter().any(|tool| tool == SEARCH) {
        let mut search = agent.search.clone().unwrap_or_default();
        let own = std::mem::take(&mut search.providers);
        for name in names {
            let meant = |provider: &&Provider| {
                provider.name == *name
                    || Kind::of(&provider.source).is_some_and(|kind| kind.word() == name)
            };
            let mut found: Vec<Provider> = own.iter().filter(meant).cloned().collect();
            if found.is_empty() {
                found.push(plain(agent, name, search.language.as_deref(), &own)?);
            }
            for provider in found {
                if !search.providers.iter().any(|known| known.name == provider.name) {
                    search.providers.push(provider);
                }
            }
        }
        agent.search = Some(search);
    }
    agent.agents.values_mut().try_for_each(|sub| only(&mut sub.agent, names))
}

/// A provider that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unlisted {
    /// No provider of this name.
    #[error("agent `{agent}` has no search provider `{name}`\nhint: it has {known}")]
    Unknown {
        /// Whose providers they are.
        agent: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nothing grants it.
    #[error(
        "agent `{agent}` may not reach the search provider `{name}`\nhint: add `{host}` to \
         [permissions] net in its file"
    )]
    Denied {
        /// Whose grants they are.
        agent: String,
        /// What was asked for.
        name: String,
        /// Where it is.
        host: String,
    },
}

/// A provider that needs no table.
fn plain(
    agent: &Agent,
    name: &str,
    language: Option<&str>,
    own: &[Provider],
) -> Result<Provider, Unlisted> {
    let source = Kind::called(name).and_then(|kind| kind.plain(language.unwrap_or("en")));
    let source = source.ok_or_else(|| {
        let mut known: Vec<&str> = own.iter().map(|provider| provider.name.as_str()).collect();
        let plain = Kind::all().filter(|kind| kind.needs().is_empty()).map(Kind::word);
        for kind in plain {
            if !known.contains(&kind) {
                known.push(kind);
            }
        }
        let known = super::suggest::list(&known);
        Unlisted::Unknown { agent: agent.name.clone(), name: name.to_string(), known }
    })?;
    let asked = Asked { query: "q", limit: 1, language };
    let url = source.address(&asked).and_then(|url| Url::parse(&url).ok());
    if let Some(url) = url
        && let Some(rule) = NetRule::endpoint(&url)
        && !covers_net(&agent.grants.net, &rule)
    {
        return Err(Unlisted::Denied {
            agent: agent.name.clone(),
            name: name.to_string(),
            host: url.host_str().unwrap_or_default().to_string(),
        });
    }
    Ok(Provider { name: name.to_string(), source })
}
