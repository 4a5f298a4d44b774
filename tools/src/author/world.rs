//! The world `tool` as a project's SDK has it: narrowed to the imports that a program takes, and put
//! around a core module.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use guard::file;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{AuthorError, LONGEST, Project, disk};

/// The imports that a component has only if its program asks for them: each has to be granted.
pub(super) const OPTIONAL: [&str; 4] = ["files", "http", "kv", "tools"];

/// The world with the optional imports that the program takes, as its own `import` lines say, and
/// no others, in a folder of its own below `work`. What makes a component of a script keeps every
/// import of the world, used or not.
pub(super) fn narrowed(
    project: &Project,
    work: &Path,
    ending: &str,
    takes: impl Fn(&str, &str) -> bool,
) -> Result<PathBuf, AuthorError> {
    let mut imports = Vec::new();
    for path in Project::sources(&project.folder, ending)? {
        let program = file::read_text(&path, LONGEST).map_err(disk(&path))?;
        imports.extend(OPTIONAL.into_iter().filter(|name| takes(&program, name)));
    }
    let text = wit(project)?;
    let unwanted = |line: &&str| {
        let import = line.trim().strip_prefix("import ").and_then(|rest| rest.strip_suffix(';'));
        import.is_some_and(|name| OPTIONAL.contains(&name) && !imports.contains(&name))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !unwanted(line)).collect();
    let folder = std::path::absolute(work.join("wit")).map_err(disk(work))?;
    fs::create_dir_all(&folder).map_err(disk(&folder))?;
    fs::write(folder.join("tool.wit"), lines.join("\n")).map_err(disk(&folder))?;
    Ok(folder)
}

/// A component of a core module that speaks WASI 0.1; what the module does not import is left out.
pub(super) fn component(project: &Project, module: Vec<u8>) -> Result<Vec<u8>, AuthorError> {
    let wit = wit(project)?;
    encode(module, &wit).map_err(|error| AuthorError::Module { problem: format!("{error:#}") })
}

fn encode(mut module: Vec<u8>, wit: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("tool.wit", wit)?;
    let world = resolve.select_world(&[package], Some("tool"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let component = ComponentEncoder::default()
        .module(&module)?
        .validate(true)
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .encode()?;
    Ok(component)
}

fn wit(project: &Project) -> Result<String, AuthorError> {
    let path = project.folder.join("sdk/wit/tool.wit");
    file::read_text(&path, LONGEST).map_err(disk(&path))
}
