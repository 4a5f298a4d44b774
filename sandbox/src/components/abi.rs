//! How a component is spoken to: with `invoke`, as `wit/tool.wit` has it, or by the functions that
//! it exports.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

use crate::plain::Plain;

/// How a component is spoken to.
pub(crate) enum Speech {
    /// `invoke`, with a tool's name and JSON; and `describe`, but for the runtime's own guests.
    Invoke { invoke: ComponentExportIndex, describe: Option<ComponentExportIndex> },
    /// Its exported functions, by their types.
    Plain(Plain),
}

impl Speech {
    /// The error is a sentence about the component.
    pub(super) fn of(component: &Component, engine: &Engine) -> Result<Speech, String> {
        let describe = match component.get_export(None, "describe") {
            Some((ComponentItem::ComponentFunc(ty), index)) if ty.params().len() == 0 => {
                Some(index)
            }
            _ => None,
        };
        match component.get_export(None, "invoke") {
            Some((ComponentItem::ComponentFunc(ty), invoke)) if takes_a_call(&ty) => {
                Ok(Speech::Invoke { invoke, describe })
            }
            _ if describe.is_some() => Err("the component exports `describe`, but not \
                                            `invoke: func(tool: string, arguments: string) -> \
                                            result<string, string>`"
                .to_string()),
            _ => Plain::of(component, engine).map(Speech::Plain),
        }
    }
}

fn takes_a_call(ty: &ComponentFunc) -> bool {
    let mut params = ty.params();
    let mut results = ty.results();
    let text = |ty: Option<Type>| ty == Some(Type::String);
    let both = |ty: Type| matches!(ty, Type::Result(ty) if text(ty.ok()) && text(ty.err()));
    params.len() == 2
        && params.all(|(_, ty)| ty == Type::String)
        && results.len() == 1
        && results.next().is_some_and(both)
}
