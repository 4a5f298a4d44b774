//! `web.search`: all providers are asked, one after the other, and what they found is merged. One
//! that fails is named with its reason; only when all fail does the search.

mod arxiv;
mod ask;
mod canonical;
mod duckduckgo;
mod folder;
mod json;
mod mediawiki;
mod merge;
mod plain;
mod searxng;

use crate::provider::{Asked, Search, Source};
use crate::types::{FailedProvider, QueryArguments, SearchResults};

/// What a provider found, best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) snippet: String,
}

/// Looks somewhere.
trait Provider {
    /// What is found there; the error is a sentence.
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String>;
}

pub(crate) fn search(call: QueryArguments, search: &Search) -> Result<SearchResults, String> {
    let query = call.query.trim();
    if query.is_empty() {
        return Err("a search needs words to look for".to_string());
    }
    let limit = call.limit.unwrap_or(search.limit).clamp(1, 20);
    let asked = Asked { query, limit, language: search.language.as_deref() };
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for provider in &search.providers {
        match of(&provider.source).find(&asked) {
            Ok(mut hits) => {
                // No stranger names files of this machine.
                let own = matches!(provider.source, Source::Folder { .. });
                hits.retain(|hit| own || !hit.url.trim_start().starts_with("file:"));
                found.push((provider.name.as_str(), hits));
            }
            Err(reason) => {
                failed.push(FailedProvider { provider: provider.name.clone(), reason });
            }
        }
    }
    if found.is_empty() {
        let named = failed.iter().map(|it| format!("{}: {}", it.provider, it.reason));
        let named: Vec<String> = named.collect();
        return Err(format!("no search provider answered: {}", named.join("; ")));
    }
    let mut results = merge::merge(found);
    results.truncate(limit as usize);
    Ok(SearchResults { results, failed })
}

fn of(source: &Source) -> Box<dyn Provider + '_> {
    match source {
        Source::Searxng { .. } => Box::new(searxng::Searxng(source)),
        Source::Mediawiki { .. } => Box::new(mediawiki::Mediawiki(source)),
        Source::Arxiv { .. } => Box::new(arxiv::Arxiv(source)),
        Source::Duckduckgo { .. } => Box::new(duckduckgo::Duckduckgo(source)),
        Source::Folder { path } => Box::new(folder::Folder(path)),
        Source::Json(json) => Box::new(json::JsonProvider { source, json }),
    }
}
