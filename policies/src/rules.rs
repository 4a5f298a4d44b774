//! The rules: the default policies, and a link of a template for each grant. Refuses a rule that
//! does not fit the schema.

use std::collections::HashMap;

use agent_core::permission::{Grants, NetRule};
use agent_core::program::Programs;
use cedar_policy::{
    EntityUid, Policy, PolicyId, PolicySet, Schema, SlotId, Template, ValidationMode, Validator,
};

use crate::PolicyError;
use crate::request::{Words, file_id};

const FILES: [(&str, &str); 7] = [
    ("tools.cedar", include_str!("../tools.cedar")),
    ("components.cedar", include_str!("../components.cedar")),
    ("grants.cedar", include_str!("../grants.cedar")),
    ("files.cedar", include_str!("../files.cedar")),
    ("programs.cedar", include_str!("../programs.cedar")),
    ("net.cedar", include_str!("../net.cedar")),
    ("taint.cedar", include_str!("../taint.cedar")),
];

/// The words that the rules use.
pub(crate) fn schema() -> Result<Schema, PolicyError> {
    let file = "errand.cedarschema";
    let (schema, _) = Schema::from_cedarschema_str(include_str!("../errand.cedarschema"))
        .map_err(|error| PolicyError::Broken { file, reason: error.to_string() })?;
    Ok(schema)
}

/// The policies of `policies/*.cedar`, named by their `@id`.
pub(crate) fn defaults() -> Result<PolicySet, PolicyError> {
    let mut rules = PolicySet::new();
    for (file, text) in FILES {
        let broken = |reason: String| PolicyError::Broken { file, reason };
        let parsed: PolicySet = text.parse().map_err(|error| broken(format!("{error}")))?;
        for policy in parsed.policies() {
            let id = named(policy.annotation("id")).ok_or_else(|| broken(no_id(policy.id())))?;
            rules.add(Policy::new_id(policy, id)).map_err(|error| broken(error.to_string()))?;
        }
        for rule in parsed.templates() {
            let id = named(rule.annotation("id")).ok_or_else(|| broken(no_id(rule.id())))?;
            rules
                .add_template(Template::new_id(rule, id))
                .map_err(|error| broken(error.to_string()))?;
        }
    }
    Ok(rules)
}

/// Checks that every rule fits the schema, strictly.
pub(crate) fn validate(schema: &Schema, rules: &PolicySet) -> Result<(), PolicyError> {
    let result = Validator::new(schema.clone()).validate(rules, ValidationMode::Strict);
    match result.validation_errors().next() {
        None => Ok(()),
        Some(error) => Err(PolicyError::Unfit(error.to_string())),
    }
}

/// Adds what the agent file grants.
pub(crate) fn grant(
    rules: &mut PolicySet,
    grants: &Grants,
    words: &Words,
) -> Result<(), PolicyError> {
    let mut links = Vec::new();
    let granted = [
        ("grants.read", &grants.read),
        ("grants.write", &grants.write),
        ("grants.delete", &grants.write),
    ];
    for (template, paths) in granted {
        for path in paths {
            let path = agent_core::path::resolve(&grants.root, &path.to_string_lossy())
                .ok()
                .and_then(|path| file_id(&path))
                .filter(|_| path.to_str().is_some())
                .ok_or_else(|| PolicyError::Path(path.display().to_string()))?;
            links.push((template, words.file(&path)));
        }
    }
    for rule in &grants.net {
        for resource in resources(rule, words) {
            let template = match rule {
                NetRule::Host { .. } => "grants.endpoint",
                NetRule::Below { .. } | NetRule::Public => "grants.zone",
            };
            links.push((template, resource));
        }
    }
    for name in grants.programs.iter().flat_map(Programs::names) {
        links.push(("grants.run", words.program(name)));
    }
    for (number, (template, resource)) in links.into_iter().enumerate() {
        rules
            .link(
                PolicyId::new(template),
                PolicyId::new(format!("{template}.{number}")),
                HashMap::from([(SlotId::resource(), resource)]),
            )
            .map_err(|error| PolicyError::Unfit(error.to_string()))?;
    }
    Ok(())
}

/// The endpoints or zones that a `net` entry means.
pub(crate) fn resources(rule: &NetRule, words: &Words) -> Vec<EntityUid> {
    match rule {
        NetRule::Public => vec![words.zone("public")],
        NetRule::Host { host, .. } => {
            let endpoint = |port: &u16| words.endpoint(&format!("{host}:{port}"));
            rule.ports().iter().map(endpoint).collect()
        }
        NetRule::Below { domain, .. } => {
            let zone = |port: &u16| words.zone(&format!("*.{domain}:{port}"));
            rule.ports().iter().map(zone).collect()
        }
    }
}

fn named(annotation: Option<&str>) -> Option<PolicyId> {
    annotation.map(PolicyId::new)
}

fn no_id(id: &PolicyId) -> String {
    format!("{id} has no @id")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_default_policies_fit_the_schema_without_a_warning() {
        let result = Validator::new(schema().unwrap())
            .validate(&defaults().unwrap(), ValidationMode::Strict);
        let complaints: Vec<String> = result
            .validation_errors()
            .map(ToString::to_string)
            .chain(result.validation_warnings().map(ToString::to_string))
            .collect();
        assert_eq!(complaints, Vec::<String>::new());
    }

    #[test]
    fn every_forbid_says_why_and_every_template_says_what_is_missing() {
        let rules = defaults().unwrap();
        for policy in rules.policies() {
            if policy.effect() == cedar_policy::Effect::Forbid {
                assert!(policy.annotation("reason").is_some(), "{}", policy.id());
            }
        }
        for template in rules.templates() {
            assert!(template.annotation("otherwise").is_some(), "{}", template.id());
            assert!(template.annotation("hint").is_some(), "{}", template.id());
        }
    }
}
