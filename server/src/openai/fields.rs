//! Which parameters a request may have: what is not honoured is refused by its name, unless it has no bearing
//! on the answer.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// What becomes of a parameter that is not null.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// It is honoured.
    Takes,
    /// It has no bearing on the answer.
    Idle,
    /// It may have a value that changes nothing; any other is refused, for this reason.
    Only(fn(&Value) -> bool, &'static str),
    /// It is refused, for this reason.
    Never(&'static str),
}

/// Whether a number is zero: the default of penalties.
pub(crate) fn zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

/// Whether it says no.
pub(crate) fn no(value: &Value) -> bool {
    *value == Value::Bool(false)
}

/// Whether nothing is in it.
pub(crate) fn empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The request, once each of its parameters is known; one that is null is not there.
pub(crate) fn checked<T: DeserializeOwned>(
    mut map: Map<String, Value>,
    fields: &[(&str, Rule)],
) -> Result<T, ApiError> {
    map.retain(|_, value| !value.is_null());
    for (name, value) in &map {
        match fields.iter().find(|(field, _)| field == name) {
            Some((_, Rule::Takes | Rule::Idle)) => {}
            Some((_, Rule::Only(neutral, _))) if neutral(value) => {}
            Some((_, Rule::Only(_, why) | Rule::Never(why))) => {
                return Err(ApiError::unsupported(name, why));
            }
            None => {
                let name: String = name.chars().take(100).collect();
                let error = ApiError::param(&name, format!("there is no parameter `{name}`"));
                return Err(ApiError { code: "unknown_parameter", ..error });
            }
        }
    }
    // A path in front of the message says which parameter it is about.
    let wanted: Result<T, _> = serde_json::from_value(Value::Object(map));
    wanted.map_err(|error| ApiError::invalid(format!("a parameter is wrong: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, Debug)]
    struct Body {
        model: String,
    }

    const FIELDS: &[(&str, Rule)] = &[
        ("model", Rule::Takes),
        ("user", Rule::Idle),
        ("presence_penalty", Rule::Only(zero, "there is none")),
        ("audio", Rule::Never("it is text")),
    ];

    fn check(body: Value, expected: Result<&str, &str>) {
        let Value::Object(map) = body else { panic!() };
        let found = checked::<Body>(map, FIELDS).map(|body| body.model);
        assert_eq!(
            found.map_err(|error| error.message),
            expected.map(str::to_string).map_err(str::to_string)
        );
    }

    #[test]
    fn what_is_not_honoured_is_refused_by_name() {
        check(json!({"model": "m", "user": 1, "audio": null, "presence_penalty": 0.0}), Ok("m"));
        check(
            json!({"model": "m", "presence_penalty": 0.5}),
            Err("`presence_penalty` is not supported: there is none"),
        );
        check(json!({"model": "m", "audio": {}}), Err("`audio` is not supported: it is text"));
        check(json!({"model": "m", "modle": 1}), Err("there is no parameter `modle`"));
        check(json!({}), Err("a parameter is wrong: missing field `model`"));
    }
}
