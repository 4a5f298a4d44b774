//! The values that a run is given for its parameters: `-p key=value`, `-p key=@file`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::problem::shortened;
use super::report::Report;
use super::source::child;
use super::{disk, suggest};
use agent_core::param::{ParamSpec, ParamType};

/// The longest file that a value may come from, in bytes.
const LONGEST: usize = 4 << 20;

/// Checks what the file declares.
pub(super) fn declared(params: &BTreeMap<String, ParamSpec>, report: &mut Report<'_>) {
    for (name, param) in params {
        let pointer = child("/params", name);
        let mut chars = name.chars();
        let legal = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !legal {
            let message = format!("a parameter cannot be called `{}`", shortened(name));
            report.key(&pointer, message).hint("use letters, digits and `_`");
        }
        let (Some(kind), Some(default)) = (param.kind, &param.default) else { continue };
        if !kind.holds(default) {
            let found = match default {
                Value::Array(_) if kind == ParamType::List => "a list of something else",
                other => super::schema_check::kind_of(other),
            };
            let message = format!("the default of `{name}` must be {kind}, not {found}");
            report.value(&format!("{pointer}/default"), message);
        }
        if param.required == Some(true) {
            let message = format!("`{name}` is required, so its default is never used");
            report.key(&format!("{pointer}/required"), message).hint("remove one of the two");
        }
    }
}

/// The values of all parameters, and the names of the required ones that were given none.
pub(super) fn values(
    params: &BTreeMap<String, ParamSpec>,
    given: &[(String, String)],
    report: &mut Report<'_>,
) -> (Map<String, Value>, Vec<String>) {
    let mut values = Map::new();
    for (name, text) in given {
        let written = format!("-p {name}={text}");
        let Some(param) = params.get(name) else {
            let names = params.keys().map(String::as_str);
            let hint = match params.len() {
                0 => "this agent has no parameters".to_string(),
                _ => suggest::hint(name, names),
            };
            let message = format!("unknown parameter `{}`", shortened(name));
            report.argument(written, message).hint(hint);
            continue;
        };
        let Some(kind) = param.kind else { continue };
        let text = match text.strip_prefix('@') {
            Some(literal) if literal.starts_with('@') => literal.to_string(),
            Some(file) => match contents(file) {
                Ok(text) => text,
                Err(reason) => {
                    let hint =
                        "after `@` comes a file; a value that begins with `@` is written `@@`";
                    report
                        .argument(written, format!("`{file}` cannot be read: {reason}"))
                        .hint(hint);
                    continue;
                }
            },
            None => text.clone(),
        };
        if text.contains('\0') {
            report.argument(written, format!("the value of `{name}` holds a NUL byte"));
            continue;
        }
        let Some(value) = kind.read(&text) else {
            let message = format!("`{name}` must be {kind}, not `{}`", shortened(text.trim()));
            report.argument(written, message);
            continue;
        };
        match (kind, values.get_mut(name)) {
            (ParamType::List, Some(Value::Array(items))) => items.push(value),
            (ParamType::List, _) => {
                values.insert(name.clone(), Value::Array(vec![value]));
            }
            (_, Some(_)) => {
                let message = format!("`{name}` is given twice");
                report.argument(written, message).hint("only a list takes several values");
            }
            (_, None) => {
                values.insert(name.clone(), value);
            }
        }
    }
    let mut waiting = Vec::new();
    for (name, param) in params {
        if given.iter().any(|(given, _)| given == name) {
            continue;
        }
        if param.is_required() {
            waiting.push(name.clone());
        }
        values.insert(name.clone(), param.default.clone().unwrap_or_default());
    }
    (values, waiting)
}

/// A file that a person names on the command line, for a parameter or beside one: read by their own word,
/// whatever an agent may read.
///
/// # Errors
/// A few words: it is none, cannot be read, or has more than so many bytes.
pub fn read_given(file: &Path, most: usize) -> Result<Vec<u8>, String> {
    disk::read(file, most).map_err(|missing| missing.message)
}

fn contents(file: &str) -> Result<String, String> {
    let bytes = read_given(Path::new(file), LONGEST)?;
    let text = text::utf8::of(&bytes).map_err(|error| error.to_string())?;
    // An editor ends the last line; the value is what was written on it.
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_string())
}
