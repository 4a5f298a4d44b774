//! How much work it is to check a value. A schema of a few lines can make it endless: references
//! are followed wherever they stand, and a few that each name the next one twice are a great many.
//! So the check is first walked through without looking at what it says, and is refused where that
//! walk gets too long or too deep.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The most steps of one check: a schema that meets a value, or something listed in a schema that
/// the value is compared with.
const STEPS: usize = 2_000_000;

/// How deep schemas may be in each other while a value is checked, references followed. The check
/// needs stack for each.
const DEEPEST: usize = 256;

/// What a string weighs: a step for this many bytes.
const BYTES_A_STEP: usize = 16;

/// Whether this value can be checked in bounded time, whatever it is.
pub(super) fn bounded(schema: &Value, value: &Value) -> Result<(), String> {
    let mut walk = Walk { root: schema, steps: STEPS };
    walk.meet(schema, value, DEEPEST).map_err(|much| match much {
        Much::Long => format!("takes more than {STEPS} steps to check"),
        Much::Deep => format!("takes schemas more than {DEEPEST} deep in each other to check"),
    })
}

/// What a reference names in this document. `None` for all but a pointer from its root.
pub(super) fn target<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let pointer = reference.strip_prefix('#')?;
    match percent_decode_str(pointer).decode_utf8().ok()? {
        Cow::Borrowed(pointer) => root.pointer(pointer),
        Cow::Owned(pointer) => root.pointer(&pointer),
    }
}

struct Walk<'s> {
    root: &'s Value,
    steps: usize,
}

enum Much {
    Long,
    Deep,
}

