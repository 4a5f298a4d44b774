//! One capability as Cedar sees it: principal, action, resource and context. Refuses what has no
//! safe spelling: paths that are not absolute, not normal or not text, URLs without a host.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Component, Path};

use agent_core::action::Capability;
use agent_core::address::Reach;
use agent_core::mcp::Network;
use agent_core::permission::{Grants, WEB_PORTS, is_localhost};
use cedar_policy::{
    Context, Entity, EntityId, EntityTypeName, EntityUid, ParseErrors, RestrictedExpression,
};
use url::{Host, Url};

/// The schema's entity types and actions, parsed once.
pub(crate) struct Words {
    agent: EntityTypeName,
    tool: EntityTypeName,
    file: EntityTypeName,
    endpoint: EntityTypeName,
    zone: EntityTypeName,
    program: EntityTypeName,
    action: EntityTypeName,
}

impl Words {
    pub(crate) fn new() -> Result<Self, Box<ParseErrors>> {
        Ok(Self {
            agent: "Agent".parse()?,
            tool: "Tool".parse()?,
            file: "File".parse()?,
            endpoint: "Endpoint".parse()?,
            zone: "Zone".parse()?,
            program: "Program".parse()?,
            action: "Action".parse()?,
        })
    }

    pub(crate) fn agent(&self) -> EntityUid {
        uid(&self.agent, "this")
    }

    pub(crate) fn tool(&self, name: &str) -> EntityUid {
        uid(&self.tool, name)
    }

    pub(crate) fn file(&self, path: &str) -> EntityUid {
        uid(&self.file, path)
    }

    pub(crate) fn endpoint(&self, authority: &str) -> EntityUid {
        uid(&self.endpoint, authority)
    }

    pub(crate) fn zone(&self, name: &str) -> EntityUid {
        uid(&self.zone, name)
    }

    pub(crate) fn program(&self, name: &str) -> EntityUid {
        uid(&self.program, name)
    }

    pub(crate) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// What the model has read so far, as far as the rules care.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Taint {
    pub(crate) untrusted: bool,
    pub(crate) foreign: bool,
    pub(crate) private: bool,
}

/// What is asked of Cedar about one capability.
pub(crate) struct Question {
    pub(crate) action: EntityUid,
    /// The resource, with what it is in. `None`: the agent itself.
    pub(crate) resource: Option<Entity>,
    pub(crate) context: Vec<(String, RestrictedExpression)>,
    /// What a verdict may say of it.
    pub(crate) shown: Shown,
}

/// How a verdict speaks of one capability.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) resource: String,
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) reach: &'static str,
    /// The template that would have permitted it.
    pub(crate) template: &'static str,
}

/// An action that wants nothing from the host.
pub(crate) fn call(words: &Words) -> Question {
    let shown = Shown::default();
    Question { action: words.action("call"), resource: None, context: Vec::new(), shown }
}

/// An action that wants this. The error is the reason of a denial.
pub(crate) fn want(
    words: &Words,
    grants: &Grants,
    capability: &Capability,
) -> Result<Question, String> {
    let root = &grants.root;
    match capability {
        Capability::Read(path) => file(words, root, path, "read", "grants.read"),
        Capability::Write(path) => file(words, root, path, "write", "grants.write"),
        Capability::Delete(path) => file(words, root, path, "delete", "grants.delete"),
        Capability::Fetch { method, url } => fetch(words, method, url),
        Capability::Run { program, arguments } => Ok(run(words, grants, program, arguments)),
    }
}

fn run(words: &Words, grants: &Grants, program: &str, arguments: &[String]) -> Question {
    let granted = grants.programs.as_ref();
    let covered = granted.is_some_and(|programs| programs.cover(program, arguments));
    let network = granted.is_some_and(|programs| programs.network == Network::Open);
    let flags = [("covered", covered), ("network", network)];
    let context = flags.map(|(flag, set)| (flag.to_string(), RestrictedExpression::new_bool(set)));
    let shown = Shown { resource: program.to_string(), template: "grants.run", ..Shown::default() };
    Question {
        action: words.action("run"),
        resource: Some(Entity::new_no_attrs(words.program(program), HashSet::new())),
        context: context.into(),
        shown,
    }
}

