//! The tools by their names. What a tool is allowed to do is the policy's business; this knows
//! only what there is.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use agent_core::search::Search;
use agent_core::tool::{Tool, ToolSpec};

pub use crate::web::FORMS;
use crate::{data, files, person, program, python, query, web};

/// What the built-in tools need to know of an agent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setup {
    /// The agent file's folder, absolute: relative paths start here.
    pub root: PathBuf,
    /// The folders and files that the agent may read, absolute.
    pub read: Vec<PathBuf>,
    /// What the agent's requests call themselves; robots.txt is read as for what comes before its
    /// first `/`.
    pub user_agent: String,
    /// Where `web.search` looks; `None` is what needs no key.
    pub search: Option<Search>,
    /// Whether there is a browser for pages that need one.
    pub browser: bool,
    /// The component made by [`python::Build`]; without it there is no `python`.
    pub python: Option<PathBuf>,
}

/// Where the tools of a family come from.
enum Family {
    /// Its file declares and makes them.
    Made(fn(&Setup) -> Vec<Arc<dyn Tool>>),
    /// They want something that is not in a [`Setup`], and are made where that is.
    Elsewhere(fn() -> Vec<ToolSpec>),
}

/// All built-in tools, in the order to show them. A tool of a family is declared in the family's file; a new family is
/// a file, its `mod` and a line here.
const FAMILIES: [Family; 7] = [
    Family::Made(files::tools),
    Family::Elsewhere(data::specs),
    Family::Made(web::tools),
    Family::Made(query::tools),
    Family::Made(person::tools),
    Family::Elsewhere(program::specs),
    Family::Elsewhere(python::specs),
];

/// Every built-in tool's specification, whether or not it is set up, in the order to show them.
pub fn known() -> &'static [ToolSpec] {
    static KNOWN: OnceLock<Vec<ToolSpec>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let nothing = Setup::default();
        let specs = |family: &Family| match family {
            Family::Made(tools) => {
                tools(&nothing).iter().map(|tool| ToolSpec::clone(tool.spec())).collect()
            }
            Family::Elsewhere(specs) => specs(),
        };
        FAMILIES.iter().flat_map(specs).collect()
    })
}

/// Tools by name.
#[derive(Clone, Default)]
pub struct Registry {
    tools: BTreeMap<String, Arc<dyn Tool>>,
}

impl Registry {
    /// The built-in tools.
    pub fn builtin(setup: &Setup) -> Self {
        let mut registry = Self::default();
        let made = FAMILIES.iter().filter_map(|family| match family {
            Family::Made(tools) => Some(tools(setup)),
            Family::Elsewhere(_) => None,
        });
        let python = setup.python.as_ref();
        let python = python.map(|component| python::tool(component.clone(), known()));
        for tool in made.flatten().chain(python) {
            registry.add(tool);
        }
        registry
    }

    /// Adds a tool; one of the same name is replaced and given back.
    pub fn add(&mut self, tool: Arc<dyn Tool>) -> Option<Arc<dyn Tool>> {
        self.tools.insert(tool.spec().name.clone(), tool)
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.get(name)
    }

    /// All tools, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.tools.values()
    }
}

/// The built-in tools of agents of one process that are set up the same.
#[derive(Default)]
pub struct Registries(Mutex<VecDeque<(Setup, Registry)>>);

/// Registries that are kept, those that were wanted last.
const MOST: usize = 64;

impl Registries {
    /// See [`Registry::builtin`].
    pub fn builtin(&self, setup: &Setup) -> Registry {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = kept().iter().find(|(known, _)| known == setup) {
            return known.clone();
        }
        let made = Registry::builtin(setup);
        let mut kept = kept();
        kept.truncate(MOST - 1);
        kept.push_front((setup.clone(), made.clone()));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_core::action::Capability;
    use agent_core::program::RUN;
    use serde_json::{Value, json};

    fn registry() -> Registry {
        Registry::builtin(&Setup {
            root: "/a".into(),
            read: vec!["/a/docs".into(), "/b".into()],
            python: Some("/p.wasm".into()),
            ..Setup::default()
        })
    }

    fn read(path: &str) -> Capability {
        Capability::Read(path.into())
    }

    fn check(tool: &str, arguments: Value, expected: Result<Vec<Capability>, &str>) {
        let registry = registry();
        let Some(tool) = registry.get(tool) else { panic!("{tool}") };
        assert_eq!(agent_core::schema::check(&tool.spec().input, &arguments), Ok(()));
        assert_eq!(tool.plan(&arguments), expected.map_err(str::to_string));
    }

    #[test]
    fn what_is_known_can_be_set_up() {
        let registry = registry();
        // Which programs there are is the agent file's to say, and vectors are the runtime's to make.
        let elsewhere = |name: &str| name == RUN || crate::data::NAMES.contains(&name);
        let known: Vec<&ToolSpec> = known().iter().filter(|spec| !elsewhere(&spec.name)).collect();
        assert_eq!(registry.iter().count(), known.len());
        for spec in known {
            assert_eq!(registry.get(&spec.name).map(|tool| &**tool.spec()), Some(spec));
        }
        assert!(Registry::builtin(&Setup::default()).get("python").is_none());
    }

    #[test]
    fn every_capability_is_named() {
        check("files.read", json!({"path": "docs/../x"}), Ok(vec![read("/a/x")]));
        check("files.read", json!({"path": "../../etc"}), Ok(vec![read("/etc")]));
        check("files.read", json!({"path": "a\0"}), Err("a path cannot hold a NUL byte"));
        check("files.list", json!({}), Ok(vec![read("/a/docs"), read("/b")]));
        check("files.search", json!({"query": "q"}), Ok(vec![read("/a/docs"), read("/b")]));
        check("files.search", json!({"query": "q", "path": "docs"}), Ok(vec![read("/a/docs")]));
        check(
            "files.write",
            json!({"path": "out/a", "content": ""}),
            Ok(vec![Capability::Write("/a/out/a".into())]),
        );
        let (at, to) = ("/a/out/a".into(), "/a/out/b".into());
        let change = json!({"path": "out/a", "old": "x", "new": "y"});
        check("files.edit", change, Ok(vec![read("/a/out/a"), Capability::Write(at)]));
        check(
            "files.move",
            json!({"path": "docs/../x", "to": "out/b"}),
            Ok(vec![read("/a/x"), Capability::Delete("/a/x".into()), Capability::Write(to)]),
        );
        check("files.delete", json!({"path": "x"}), Ok(vec![Capability::Delete("/a/x".into())]));
        check("data.tables", json!({}), Ok(vec![read("/a/docs"), read("/b")]));
        check(
            "data.query",
            json!({"path": "docs/a.csv", "sql": "SELECT 1"}),
            Ok(vec![read("/a/docs/a.csv")]),
        );
        check("ask.person", json!({"question": "Which?", "choices": ["a", "b"]}), Ok(vec![]));
        check("python", json!({"code": "1"}), Ok(vec![]));
    }

    #[test]
    fn without_a_grant_a_call_still_wants_something() {
        let registry = Registry::builtin(&Setup { root: "/a".into(), ..Setup::default() });
        let Some(tool) = registry.get("files.list") else { panic!() };
        assert_eq!(tool.plan(&json!({})), Ok(vec![read("/a")]));
    }
}
