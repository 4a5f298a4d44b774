//! Writing a tool: a project to start from in one of four languages, and its component built with
//! that language's own tools. A project carries the SDK it is written with; nothing of it is
//! fetched but what a compiler needs.

mod c;
mod javascript;
mod made;
mod packages;
mod program;
mod python;
mod rust;
mod template;
mod world;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use agent_core::component::check_name;
use guard::Work;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use template::start;

/// Where what is made between two builds of a project lies, in the folder of compilers.
const PROJECTS: &str = "projects";

/// The longest text of a project that is read here, in bytes.
const LONGEST: u64 = 16 << 20;

/// The file that makes a folder a tool's project.
pub const PROJECT: &str = "tool.toml";

/// What a tool is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Built by cargo for `wasm32-wasip2`.
    Rust,
    /// Built by componentize-py: CPython is part of the component.
    Python,
    /// Built by componentize-js: SpiderMonkey is part of the component.
    Javascript,
    /// Built by `zig cc`, or by the clang of a WASI SDK.
    C,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 4] = [Self::Rust, Self::Python, Self::Javascript, Self::C];

    /// As `--lang` and `tool.toml` name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Javascript => "javascript",
            Self::C => "c",
        }
    }

    /// The file of a project that a tool is written in.
    pub fn main(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::Python => "main.py",
            Self::Javascript => "main.js",
            Self::C => "main.c",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|language| language.name() == name);
        found.ok_or_else(|| "it is one of `rust`, `python`, `javascript`, `c`".to_string())
    }
}

/// A folder with a `tool.toml`.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where it is.
    pub folder: PathBuf,
    /// What the component is called.
    pub name: String,
    /// What it is written in.
    pub language: Language,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    name: String,
    language: Language,
}

impl Project {
    /// Reads the `tool.toml` of a folder.
    ///
    /// # Errors
    /// There is none, or it cannot be meant.
    pub fn open(folder: &Path) -> Result<Self, AuthorError> {
        let file = folder.join(PROJECT);
        let text = match guard::file::read_text(&file, LONGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(AuthorError::NoProject { folder: folder.to_path_buf() });
            }
            Err(error) => return Err(AuthorError::Disk { path: file, error }),
        };
        let read: Read = toml::from_str(&text).map_err(|error| AuthorError::Project {
            file: file.clone(),
            problem: error.message().to_string(),
        })?;
        named(&read.name)?;
        Ok(Self { folder: folder.to_path_buf(), name: read.name, language: read.language })
    }

    /// The package of the catalog that building needs, unless this machine has something as good.
    pub fn package(&self, kit: &Kit) -> Option<&'static str> {
        match self.language {
            Language::Python => python::package(kit),
            Language::C => c::package(kit),
            Language::Rust | Language::Javascript => None,
        }
    }

    /// Builds the component and puts it at `out`. `wheel` is the file of [`Project::package`].
    /// What the compiler prints goes to stderr as it comes. Blocks.
    ///
    /// # Errors
    /// A tool of the language is missing, or says what is wrong with the program.
    pub fn build(&self, kit: &Kit, wheel: Option<&Path>, out: &Path) -> Result<Built, AuthorError> {
        match self.language {
            Language::Rust => rust::build(self, kit, out),
            Language::Python => python::build(self, kit, wheel, out),
            Language::Javascript => javascript::build(self, kit, out),
            Language::C => c::build(self, kit, wheel, out),
        }
    }

    /// The file that the program begins in.
    fn main(&self, name: &str, hint: &'static str) -> Result<(), AuthorError> {
        let path = self.folder.join(name);
        if path.is_file() { Ok(()) } else { Err(AuthorError::NoFile { path, hint }) }
    }

    /// Its own files with this ending, in order.
    fn sources(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, AuthorError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(disk(folder))? {
            let path = entry.map_err(disk(folder))?.path();
            if path.extension().is_some_and(|end| end == ending) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// A path of it as the programs are told it, which do not run in it.
    fn absolute(&self, path: impl AsRef<Path>) -> Result<PathBuf, AuthorError> {
        absolute(&self.folder.join(path))
    }

    /// Where things are kept between two builds: outside of the project, which may hold links that lead
    /// elsewhere, and what looks as if it had been built.
    fn work(&self, kit: &Kit) -> Result<PathBuf, AuthorError> {
        let folder = self.folder.canonicalize().map_err(disk(&self.folder))?;
        let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let work = kit.folder.join(PROJECTS).join(format!("{}-{name}", self.name));
        guard::private::folder(&work).map_err(disk(&work))?;
        Ok(work)
    }
}

/// What projects are built with: a Python, and the compilers that no machine has of itself.
#[derive(Debug, Clone)]
pub struct Kit {
    /// Where compilers are kept, `ERRAND_HOME/toolchains`; it is made when there is something to keep.
    pub folder: PathBuf,
    /// A Python interpreter with pip.
    pub python: PathBuf,
}

impl Kit {
    /// What this version uses in the folder.
    pub fn used() -> [String; 5] {
        let [zig, projects] = ["zig-cache", PROJECTS].map(str::to_string);
        [c::toolchain(), zig, python::toolchain(), javascript::toolchain(), projects]
    }
}

impl Kit {
    /// A private folder for one program to run in.
    fn work(&self) -> Result<Work, AuthorError> {
        Work::new(&self.folder).map_err(disk(&self.folder))
    }
}

/// What a build came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// A new component was written.
    New,
    /// Nothing has changed since the last build.
    Unchanged,
}