impl Walk<'_> {
    fn spend(&mut self, steps: usize) -> Result<(), Much> {
        self.steps = self.steps.checked_sub(steps).ok_or(Much::Long)?;
        Ok(())
    }

    /// One schema at one value, and all that it asks of the value and of what is in it.
    fn meet(&mut self, schema: &Value, value: &Value, left: usize) -> Result<(), Much> {
        self.spend(1)?;
        let Some(words) = schema.as_object() else { return Ok(()) };
        let left = left.checked_sub(1).ok_or(Much::Deep)?;
        if let Value::String(text) = value {
            self.spend(text.len() / BYTES_A_STEP)?;
        }
        // What was seen of a value is found by asking everything at the same place once more.
        let again = words.keys().filter(|word| word.starts_with("unevaluated")).count();
        for (word, said) in words {
            self.spend(1)?;
            self.within(word, said, value, left)?;
            for _ in 0..=again {
                self.in_place(word, said, value, left)?;
            }
        }
        Ok(())
    }

    /// The schemas that this word asks of the value itself.
    fn in_place(
        &mut self,
        word: &str,
        said: &Value,
        value: &Value,
        left: usize,
    ) -> Result<(), Much> {
        match (word, said) {
            ("$ref" | "$dynamicRef", Value::String(reference)) => {
                match target(self.root, reference) {
                    Some(schema) => self.meet(schema, value, left),
                    None => Ok(()),
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter().try_for_each(|schema| self.meet(schema, value, left))
            }
            ("dependentSchemas", Value::Object(schemas)) => {
                schemas.values().try_for_each(|schema| self.meet(schema, value, left))
            }
            ("not" | "if" | "then" | "else", schema) => self.meet(schema, value, left),
            _ => Ok(()),
        }
    }

    /// The schemas that this word asks of what is in the value, and what it compares it with.
    fn within(&mut self, word: &str, said: &Value, value: &Value, left: usize) -> Result<(), Much> {
        match (word, said, value) {
            ("properties", Value::Object(schemas), Value::Object(fields)) => {
                self.spend(schemas.len())?;
                let mut both =
                    schemas.iter().filter_map(|(name, it)| Some((it, fields.get(name)?)));
                both.try_for_each(|(schema, field)| self.meet(schema, field, left))
            }
            ("patternProperties", Value::Object(schemas), Value::Object(fields)) => {
                let mut each = schemas.values();
                each.try_for_each(|schema| self.all(schema, fields.values(), left))
            }
            ("additionalProperties" | "unevaluatedProperties", schema, Value::Object(fields)) => {
                self.all(schema, fields.values(), left)
            }
            ("propertyNames", schema, Value::Object(fields)) => fields
                .keys()
                .try_for_each(|name| self.meet(schema, &Value::String(name.clone()), left)),
            ("prefixItems", Value::Array(schemas), Value::Array(items)) => {
                let mut both = schemas.iter().zip(items);
                both.try_for_each(|(schema, item)| self.meet(schema, item, left))
            }
            ("items" | "contains" | "unevaluatedItems", schema, Value::Array(items)) => {
                self.all(schema, items, left)
            }
            ("uniqueItems", _, Value::Array(_)) => self.weigh(value),
            ("enum" | "const" | "required" | "dependentRequired", list, _) => self.weigh(list),
            _ => Ok(()),
        }
    }

    fn all<'v>(
        &mut self,
        schema: &Value,
        values: impl IntoIterator<Item = &'v Value>,
        left: usize,
    ) -> Result<(), Much> {
        values.into_iter().try_for_each(|value| self.meet(schema, value, left))
    }

    /// All of a value is looked at.
    fn weigh(&mut self, value: &Value) -> Result<(), Much> {
        self.spend(1)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.weigh(item)),
            Value::Object(fields) => fields.values().try_for_each(|field| self.weigh(field)),
            Value::String(text) => self.spend(text.len() / BYTES_A_STEP),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    fn tree(deep: usize, branch: &Value) -> Value {
        (0..deep).fold(json!({}), |inner, _| json!({"left": inner, "right": branch}))
    }

    #[test]
    fn an_honest_schema_is_no_work_however_often_it_refers() {
        let node = json!({"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]});
        let strict = json!({
            "$ref": "#/$defs/node",
            "$defs": {"node": {
                "type": "object", "unevaluatedProperties": false,
                "properties": {"left": node, "right": node}
            }}
        });
        let deep = tree(30, &json!({"left": {}, "right": null}));
        assert_eq!(bounded(&strict, &deep), Ok(()));
        let rows: Vec<Value> = (0..20_000).map(|n| json!({"name": "a row", "number": n})).collect();
        let row = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "number": {"enum": [1, 2, 3, 4, 5, 6, 7, 8]}
        }});
        let table =
            json!({"type": "array", "items": {"$ref": "#/$defs/row"}, "$defs": {"row": row}});
        assert_eq!(bounded(&table, &json!(rows)), Ok(()));
    }

    #[test]
    fn a_few_lines_that_never_end_are_refused() {
        let twice = |words: &dyn Fn(Value) -> Value| {
            let next = |n: usize| json!({"$ref": format!("#/$defs/a{}", n + 1)});
            let mut defs: Map<String, Value> =
                (0..40).map(|n| (format!("a{n}"), words(next(n)))).collect();
            defs.insert("a40".to_string(), json!({}));
            json!({"$defs": defs, "$ref": "#/$defs/a0"})
        };
        let long = Err("takes more than 2000000 steps to check".to_string());
        assert_eq!(bounded(&twice(&|next| json!({"allOf": [next, next]})), &json!(1)), long);
        let unseen = twice(&|next| json!({"allOf": [next], "unevaluatedItems": false}));
        assert_eq!(bounded(&unseen, &json!([])), long);
        let back = json!({"$ref": "#"});
        let both = json!({"properties": {"left": back}, "additionalProperties": back,
            "patternProperties": {"l": back}});
        assert_eq!(bounded(&both, &tree(5, &json!(1))), Ok(()));
        assert_eq!(bounded(&both, &tree(60, &json!(1))), long);
        let deep = Err("takes schemas more than 256 deep in each other to check".to_string());
        assert_eq!(bounded(&json!({"not": back}), &json!(1)), deep);
        let listed = json!({"items": {"enum": vec!["a"; 4_000]}});
        assert_eq!(bounded(&listed, &json!(vec![1; 1_000])), long);
    }

    #[test]
    fn a_reference_is_a_pointer_from_the_root() {
        let root = json!({"$defs": {"a b": 1, "x/y": 2}});
        assert_eq!(target(&root, "#"), Some(&root));
        assert_eq!(target(&root, "#/$defs/a%20b"), Some(&json!(1)));
        assert_eq!(target(&root, "#/$defs/x~1y"), Some(&json!(2)));
        assert_eq!(target(&root, "#/$defs/c"), None);
        assert_eq!(target(&root, "#name"), None);
        assert_eq!(target(&root, "http://127.0.0.1/"), None);
    }
}
