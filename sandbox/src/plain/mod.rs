//! Plain components: their typed functions are tools. A function's schema is derived from its WIT
//! type, a call's JSON is lowered to that type, and what comes back is lifted to JSON.
//!
//! The types are untrusted. wasmtime bounds how deep they nest; how many tools there are and how
//! big their schemas become is bounded here.

mod lift;
mod lower;
mod schema;
mod signature;

use std::collections::HashMap;

use agent_core::manifest::{Manifest, Wants};
use agent_core::tool::{Effect, ToolSpec};
use serde_json::Value;
use wasmtime::component::types::{self, ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, Instance, Val};
use wasmtime::{Engine, Store};

use crate::host::Host;

/// The most functions that become tools.
const MOST_TOOLS: usize = 64;

/// A name as models are shown it.
const MOST_NAME: usize = 64;

/// The functions of a plain component.
pub(crate) struct Plain {
    functions: Vec<Function>,
    /// What the host lends changes what a call may do to the world.
    lent: Lent,
}

struct Function {
    /// The tool's bare name.
    tool: String,
    name: String,
    /// The interface that it is in: `docs:calc/math@1.0.0`.
    within: Option<String>,
    index: ComponentExportIndex,
    ty: ComponentFunc,
    input: Value,
    output: Value,
}

/// What a plain component imports beside WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lent {
    any: bool,
    kv: bool,
}

impl Plain {
    /// The error is a sentence: why none of what is exported can be a tool.
    pub(crate) fn of(component: &Component, engine: &Engine) -> Result<Plain, String> {
        let mut functions = Vec::new();
        let mut refused = None;
        for (within, name, index, ty) in exported(component, engine)? {
            match Function::new(within.as_deref(), &name, index, ty) {
                Ok(function) => functions.push(function),
                Err(reason) => {
                    refused.get_or_insert(reason);
                }
            }
        }
        if functions.is_empty() {
            return Err(refused.unwrap_or_else(|| {
                "the component exports neither `describe` nor a function that could be a tool"
                    .to_string()
            }));
        }
        tell_apart(&mut functions)?;
        let ty = component.component_type();
        let imports = |what: &str| ty.imports(engine).any(|(name, _)| name.starts_with(what));
        let any = ["files", "http", "kv", "tools"]
            .iter()
            .any(|interface| imports(&format!("errand:tool/{interface}")));
        Ok(Plain { functions, lent: Lent { any, kv: imports("errand:tool/kv") } })
    }

    /// What the component is, as far as its types tell.
    pub(crate) fn manifest(&self) -> Manifest {
        // What a function does with what it is lent, its type does not say.
        let effect = if self.lent.any { Effect::Writes } else { Effect::Pure };
        let tools = self.functions.iter().map(|function| ToolSpec {
            name: function.tool.clone(),
            description: format!("{}: {}", function.shown(), signature::of(&function.ty)),
            input: function.input.clone(),
            output: function.output.clone(),
            effect,
        });
        Manifest {
            description: String::new(),
            tools: tools.collect(),
            wants: Wants { kv: self.lent.kv, ..Wants::default() },
        }
    }

    /// One call. The outer error is the guest's end, the inner one a sentence for the model.
    pub(crate) async fn call(
        &self,
        store: &mut Store<Host>,
        instance: &Instance,
        tool: &str,
        arguments: &Value,
    ) -> wasmtime::Result<Result<String, String>> {
        let Some(function) = self.functions.iter().find(|function| function.tool == tool) else {
            return Ok(Err(format!("this component has no tool `{tool}`")));
        };
        let arguments = match lower::arguments(&function.ty, arguments) {
            Ok(arguments) => arguments,
            Err(wrong) => return Ok(Err(format!("wrong arguments: {wrong}"))),
        };
        let Some(called) = instance.get_func(&mut *store, function.index) else {
            return Ok(Err(format!("this component lost its function {}", function.shown())));
        };
        let mut results = vec![Val::Bool(false); function.ty.results().len()];
        called.call_async(&mut *store, &arguments, &mut results).await?;
        Ok(lift::result(results.pop()).map(|result| result.to_string()))
    }
}

impl Function {
    fn new(
        within: Option<&str>,
        name: &str,
        index: ComponentExportIndex,
        ty: ComponentFunc,
    ) -> Result<Function, String> {
        let tool = name.to_ascii_lowercase();
        let cannot = |reason: String| format!("`{name}` cannot be a tool: {reason}");
        if tool.len() > MOST_NAME {
            return Err("a function with so long a name cannot be a tool".to_string());
        }
        if ty.async_() {
            return Err(cannot("it is asynchronous".to_string()));
        }
        let input = schema::input(&ty).map_err(cannot)?;
        let output = schema::output(&ty).map_err(cannot)?;
        let (name, within) = (name.to_string(), within.map(str::to_string));
        Ok(Function { tool, name, within, index, ty, input, output })
    }

    /// `add` of `docs:calc/math@1.0.0`
    fn shown(&self) -> String {
        match &self.within {
            Some(within) => format!("`{}` of `{within}`", self.name),
            None => format!("`{}`", self.name),
        }
    }

    /// The last word of the interface it is in: `math`.
    fn interface(&self) -> Option<String> {
        let interface = self.within.as_ref()?.rsplit('/').next()?;
        Some(interface.split('@').next()?.to_ascii_lowercase())
    }
}

/// Each function of the component, free or in an interface that is not WASI's.
type Exported = (Option<String>, String, ComponentExportIndex, ComponentFunc);

fn exported(component: &Component, engine: &Engine) -> Result<Vec<Exported>, String> {
    let mut found: Vec<Exported> = Vec::new();
    let mut add = |within: Option<&(String, ComponentExportIndex)>, name: &str, ty| {
        // `[method]…` and the like: what belongs to a resource outlives no call.
        if name.starts_with('[') {
            return Ok(());
        }
        if found.len() == MOST_TOOLS {
            return Err(format!("the component exports more than {MOST_TOOLS} functions"));
        }
        if let Some(index) = component.get_export_index(within.map(|(_, index)| index), name) {
            found.push((within.map(|(name, _)| name.clone()), name.to_string(), index, ty));
        }
        Ok(())
    };
    let ty: types::Component = component.component_type();
    for (name, export) in ty.exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(ty) => add(None, name, ty)?,
            ComponentItem::ComponentInstance(instance) if !name.starts_with("wasi:") => {
                let Some(index) = component.get_export_index(None, name) else { continue };
                let within = (name[..name.floor_char_boundary(100)].to_string(), index);
                for (name, export) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = export.ty {
                        add(Some(&within), name, ty)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Functions of one name in two interfaces get the interface's name in front.
fn tell_apart(functions: &mut [Function]) -> Result<(), String> {
    let count = |functions: &[Function]| {
        let mut count: HashMap<String, usize> = HashMap::new();
        for function in functions {
            *count.entry(function.tool.clone()).or_default() += 1;
        }
        count
    };
    let names = count(functions);
    for function in functions.iter_mut().filter(|function| names[&function.tool] > 1) {
        if let Some(interface) = function.interface() {
            function.tool = format!("{interface}-{}", function.tool);
        }
    }
    let names = count(functions);
    let same = |function: &&Function| names[&function.tool] > 1 || function.tool.len() > MOST_NAME;
    match functions.iter().find(same) {
        Some(function) => Err(format!("two functions would be the tool `{}`", function.tool)),
        None => Ok(()),
    }
}

/// Whether `null` is a value of this type; it can be left out then.
fn nullable(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}