fn file(
    words: &Words,
    root: &Path,
    path: &Path,
    action: &'static str,
    template: &'static str,
) -> Result<Question, String> {
    let id = file_id(path).ok_or_else(|| {
        let path = crate::reason::quotable(&path.to_string_lossy());
        format!("`{path}` is not a plain path: it must be absolute text without `..`")
    })?;
    let above: HashSet<EntityUid> = above(&id).map(|folder| words.file(folder)).collect();
    let shown =
        Shown { resource: agent_core::path::display(root, path), template, ..Shown::default() };
    Ok(Question {
        action: words.action(action),
        resource: Some(Entity::new_no_attrs(words.file(&id), above)),
        context: Vec::new(),
        shown,
    })
}

/// A path as an entity's id: absolute, one separator between names, none at the end.
pub(crate) fn file_id(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    if !path.is_absolute() || text.contains('\0') {
        return None;
    }
    let mut id = String::with_capacity(text.len());
    for part in path.components() {
        match part {
            Component::RootDir => {}
            Component::Normal(name) => {
                id.push('/');
                id.push_str(name.to_str()?);
            }
            _ => return None,
        }
    }
    if id.is_empty() {
        id.push('/');
    }
    Some(id)
}

/// The folders above a path that [`file_id`] made, the root last.
fn above(id: &str) -> impl Iterator<Item = &str> {
    let mut rest = id;
    std::iter::from_fn(move || {
        let cut = rest.rfind('/')?;
        if rest == "/" {
            return None;
        }
        rest = if cut == 0 { "/" } else { &rest[..cut] };
        Some(rest)
    })
}

fn fetch(words: &Words, method: &str, url: &Url) -> Result<Question, String> {
    let scheme = url.scheme();
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        let shown = crate::reason::quotable(url.as_str());
        return Err(format!("`{shown}` names no host: only `http:` and `https:` URLs are fetched"));
    };
    let (name, reach) = match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let reach = if is_localhost(&name) { Reach::Loopback } else { Reach::Public };
            (name, reach)
        }
        Host::Ipv4(address) => (address.to_string(), Reach::of(IpAddr::V4(address))),
        Host::Ipv6(address) => (format!("[{address}]"), Reach::of(IpAddr::V6(address))),
    };
    let is_name = matches!(host, Host::Domain(_));
    let mut zones = HashSet::new();
    if is_name {
        let below = name.match_indices('.').map(|(dot, _)| &name[dot..]);
        zones.extend(below.map(|tail| words.zone(&format!("*{tail}:{port}"))));
    }
    if reach == Reach::Public && WEB_PORTS.contains(&port) {
        zones.insert(words.zone("public"));
    }
    let authority = format!("{name}:{port}");
    let attributes = HashMap::from([(
        "reach".to_string(),
        RestrictedExpression::new_string(reach.as_str().to_string()),
    )]);
    let resource = Entity::new(words.endpoint(&authority), attributes, zones)
        .map_err(|error| error.to_string())?;
    let method = method.to_ascii_uppercase();
    let userinfo = !url.username().is_empty() || url.password().is_some();
    let context = vec![
        ("method".to_string(), RestrictedExpression::new_string(method.clone())),
        ("scheme".to_string(), RestrictedExpression::new_string(scheme.to_string())),
        ("userinfo".to_string(), RestrictedExpression::new_bool(userinfo)),
    ];
    let shown = Shown {
        resource: if WEB_PORTS.contains(&port) { name } else { authority },
        method,
        scheme: scheme.to_string(),
        reach: reach.as_str(),
        template: "grants.endpoint",
    };
    Ok(Question { action: words.action("fetch"), resource: Some(resource), context, shown })
}

impl Taint {
    /// As the schema's record, in a context.
    pub(crate) fn context(
        self,
        mut pairs: Vec<(String, RestrictedExpression)>,
    ) -> Result<Context, String> {
        let record = RestrictedExpression::new_record([
            ("untrusted".to_string(), RestrictedExpression::new_bool(self.untrusted)),
            ("foreign".to_string(), RestrictedExpression::new_bool(self.foreign)),
            ("private".to_string(), RestrictedExpression::new_bool(self.private)),
        ])
        .map_err(|error| error.to_string())?;
        pairs.push(("taint".to_string(), record));
        Context::from_pairs(pairs).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_ids_and_their_folders() {
        let id = |path: &str| file_id(Path::new(path));
        assert_eq!(id("/a//b/./c/").as_deref(), Some("/a/b/c"));
        assert_eq!(id("/").as_deref(), Some("/"));
        assert_eq!(id("a"), None);
        assert_eq!(id("/a/../b"), None);
        assert_eq!(id("/a\0b"), None);
        assert_eq!(above("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
        assert_eq!(above("/").count(), 0);
    }
}
