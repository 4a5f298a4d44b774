//! Parameters: what an agent file declares and what a run is given for them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One declared parameter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["type"]))]
pub struct ParamSpec {
    /// What a value must be.
    #[serde(default, rename = "type")]
    #[schemars(with = "ParamType")]
    pub kind: Option<ParamType>,

    /// What it is for, in one line for people.
    #[serde(default)]
    pub description: String,

    /// Whether a run must be given a value. Default: yes, unless there is a `default`. With
    /// `required = false` and no default a value that was not given is empty text in a template
    /// and false in a condition.
    #[serde(default)]
    #[schemars(with = "bool")]
    pub required: Option<bool>,

    /// The value where a run is given none; of the type named by `type`.
    #[serde(default)]
    pub default: Option<Value>,
}

impl ParamSpec {
    /// Whether a run must be given a value.
    pub fn is_required(&self) -> bool {
        self.default.is_none() && self.required != Some(false)
    }
}

/// What a parameter's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Several texts; repeat `-p`.
    List,
}

impl ParamType {
    /// Whether a value from the agent file is of this type.
    pub fn holds(self, value: &Value) -> bool {
        match self {
            ParamType::String => value.is_string(),
            ParamType::Integer => value.is_i64(),
            ParamType::Number => value.is_number(),
            ParamType::Boolean => value.is_boolean(),
            ParamType::List => {
                value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
            }
        }
    }

    /// Reads text from the command line; `None` where it is not of this type. For a list, the one
    /// element that it adds.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            ParamType::String | ParamType::List => Some(json!(text)),
            ParamType::Integer => text.trim().parse::<i64>().ok().map(Value::from),
            ParamType::Number => {
                let text = text.trim();
                text.parse::<i64>().ok().map(Value::from).or_else(|| {
                    // `inf` and `nan` parse, and are no JSON.
                    text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
                })
            }
            ParamType::Boolean => text.trim().parse::<bool>().ok().map(Value::from),
        }
    }
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParamType::String => "a string",
            ParamType::Integer => "an integer",
            ParamType::Number => "a number",
            ParamType::Boolean => "`true` or `false`",
            ParamType::List => "a list of strings",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ParamType, text: &str, expected: Option<Value>) {
        assert_eq!(kind.read(text), expected, "{kind:?} {text:?}");
    }

    #[test]
    fn values_are_read_by_type() {
        check(ParamType::String, " as it is ", Some(json!(" as it is ")));
        check(ParamType::List, "a,b", Some(json!("a,b")));
        check(ParamType::Integer, "-12\n", Some(json!(-12)));
        check(ParamType::Integer, "1.0", None);
        check(ParamType::Integer, "9223372036854775808", None);
        check(ParamType::Number, "1.5", Some(json!(1.5)));
        check(ParamType::Number, "3", Some(json!(3)));
        check(ParamType::Number, "nan", None);
        check(ParamType::Number, "1e999", None);
        check(ParamType::Boolean, "true", Some(json!(true)));
        check(ParamType::Boolean, "yes", None);
    }
}
