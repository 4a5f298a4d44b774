//! WIT values to JSON. The shapes are in `schema`.

use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

/// What a function gave. Where its type is a `result`, its error is the tool's failure, in words.
pub(super) fn result(given: Option<Val>) -> Result<Value, String> {
    match given {
        None => Ok(Value::Null),
        Some(Val::Result(Ok(held))) => payload(held),
        Some(Val::Result(Err(held))) => Err(match payload(held)? {
            Value::Null => "the tool failed without a word".to_string(),
            Value::String(words) => words,
            failure => failure.to_string(),
        }),
        Some(value) => lift(value),
    }
}

fn lift(value: Val) -> Result<Value, String> {
    Ok(match value {
        Val::Bool(value) => Value::Bool(value),
        Val::S8(value) => value.into(),
        Val::U8(value) => value.into(),
        Val::S16(value) => value.into(),
        Val::U16(value) => value.into(),
        Val::S32(value) => value.into(),
        Val::U32(value) => value.into(),
        Val::S64(value) => value.into(),
        Val::U64(value) => value.into(),
        // The shortest decimal that is this float: 0.1, not 0.10000000149011612.
        Val::Float32(value) => number(value.to_string().parse().unwrap_or(f64::from(value)))?,
        Val::Float64(value) => number(value)?,
        Val::Char(value) => Value::String(value.to_string()),
        Val::String(value) => Value::String(value),
        Val::List(values) | Val::Tuple(values) => all(values)?,
        Val::Record(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name, lift(value)?)));
            Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
        }
        Val::Enum(name) => Value::String(name),
        Val::Flags(names) => names.into(),
        Val::Option(None) => Value::Null,
        Val::Option(Some(held)) => match *held {
            held @ Val::Option(_) => case("some", lift(held)?),
            held => lift(held)?,
        },
        Val::Variant(name, Some(held)) => case(&name, lift(*held)?),
        Val::Variant(name, None) => Value::String(name),
        Val::Result(Ok(held)) => case("ok", payload(held)?),
        Val::Result(Err(held)) => case("err", payload(held)?),
        Val::Map(_)
        | Val::FixedLengthList(_)
        | Val::Resource(_)
        | Val::Future(_)
        | Val::Stream(_)
        | Val::ErrorContext(_) => {
            return Err("the tool gave a value that has no form in JSON".to_string());
        }
    })
}

fn payload(held: Option<Box<Val>>) -> Result<Value, String> {
    held.map_or(Ok(Value::Null), |held| lift(*held))
}

fn all(values: Vec<Val>) -> Result<Value, String> {
    values.into_iter().map(lift).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn number(value: f64) -> Result<Value, String> {
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| format!("the tool gave the number {value}, which JSON cannot say"))
}

fn case(name: &str, held: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_string(), held)]))
}
