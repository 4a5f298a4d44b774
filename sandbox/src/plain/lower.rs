//! JSON to WIT values, by the type that is wanted. The shapes are in `schema`.

use std::fmt;

use serde_json::{Map, Value};
use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, Type};

use super::nullable;

/// A value that is not of its type, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    at: String,
    problem: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.problem),
            at => write!(f, "`{at}`: {}", self.problem),
        }
    }
}

/// The arguments of a function, in its order.
pub(super) fn arguments(ty: &ComponentFunc, given: &Value) -> Result<Vec<Val>, Wrong> {
    let given = object(given)?;
    let params: Vec<(&str, Type)> = ty.params().collect();
    known(given, |key| params.iter().any(|(name, _)| *name == key))?;
    params.into_iter().map(|(name, ty)| field(given, name, &ty)).collect()
}

fn lower(ty: &Type, value: &Value) -> Result<Val, Wrong> {
    Ok(match ty {
        Type::Bool => Val::Bool(value.as_bool().ok_or_else(|| wrong("it must be a boolean"))?),
        Type::U8 => Val::U8(integer(value)?),
        Type::U16 => Val::U16(integer(value)?),
        Type::U32 => Val::U32(integer(value)?),
        Type::U64 => Val::U64(integer(value)?),
        Type::S8 => Val::S8(integer(value)?),
        Type::S16 => Val::S16(integer(value)?),
        Type::S32 => Val::S32(integer(value)?),
        Type::S64 => Val::S64(integer(value)?),
        Type::Float32 => {
            let number = number(value)? as f32;
            if number.is_infinite() {
                return Err(wrong("it is too big for 32 bits"));
            }
            Val::Float32(number)
        }
        Type::Float64 => Val::Float64(number(value)?),
        Type::Char => {
            let mut letters = text(value)?.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => Val::Char(letter),
                _ => return Err(wrong("it must be one character")),
            }
        }
        Type::String => Val::String(text(value)?.to_string()),
        Type::List(list) => {
            let ty = list.ty();
            let lowered = array(value)?.iter().enumerate().map(|(at, one)| item(&ty, at, one));
            Val::List(lowered.collect::<Result<_, _>>()?)
        }
        Type::Tuple(tuple) => {
            let (values, types) = (array(value)?, tuple.types());
            if values.len() != types.len() {
                return Err(wrong(format!("it must have {} items", types.len())));
            }
            let lowered = types.zip(values).enumerate().map(|(at, (ty, one))| item(&ty, at, one));
            Val::Tuple(lowered.collect::<Result<_, _>>()?)
        }
        Type::Record(record) => {
            let given = object(value)?;
            known(given, |key| record.fields().any(|field| field.name == key))?;
            let lowered = record.fields().map(|wanted| {
                field(given, wanted.name, &wanted.ty).map(|val| (wanted.name.to_string(), val))
            });
            Val::Record(lowered.collect::<Result<_, _>>()?)
        }
        Type::Enum(names) => Val::Enum(one_of(names.names(), text(value)?)?),
        Type::Flags(flags) => {
            let set = array(value)?.iter().map(|name| one_of(flags.names(), text(name)?));
            Val::Flags(set.collect::<Result<_, _>>()?)
        }
        Type::Option(_) if value.is_null() => Val::Option(None),
        Type::Option(option) => {
            let ty = option.ty();
            let held = if nullable(&ty) { single(value, "some")? } else { value };
            Val::Option(Some(Box::new(lower(&ty, held)?)))
        }
        Type::Variant(variant) => {
            let (name, held) = chosen(value)?;
            let Some(case) = variant.cases().find(|case| case.name == name) else {
                return Err(wrong(format!("there is no case `{}`", short(name))));
            };
            let held = match (case.ty, held) {
                (Some(ty), Some(held)) => {
                    Some(Box::new(lower(&ty, held).map_err(|wrong| wrong.inside(name))?))
                }
                (None, None) => None,
                (Some(_), None) => return Err(wrong(format!("`{name}` must hold a value"))),
                (None, Some(_)) => return Err(wrong(format!("`{name}` holds no value"))),
            };
            Val::Variant(name.to_string(), held)
        }
        Type::Result(result) => {
            let (name, held) = chosen(value)?;
            let held = held.unwrap_or(&Value::Null);
            let lowered = |ty: Option<Type>| match ty {
                Some(ty) => lower(&ty, held).map(|val| Some(Box::new(val))),
                None if held.is_null() => Ok(None),
                None => Err(wrong("it holds no value")),
            };
            match name {
                "ok" => Val::Result(Ok(lowered(result.ok())?)),
                "err" => Val::Result(Err(lowered(result.err())?)),
                _ => return Err(wrong("it must be `ok` or `err`")),
            }
        }
        Type::Own(_)
        | Type::Borrow(_)
        | Type::Map(_)
        | Type::FixedLengthList(_)
        | Type::Future(_)
        | Type::Stream(_)
        | Type::ErrorContext => return Err(wrong("it has no form in JSON")),
    })
}

