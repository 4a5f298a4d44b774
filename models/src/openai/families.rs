//! What is known of families of servers, which is data: `families.toml`.

use agent_core::quirks::Quirks;
use serde::Deserialize;

const TABLE: &str = include_str!("families.toml");

#[derive(Debug, Deserialize)]
struct Table {
    family: Vec<Family>,
}

#[derive(Debug, Deserialize)]
struct Family {
    host: String,
    #[serde(default)]
    models: Vec<String>,
    #[serde(flatten)]
    quirks: Quirks,
}

/// What is known of this model at this host; a later table adds to an earlier one.
pub(super) fn quirks(host: &str, model: &str) -> Quirks {
    // A table that cannot be read would not pass the test below.
    let Ok(Table { family }) = toml::from_str(TABLE) else { return Quirks::default() };
    // A gateway's name for a model has the maker's in front.
    let model = model.rsplit('/').next().unwrap_or(model);
    let at = |family: &Family| {
        let named = host.strip_suffix(family.host.as_str());
        let host = named.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        host && (family.models.is_empty()
            || family.models.iter().any(|m| model.starts_with(m.as_str())))
    };
    let known = family.into_iter().filter(at);
    known.fold(Quirks::default(), |known, family| family.quirks.or(known))
}

#[cfg(test)]
mod tests {
    use agent_core::quirks::LimitName;

    use super::*;

    #[test]
    fn a_family_is_known_by_its_host_and_model() {
        assert!(toml::from_str::<Table>(TABLE).is_ok());
        let limit = Some(LimitName::MaxCompletionTokens);
        let known = quirks("api.openai.com", "gpt-5-mini");
        assert_eq!((known.limit, known.temperature), (limit, Some(false)));
        assert_eq!(quirks("x.openai.azure.com", "mine").limit, limit);
        assert_eq!(quirks("api.openai.com", "gpt-4o").temperature, None);
        assert_eq!(quirks("notapi.openai.com", "gpt-5"), Quirks::default());
        assert_eq!(quirks("127.0.0.1", "gpt-5"), Quirks::default());
    }
}
