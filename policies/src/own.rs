//! Policies of the user's own, from the `*.cedar` files beside an agent file. They are in the words
//! of `errand.cedarschema` and can only make an agent stricter: a `permit` is refused.

use agent_core::permission::OwnRules;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet};

use crate::{PolicyError, rules};

/// Whether a file of policies can be used.
///
/// # Errors
/// What is wrong with it, for the person who wrote it.
pub fn check(text: &str) -> Result<(), String> {
    let own = parsed(text)?;
    let schema = rules::schema().map_err(|error| error.to_string())?;
    rules::validate(&schema, &own).map_err(|error| match error {
        PolicyError::Unfit(reason) => reason,
        error => error.to_string(),
    })
}

/// Adds the policies of these files to the rules.
pub(crate) fn add(rules: &mut PolicySet, own: &[OwnRules]) -> Result<(), PolicyError> {
    for OwnRules { file, text } in own {
        let unfit = |reason: String| PolicyError::Own { file: file.clone(), reason };
        for policy in parsed(text).map_err(unfit)?.policies() {
            let id = PolicyId::new(format!("{file}/{}", policy.id()));
            rules.add(Policy::new_id(policy, id)).map_err(|error| unfit(error.to_string()))?;
        }
    }
    Ok(())
}

/// How deep an expression may be: the parser of the library goes down for each level, and a deep one
/// ends the process.
const DEEPEST: usize = 64;

/// Whether the parser has room for what is nested here.
fn shallow(text: &str) -> Result<(), String> {
    let (mut depth, mut conditions, mut word) = (0_usize, 0_usize, String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        conditions += usize::from(std::mem::take(&mut word) == "if");
        match letter {
            '"' => {
                while let Some(letter) = letters.next() {
                    match letter {
                        '\\' => drop(letters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if letters.peek() == Some(&'/') => {
                letters.by_ref().find(|letter| *letter == '\n');
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ';' => conditions = 0,
            _ => {}
        }
        if depth + conditions > DEEPEST {
            return Err(format!("an expression is nested more than {DEEPEST} deep"));
        }
    }
    Ok(())
}

fn parsed(text: &str) -> Result<PolicySet, String> {
    shallow(text)?;
    let own: PolicySet = text.parse().map_err(|error| format!("{error}"))?;
    if own.templates().next().is_some() {
        return Err("a template (`?principal`, `?resource`) has no use here".to_string());
    }
    for policy in own.policies() {
        if policy.effect() == Effect::Permit {
            return Err(
                "a `permit` is refused: these policies can only make an agent stricter, and \
                        `[permissions]` is where it is granted something"
                    .to_string(),
            );
        }
        if policy.annotation("reason").is_none() {
            return Err(
                "each policy needs a `@reason(\"…\")`: the model and the person are told it"
                    .to_string(),
            );
        }
        if let Some(violation) = policy.annotation("on_violation")
            && violation != "ask"
        {
            return Err(format!("`@on_violation(\"{violation}\")`: it can only be `ask`"));
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_used_and_what_cannot() {
        let good = r#"@reason("not on my watch") forbid (principal, action == Action::"write", resource);"#;
        assert_eq!(check(good), Ok(()));
        for (text, why) in [
            ("permit (principal, action, resource);", "`permit` is refused"),
            ("forbid (principal, action, resource);", "needs a `@reason"),
            (r#"@reason("r") forbid (principal == ?principal, action, resource);"#, "template"),
            (
                r#"@reason("r") @on_violation("allow") forbid (principal, action, resource);"#,
                "only be `ask`",
            ),
            (r#"@reason("r") forbid (principal, action == Action::"wrte", resource);"#, "wrte"),
            (
                r#"@reason("r") forbid (principal, action, resource) when { resource.nothing };"#,
                "nothing",
            ),
            ("forbid", "unexpected"),
        ] {
            let said = check(text).err().unwrap_or_default();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    /// The parser went down for each of them until the stack was full, which ends the process.
    #[test]
    fn a_policy_nested_deeper_than_the_parsers_stack() {
        let when = |body: &str| {
            check(&format!(
                r#"@reason("r") forbid (principal, action, resource) when {{ {body} }};"#
            ))
        };
        let around = |before: &str, after: &str, times: usize| {
            when(&format!("{}true{}", before.repeat(times), after.repeat(times)))
        };
        for (before, after) in
            [("(", ")"), ("if true then ", " else false"), ("[", "] == []"), ("{a: ", "} == {}")]
        {
            let said = around(before, after, 100_000).err().unwrap_or_default();
            assert!(said.contains("nested"), "{before}: {said}");
        }
        assert_eq!(around("(", ")", 50), Ok(()));
        let many = "(".repeat(100);
        assert_eq!(when(&format!("\"\\\"{many}\" == \"a\" // {many}\n")), Ok(()));
    }
}