fn field(given: &Map<String, Value>, name: &str, ty: &Type) -> Result<Val, Wrong> {
    match given.get(name) {
        Some(value) => lower(ty, value).map_err(|wrong| wrong.inside(name)),
        None if nullable(ty) => Ok(Val::Option(None)),
        None => Err(wrong(format!("`{name}` is missing"))),
    }
}

fn item(ty: &Type, at: usize, value: &Value) -> Result<Val, Wrong> {
    lower(ty, value).map_err(|wrong| wrong.inside(&at.to_string()))
}

fn known(given: &Map<String, Value>, is: impl Fn(&str) -> bool) -> Result<(), Wrong> {
    match given.keys().find(|key| !is(key)) {
        Some(key) => Err(wrong(format!("there is no `{}`", short(key)))),
        None => Ok(()),
    }
}

/// From here on every float is whole, and may be another number than the one that was written: one
/// with a point or an exponent, or with more than 64 bits.
const WHOLE: f64 = 9e15;

/// JSON has one kind of number: `2.0` is an integer too.
fn integer<T: TryFrom<i128>>(value: &Value) -> Result<T, Wrong> {
    let number = match value {
        Value::Number(number) => number,
        _ => return Err(wrong("it must be an integer")),
    };
    let integer = match (number.as_i128(), number.as_f64()) {
        (Some(integer), _) => integer,
        (None, Some(float)) if float.abs() >= WHOLE => {
            return Err(wrong(
                "so large an integer must be of 64 bits, and written in digits alone",
            ));
        }
        (None, Some(float)) if float.fract() == 0.0 => float as i128,
        _ => return Err(wrong("it must be an integer")),
    };
    T::try_from(integer).map_err(|_| wrong(format!("{integer} is out of range")))
}

fn number(value: &Value) -> Result<f64, Wrong> {
    value.as_f64().ok_or_else(|| wrong("it must be a number"))
}

fn text(value: &Value) -> Result<&str, Wrong> {
    value.as_str().ok_or_else(|| wrong("it must be a string"))
}

fn array(value: &Value) -> Result<&Vec<Value>, Wrong> {
    value.as_array().ok_or_else(|| wrong("it must be a list"))
}

fn object(value: &Value) -> Result<&Map<String, Value>, Wrong> {
    value.as_object().ok_or_else(|| wrong("it must be an object"))
}

fn one_of<'a>(mut names: impl Iterator<Item = &'a str>, name: &str) -> Result<String, Wrong> {
    match names.find(|known| *known == name) {
        Some(known) => Ok(known.to_string()),
        None => Err(wrong(format!("there is no `{}`", short(name)))),
    }
}

/// `"name"`, or `{"name": …}`.
fn chosen(value: &Value) -> Result<(&str, Option<&Value>), Wrong> {
    match value {
        Value::String(name) => Ok((name, None)),
        Value::Object(map) if map.len() == 1 => match map.iter().next() {
            Some((name, held)) => Ok((name, Some(held))),
            None => Err(wrong("it must name one case")),
        },
        _ => Err(wrong("it must name one case, as in `\"name\"` or `{\"name\": …}`")),
    }
}

fn single<'a>(value: &'a Value, name: &str) -> Result<&'a Value, Wrong> {
    match chosen(value)? {
        (found, Some(held)) if found == name => Ok(held),
        _ => Err(wrong(format!("it must be null or {{\"{name}\": …}}"))),
    }
}

fn wrong(problem: impl Into<String>) -> Wrong {
    Wrong { at: String::new(), problem: problem.into() }
}

impl Wrong {
    fn inside(mut self, name: &str) -> Wrong {
        let dot = if self.at.is_empty() { "" } else { "." };
        self.at = format!("{name}{dot}{}", self.at);
        self
    }
}

/// Errors are read by models.
fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(60)]
}
