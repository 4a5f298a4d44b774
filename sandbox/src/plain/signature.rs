//! A function's type as its author wrote it, cut where it gets long: what tells a model most about
//! a tool that has no description.

use wasmtime::component::types::{ComponentFunc, Type};

const LONGEST: usize = 300;

/// `func(a: u32, b: option<string>) -> result<u32, string>`
pub(super) fn of(ty: &ComponentFunc) -> String {
    let mut out = String::from("func(");
    for (at, (name, ty)) in ty.params().enumerate() {
        separate(&mut out, at);
        out.push_str(name);
        out.push_str(": ");
        write(&mut out, &ty);
    }
    out.push(')');
    for ty in ty.results() {
        out.push_str(" -> ");
        write(&mut out, &ty);
    }
    if out.len() > LONGEST {
        out.truncate(out.floor_char_boundary(LONGEST));
        out.push('…');
    }
    out
}

fn write(out: &mut String, ty: &Type) {
    if out.len() > LONGEST {
        return;
    }
    let plain = match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::List(list) => return of_types(out, "list", [Some(list.ty())]),
        Type::Option(option) => return of_types(out, "option", [Some(option.ty())]),
        Type::Tuple(tuple) => return of_types(out, "tuple", tuple.types().map(Some)),
        Type::Result(result) => return of_types(out, "result", [result.ok(), result.err()]),
        Type::Record(record) => {
            let fields = record.fields().map(|field| (field.name, Some(field.ty)));
            return named(out, "record", fields);
        }
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| (case.name, case.ty));
            return named(out, "variant", cases);
        }
        Type::Enum(names) => return named(out, "enum", names.names().map(|name| (name, None))),
        Type::Flags(flags) => return named(out, "flags", flags.names().map(|name| (name, None))),
        _ => "_",
    };
    out.push_str(plain);
}

fn of_types(out: &mut String, name: &str, types: impl IntoIterator<Item = Option<Type>>) {
    out.push_str(name);
    out.push('<');
    for (at, ty) in types.into_iter().enumerate() {
        separate(out, at);
        match ty {
            Some(ty) => write(out, &ty),
            None => out.push('_'),
        }
    }
    out.push('>');
}

fn named<'a>(out: &mut String, word: &str, parts: impl Iterator<Item = (&'a str, Option<Type>)>) {
    out.push_str(word);
    out.push_str(" { ");
    for (at, (name, ty)) in parts.enumerate() {
        if out.len() > LONGEST {
            return;
        }
        separate(out, at);
        out.push_str(name);
        if let Some(ty) = ty {
            out.push_str(": ");
            write(out, &ty);
        }
    }
    out.push_str(" }");
}

fn separate(out: &mut String, at: usize) {
    if at > 0 {
        out.push_str(", ");
    }
}
