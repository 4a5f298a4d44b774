//! A WIT type as JSON Schema. `lower` and `lift` keep to the same shapes:
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string`, integers, floats | the same; `char` is a string of one character |
//! | `list`, `tuple` | array |
//! | `record` | object; a field that is an `option` may be left out |
//! | `enum` | one of its names |
//! | `flags` | array of the names that are set |
//! | `option<T>` | `T` or `null`; `{"some": …}` or `null` where `T` may be `null` itself |
//! | `variant` | `"name"`, or `{"name": …}` where the case holds a value |
//! | `result<T, E>` | `{"ok": …}` or `{"err": …}`; a function's own: `T`, and `E` is its failure |
//!
//! Two things that no schema says are refused by `lower`: an integer that only a float holds, for it
//! may have been written as another; and a number that a float of 32 bits does not hold.

use serde_json::{Map, Value, json};
use wasmtime::component::types::{ComponentFunc, Type};

use super::nullable;

/// The most types, fields and cases of one function.
const MOST_PARTS: usize = 1_000;

/// Their names together, in bytes.
const MOST_NAMES: usize = 32 << 10;

/// How deep types may nest: models and their grammars do not follow further.
const DEEPEST: usize = 24;

/// The schema of a function's arguments.
pub(super) fn input(ty: &ComponentFunc) -> Result<Value, String> {
    let mut writer = Writer::default();
    writer.object(ty.params(), 0)
}

/// The schema of what a function gives when it does not fail.
pub(super) fn output(ty: &ComponentFunc) -> Result<Value, String> {
    let mut writer = Writer::default();
    match ty.results().next() {
        None => Ok(json!({"type": "null"})),
        Some(Type::Result(result)) => {
            // Its failure is told in words: the type must be one that can be lifted.
            if let Some(failure) = result.err() {
                writer.schema(&failure, 0)?;
            }
            writer.payload(result.ok(), 0)
        }
        Some(ty) => writer.schema(&ty, 0),
    }
}

#[derive(Default)]
struct Writer {
    parts: usize,
    names: usize,
}

impl Writer {
    fn schema(&mut self, ty: &Type, depth: usize) -> Result<Value, String> {
        self.part("")?;
        if depth == DEEPEST {
            return Err(format!("its types nest more than {DEEPEST} deep"));
        }
        let depth = depth + 1;
        Ok(match ty {
            Type::Bool => json!({"type": "boolean"}),
            Type::U8 => integer(u8::MIN, u8::MAX),
            Type::U16 => integer(u16::MIN, u16::MAX),
            Type::U32 => integer(u32::MIN, u32::MAX),
            Type::U64 => integer(u64::MIN, u64::MAX),
            Type::S8 => integer(i8::MIN, i8::MAX),
            Type::S16 => integer(i16::MIN, i16::MAX),
            Type::S32 => integer(i32::MIN, i32::MAX),
            Type::S64 => integer(i64::MIN, i64::MAX),
            Type::Float32 | Type::Float64 => json!({"type": "number"}),
            Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            Type::String => json!({"type": "string"}),
            Type::List(list) => json!({"type": "array", "items": self.schema(&list.ty(), depth)?}),
            Type::Record(record) => {
                self.object(record.fields().map(|field| (field.name, field.ty)), depth)?
            }
            Type::Tuple(tuple) => {
                let parts = tuple.types().map(|ty| self.schema(&ty, depth));
                let parts = parts.collect::<Result<Vec<Value>, String>>()?;
                let count = parts.len();
                json!({
                    "type": "array", "prefixItems": parts, "items": false,
                    "minItems": count, "maxItems": count,
                })
            }
            Type::Enum(names) => json!({"type": "string", "enum": self.all(names.names())?}),
            Type::Flags(flags) => {
                let names = self.all(flags.names())?;
                let one = json!({"type": "string", "enum": names});
                json!({"type": "array", "items": one, "uniqueItems": true})
            }
            Type::Option(option) => {
                let some = self.schema(&option.ty(), depth)?;
                let some = if nullable(&option.ty()) { case("some", some) } else { some };
                json!({"anyOf": [some, {"type": "null"}]})
            }
            Type::Variant(variant) => {
                let mut cases = Vec::new();
                for one in variant.cases() {
                    self.part(one.name)?;
                    cases.push(match one.ty {
                        Some(ty) => case(one.name, self.schema(&ty, depth)?),
                        None => json!({"const": one.name}),
                    });
                }
                json!({"oneOf": cases})
            }
            Type::Result(result) => json!({"oneOf": [
                case("ok", self.payload(result.ok(), depth)?),
                case("err", self.payload(result.err(), depth)?),
            ]}),
            Type::Own(_) | Type::Borrow(_) => {
                return Err("a resource does not outlive a call".to_string());
            }
            Type::Map(_)
            | Type::FixedLengthList(_)
            | Type::Future(_)
            | Type::Stream(_)
            | Type::ErrorContext => {
                return Err("it uses a type that has no form in JSON here".to_string());
            }
        })
    }

    fn payload(&mut self, ty: Option<Type>, depth: usize) -> Result<Value, String> {
        match ty {
            Some(ty) => self.schema(&ty, depth),
            None => Ok(json!({"type": "null"})),
        }
    }

    fn object<'a>(
        &mut self,
        fields: impl Iterator<Item = (&'a str, Type)>,
        depth: usize,
    ) -> Result<Value, String> {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, ty) in fields {
            self.part(name)?;
            properties.insert(name.to_string(), self.schema(&ty, depth)?);
            if !nullable(&ty) {
                required.push(name);
            }
        }
        Ok(json!({
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        }))
    }

    fn all<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<Vec<&'a str>, String> {
        names.map(|name| self.part(name).map(|()| name)).collect()
    }

    fn part(&mut self, name: &str) -> Result<(), String> {
        self.parts += 1;
        self.names += name.len();
        if self.parts > MOST_PARTS || self.names > MOST_NAMES {
            return Err("its types are too big".to_string());
        }
        Ok(())
    }
}

fn integer(least: impl Into<serde_json::Number>, most: impl Into<serde_json::Number>) -> Value {
    let (least, most): (serde_json::Number, serde_json::Number) = (least.into(), most.into());
    json!({"type": "integer", "minimum": least, "maximum": most})
}

/// `{"name": …}`
fn case(name: &str, held: Value) -> Value {
    json!({
        "type": "object", "properties": {name: held}, "required": [name],
        "additionalProperties": false,
    })
}