/// A component's name: it stands before the dot in the names of its tools.
///
/// # Errors
/// It cannot be one.
pub fn named(name: &str) -> Result<(), AuthorError> {
    let problem = match check_name(name) {
        Ok(()) if !name.ends_with('-') => return Ok(()),
        Ok(()) => "ends with `-`",
        Err(problem) => problem,
    };
    Err(AuthorError::Name { name: name.to_string(), problem })
}

fn absolute(path: &Path) -> Result<PathBuf, AuthorError> {
    std::path::absolute(path).map_err(disk(path))
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> AuthorError + use<> {
    let path = path.to_path_buf();
    move |error| AuthorError::Disk { path, error }
}

/// A project cannot be begun or built.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// A bad name.
    #[error(
        "`{name}` cannot be the name of a tool: it {problem}\nhint: one that can is `word-count`"
    )]
    Name {
        /// What was asked for.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Something is there already.
    #[error("`{}` is not empty\nhint: name another folder: `errand tools new {name} --lang {language} FOLDER`", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// The tool.
        name: String,
        /// The language asked for.
        language: Language,
    },
    /// No project.
    #[error("there is no `tool.toml` in `{}`\nhint: `errand tools new NAME --lang rust` begins a project", folder.display())]
    NoProject {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The project file is wrong.
    #[error("`{}`: {problem}\nhint: it holds `name = \"…\"` and `language = \"rust\"`, `\"python\"`, `\"javascript\"` or `\"c\"`", file.display())]
    Project {
        /// The `tool.toml`.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file that the language needs is not there.
    #[error("`{}` is missing\nhint: {hint}", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
        /// What it is for.
        hint: &'static str,
    },
    /// A program is missing.
    #[error("`{program}` does not start: {reason}\nhint: {hint}")]
    Missing {
        /// Its name.
        program: String,
        /// Why.
        reason: String,
        /// How to get it.
        hint: &'static str,
    },
    /// A program failed; it has said why on stderr.
    #[error("{what}: {how}{}", hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
    Failed {
        /// What it was for.
        what: String,
        /// How it ended.
        how: String,
        /// What may help.
        hint: Option<&'static str>,
    },
    /// The module is none that can become a component.
    #[error("the module that was built cannot be made into a component: {problem}")]
    Module {
        /// Why.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("`{}`: {error}", path.display())]
    Disk {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl AuthorError {
    /// Whether what was asked for can be put right on the command line.
    pub fn is_usage(&self) -> bool {
        use AuthorError::{Name, NoFile, NoProject, Project, Taken};
        matches!(
            self,
            Name { .. } | Taken { .. } | NoProject { .. } | Project { .. } | NoFile { .. }
        )
    }
}
