//! What a new project holds: the SDK of its language, and a small tool with its test to change.

use std::fs;
use std::path::{Path, PathBuf};

use super::{AuthorError, Language, PROJECT, Project, disk, named};

/// A file of a new project, and what is in it. `NAME` in the text becomes the tool's name.
type File = (&'static str, &'static str);

macro_rules! sdk {
    ($language:literal: $($path:literal),+ $(,)?) => {
        &[$((
            concat!("sdk/", $path),
            include_str!(concat!("../../sdk/", $language, "/", $path)),
        )),+]
    };
}

const RUST: &[File] = sdk!("rust":
    "Cargo.toml", "src/lib.rs", "src/declare.rs", "src/files.rs", "src/http.rs", "src/kv.rs",
    "src/log.rs", "src/progress.rs", "src/schema.rs", "src/wants.rs", "wit/tool.wit",
);
const PYTHON: &[File] = sdk!("python":
    "errand_sdk/__init__.py", "errand_sdk/declare.py", "errand_sdk/files.py",
    "errand_sdk/http.py", "errand_sdk/kv.py", "errand_sdk/log.py", "errand_sdk/progress.py",
    "errand_sdk/schema.py", "errand_sdk/tools.py", "errand_sdk/world.py", "wit/tool.wit",
);
const JAVASCRIPT: &[File] = sdk!("javascript":
    "errand.js", "files.js", "http.js", "kv.js", "log.js", "progress.js", "tools.js",
    "wit/tool.wit",
);
const C: &[File] = sdk!("c": "errand.h", "errand.c", "tool.h", "tool.c", "wit/tool.wit");

macro_rules! program {
    ($($to:literal: $from:literal),+ $(,)?) => {
        &[$(($to, include_str!(concat!("../../sdk/templates/", $from)))),+]
    };
}

const RUST_PROGRAM: &[File] = program!("Cargo.toml": "Cargo.toml", "src/lib.rs": "lib.rs");
const PYTHON_PROGRAM: &[File] = program!("main.py": "main.py");
const JAVASCRIPT_PROGRAM: &[File] = program!("main.js": "main.js", "package.json": "package.json");
const C_PROGRAM: &[File] = program!("main.c": "main.c");

const README: &str = include_str!("../../sdk/templates/README.md");
const TESTS: &str = include_str!("../../sdk/templates/test.jsonl");
const IGNORED: &str = "/build\n/target\n/*.wasm\n__pycache__\n";

/// Begins a project in a folder that is not there yet, or is empty.
///
/// # Errors
/// The name is none, something is there, or the disk does not want it.
pub fn start(name: &str, language: Language, folder: &Path) -> Result<Project, AuthorError> {
    named(name)?;
    let taken =
        || AuthorError::Taken { folder: folder.to_path_buf(), name: name.to_string(), language };
    let empty = fs::read_dir(folder).map(|mut entries| entries.next().is_none());
    if !empty.unwrap_or(!folder.exists()) {
        return Err(taken());
    }
    let (sdk, program) = match language {
        Language::Rust => (RUST, RUST_PROGRAM),
        Language::Python => (PYTHON, PYTHON_PROGRAM),
        Language::Javascript => (JAVASCRIPT, JAVASCRIPT_PROGRAM),
        Language::C => (C, C_PROGRAM),
    };
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for (path, text) in sdk.iter().chain(program) {
        // Of the SDK not a letter is changed.
        let text =
            if path.starts_with("sdk/") { (*text).to_string() } else { text.replace("NAME", name) };
        files.push((folder.join(path), text));
    }
    let readme = README.replace("NAME", name).replace("MAIN", language.main());
    files.push((folder.join("README.md"), readme));
    files.push((folder.join(format!("{name}.test.jsonl")), TESTS.to_string()));
    files.push((folder.join(".gitignore"), IGNORED.to_string()));
    // Last: with it, the folder is a project.
    files.push((folder.join(PROJECT), format!("name = \"{name}\"\nlanguage = \"{language}\"\n")));
    for (path, text) in files {
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(disk(above))?;
        }
        fs::write(&path, text).map_err(disk(&path))?;
    }
    Ok(Project { folder: folder.to_path_buf(), name: name.to_string(), language })
}
