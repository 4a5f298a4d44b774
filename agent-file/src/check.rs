//! From a file that has the right shape to an agent: everything that no schema can say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::agents::{self, Above, Lineage};
use super::disk::{self, Missing};
use super::mcp::Purpose;
use super::output::Decoding;
use super::problem::{Invalid, Place, Problem};
use super::report::Report;
use super::source::{LONGEST, Source, child};
use super::{
    AgentFile, LeftOut, McpTable, budget, component, grants, left_out, mcp, model, output,
    param_values, policies, schema_check, search, strategy, templates, tool_selection,
};
use agent_core::agent::Agent;
use agent_core::agreed::Agreed;
use agent_core::browser::BrowserConfig;
use agent_core::component::Pinned;
use agent_core::mcp::Server;
use agent_core::param::ParamSpec;
use agent_core::strategy::Strategies;
use agent_core::subagent::SubAgent;
use agent_core::tool::ToolSpec;

/// What an agent file is held against: what this build of Errand has, and the command line.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Every tool there is.
    pub tools: &'a [ToolSpec],
    /// Those among them that send forms ([`Grants::forms`](agent_core::permission::Grants::forms)).
    pub forms: &'a [&'a str],
    /// What it was built without.
    pub left_out: &'a [LeftOut],
    /// The strategies that `act` can name.
    pub strategies: &'a Strategies,
    /// The names in the catalog of local models.
    pub models: &'a [String],
    /// The catalog's model for a file that names none.
    pub default_model: &'a str,
    /// `--model`.
    pub model_override: Option<&'a str>,
    /// What the lock in this folder says; nothing where there is none. The error says what is wrong
    /// with the lock.
    pub locked: &'a (dyn Fn(&Path) -> Result<Agreed, String> + 'a),
    /// Whether a file of the user's own policies can be used; the error says what is wrong with it.
    pub policy_holds: &'a (dyn Fn(&str) -> Result<(), String> + 'a),
    /// Whether a local model can be held to a schema; the error names what it cannot hold.
    pub decoder_holds: &'a (dyn Fn(&Value) -> Result<(), String> + 'a),
}

/// The MCP servers of an agent file, to be looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Looked {
    /// The folder of the agent file.
    pub folder: PathBuf,
    /// By name.
    pub servers: BTreeMap<String, Server>,
    /// Those of its `mcpServers` file that are of no use, and why.
    pub broken: BTreeMap<String, String>,
    /// Those whose tools `[tools] use` names.
    pub used: BTreeSet<String>,
}

/// An agent file without a problem, perhaps without all that a run needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The agent. While parameters are waited for, `task` and `instructions` are not rendered.
    pub agent: Agent,
    /// Required parameters that were given no value.
    pub waiting: Vec<String>,
    /// Environment variables that the file names and that are not set.
    pub unset: Vec<String>,
    text: String,
    /// The parameters that the file declares.
    pub(super) params: BTreeMap<String, ParamSpec>,
    written: PathBuf,
    places: Vec<(String, Place)>,
}

impl Checked {
    /// Reads and checks an agent file, for `validate`: parameters may be missing, and so may what
    /// belongs to the machine rather than to the file, such as an environment variable.
    pub fn read(
        path: &Path,
        params: &[(String, String)],
        known: &Known<'_>,
    ) -> Result<Checked, Invalid> {
        Self::below(path, params, known, &Lineage::default())
    }

    /// Likewise, of an agent that others call.
    pub(super) fn below(
        path: &Path,
        params: &[(String, String)],
        known: &Known<'_>,
        lineage: &Lineage<'_>,
    ) -> Result<Checked, Invalid> {
        let bytes = disk::read(path, LONGEST).map_err(|missing| unreadable(path, missing))?;
        Self::text(path, &bytes, params, known, lineage)
    }

    /// Checks what an agent file at this path would be with these bytes.
    pub fn of(
        path: &Path,
        bytes: &[u8],
        params: &[(String, String)],
        known: &Known<'_>,
    ) -> Result<Checked, Invalid> {
        Self::text(path, bytes, params, known, &Lineage::default())
    }

    fn text(
        path: &Path,
        bytes: &[u8],
        params: &[(String, String)],
        known: &Known<'_>,
        lineage: &Lineage<'_>,
    ) -> Result<Checked, Invalid> {
        let (root, file) = disk::home(path).map_err(|error| {
            unreadable(path, Missing { message: disk::why(&error), hint: None })
        })?;
        let (text, source, mut problems) = Source::read(bytes);
        let Some(source) = source else {
            return Err(Invalid::new(path.to_path_buf(), text, problems));
        };
        let refused = left_out::refused(known, &source);
        if !refused.is_empty() {
            problems.extend(refused);
            return Err(Invalid::new(path.to_path_buf(), text, problems));
        }
        let schema = AgentFile::schema(Some(known.strategies));
        let fitting = schema_check::fit(&schema, &source, &mut problems);
        let mut report = Report { source: &source, problems };
        let mut declared = BTreeMap::new();
        let checked = match serde_json::from_value::<AgentFile>(fitting) {
            Ok(agent_file) => {
                declared = agent_file.params.clone();
                let shown = path.to_path_buf();
                Check { file: &agent_file, root, known, lineage, shown }.run(
                    file,
                    params,
                    &mut report,
                )
            }
            // The shape was checked against this very type, so this says something of ours.
            Err(error) => {
                report.key("", format!("the file does not have the right shape: {error}"));
                None
            }
        };
        match checked {
            Some((agent, waiting, unset)) if report.problems.is_empty() => {
                let place = |pointer: &str| source.value(pointer);
                let mut places = vec![("api_key".to_string(), place("/model/api_key"))];
                places.extend(agent.agents.iter().flat_map(|(name, sub)| {
                    let place = source.value(&format!("{}/file", child("/agents", name)));
                    sub.needs().into_iter().map(move |variable| (variable, place.clone()))
                }));
                places.extend(agent.mcp.iter().flat_map(|(name, server)| {
                    let place = source.value(&child("/mcp/servers", name));
                    server.needs().into_iter().map(move |variable| (variable, place.clone()))
                }));
                let names = agent.secrets.iter().enumerate();
                places.extend(names.map(|(at, name)| {
                    (name.clone(), place(&format!("/permissions/secrets/{at}")))
                }));
                let params =
                    waiting.iter().map(|name| (name.clone(), source.key(&child("/params", name))));
                places.extend(params);
                let (params, written) = (declared, path.to_path_buf());
                Ok(Checked { agent, waiting, unset, text, params, written, places })
            }
            _ => Err(Invalid::new(path.to_path_buf(), text, report.problems)),
        }
    }

    /// The MCP servers that an agent file names, pinned or not.
    pub fn servers(path: &Path) -> Result<Looked, Invalid> {
        let bytes = disk::read(path, LONGEST).map_err(|missing| unreadable(path, missing))?;
        let (root, _) = disk::home(path).map_err(|error| {
            unreadable(path, Missing { message: disk::why(&error), hint: None })
        })?;
        let (text, source, problems) = Source::read(&bytes);
        let Some(source) = source else {
            return Err(Invalid::new(path.to_path_buf(), text, problems));
        };
        let mut report = Report { source: &source, problems };
        let fitting = schema_check::fit(&AgentFile::schema(None), &source, &mut report.problems);
        let (table, using) = serde_json::from_value::<AgentFile>(fitting)
            .map(|file| (file.mcp, file.tools.using))
            .unwrap_or_default();
        let found = mcp::servers(&table, &root, Purpose::Look, &mut report);
        if !report.problems.is_empty() {
            return Err(Invalid::new(path.to_path_buf(), text, report.problems));
        }
        let names = found.servers.keys().chain(found.broken.keys());
        let used = names.filter(|name| mcp::is_used(&using, name)).cloned().collect();
        Ok(Looked { folder: root, servers: found.servers, broken: found.broken, used })
    }

    /// The agent, if a run can begin: every required parameter and every environment variable is
    /// there.
    pub fn ready(self) -> Result<Agent, Invalid> {
        let mut problems = Vec::new();
        for name in &self.waiting {
            let mut problem = Problem::new(
                self.place(name),
                format!("the parameter `{name}` was given no value"),
            );
            problem.hint(format!("add `-p {name}=…`, or `-p {name}=@FILE`"));
            problems.push(problem);
        }
        for name in &self.unset {
            let place = match self.places.iter().any(|(known, _)| known == name) {
                true => self.place(name),
                false => self.place("api_key"),
            };
            let mut problem =
                Problem::new(place, format!("the environment variable `{name}` is not set"));
            problem.hint(format!("set it where you start errand: `export {name}=…`"));
            problems.push(problem);
        }
        if problems.is_empty() {
            return Ok(self.agent);
        }
        Err(Invalid::new(self.written, self.text, problems))
    }

    /// The file, as it was read.
    pub fn contents(&self) -> &str {
        &self.text
    }

    /// The parameters that the file declares.
    pub fn params(&self) -> &BTreeMap<String, ParamSpec> {
        &self.params
    }

    fn place(&self, name: &str) -> Place {
        let place = self.places.iter().rev().find(|(known, _)| known == name);
        place.map_or(Place::File, |(_, place)| place.clone())
    }
}

fn unreadable(path: &Path, missing: Missing) -> Invalid {
    let mut problem = Problem::new(Place::File, missing.message.clone());
    problem.hint = missing.hint;
    if path.is_dir() {
        problem.hint(format!("did you mean `{}`?", path.join("agent.toml").display()));
    } else if missing.message == "no such file" {
        problem.hint(format!("`errand init {}` writes one to begin with", path.display()));
    }
    Invalid::new(path.to_path_buf(), String::new(), vec![problem])
}

struct Check<'a> {
    file: &'a AgentFile,
    root: PathBuf,
    known: &'a Known<'a>,
    lineage: &'a Lineage<'a>,
    /// The file's path as it was written.
    shown: PathBuf,
}

impl Check<'_> {
    fn run(
        &self,
        path: PathBuf,
        params: &[(String, String)],
        report: &mut Report<'_>,
    ) -> Option<(Agent, Vec<String>, Vec<String>)> {
        let file = self.file;
        self.name(report);
        param_values::declared(&file.params, report);
        let model =
            model::config(&file.model.clone().unwrap_or_default(), &self.root, self.known, report);
        let agreed = self.agreed(report);
        let named = component::named(&file.tools.component, &self.root, &agreed, report);
        let components: Vec<Pinned> = named.iter().map(|named| named.pinned.clone()).collect();
        let purpose = Purpose::Run { pins: &agreed.servers, using: &file.tools.using };
        let mcp = mcp::servers(&file.mcp, &self.root, purpose, report).servers;
        tool_selection::families(&components, &mcp, report);
        let using = tool_selection::tools(file, self.known, &components, &mcp, report);
        let named_strategy = strategy::named(file, self.known.strategies);
        let (mut grants, secrets) = grants::grants(file, &self.root, using, named_strategy, report);
        grants.rules = policies::beside(&self.root, self.known, report);
        let search = search::search(file.search.as_ref(), &grants, &secrets, report);
        let browser = self.browser(report);
        grants.scopes = component::scopes(&named, &grants, &secrets, report);
        let served = mcp.iter().flat_map(|(name, server)| server.specs(name));
        grants.acting = served.filter(|spec| spec.effect.changes()).map(|spec| spec.name).collect();
        let forms = self.known.forms.iter().map(|form| form.to_string());
        grants.forms = forms.filter(|form| grants.tools.contains(form)).collect();
        let reading = mcp.iter().filter(|(_, server)| server.reads_beyond(&grants.write));
        grants.reading = reading.map(|(name, _)| name.clone()).collect();
        let budget = budget::budget(file, &model, report);
        let decoding = match model.provider.capabilities().constrained {
            true => Decoding::Constrained,
            false => Decoding::Free,
        };
        let output = output::schema(&file.output, &self.root, decoding, self.known, report);
        let templates = templates::templates(file, report);
        let table = &file.permissions;
        let written = [table.read.len(), table.write.len(), table.net.len()];
        let whole = written == [grants.read.len(), grants.write.len(), grants.net.len()];
        let mine = Above {
            whole,
            components: &components,
            mcp: &mcp,
            file: &self.shown,
            grants: &grants,
            secrets: &secrets,
            budget,
            browser: browser.as_ref(),
        };
        self.lineage.refuse_wider(file, &mine, &model, report);
        let agents = agents::read(&file.agents, &path, &mine, self.known, self.lineage, report);
        strategy::check(file, self.known.strategies, &grants, &agents, report);
        let (values, waiting) = param_values::values(&file.params, params, report);
        let (task, instructions) = match templates {
            Some([task, instructions])
                if waiting.is_empty() && report.problems.is_empty() && self.lineage.is_empty() =>
            {
                (
                    templates::rendered("/task", &task, &values, report)?,
                    templates::rendered("/instructions", &instructions, &values, report)?,
                )
            }
            _ => (file.task.clone(), file.instructions.clone()),
        };
        let named = model.api_key.iter().map(|key| key.variable().to_string());
        let below = agents.values().flat_map(SubAgent::needs);
        let below = below.chain(mcp.values().flat_map(Server::needs));
        let mut unset: Vec<String> = named
            .chain(secrets.iter().cloned())
            .chain(below)
            .filter(|name| !disk::is_set(name))
            .collect();
        unset.dedup();
        let agent = Agent {
            name: file.name.clone(),
            description: file.description.clone(),
            instructions,
            task,
            act: file.act.clone(),
            settings: strategy::settings(file, named_strategy),
            params: values,
            model,
            tools: grants.tools.clone(),
            components,
            grants,
            secrets,
            budget,
            output,
            root: self.root.clone(),
            file: path,
            agents,
            mcp,
            search,
            browser,
            above: self.lineage.grants(),
            linked: BTreeMap::new(),
        };
        Some((agent, waiting, unset))
    }

    fn browser(&self, report: &mut Report<'_>) -> Option<BrowserConfig> {
        let program = self.file.browser.as_ref()?.program.clone();
        if program.as_ref().is_some_and(|program| program.is_empty() || program.contains('\0')) {
            report
                .value("/browser/program", "this is the name of no program")
                .hint("name one, as in `program = \"chromium\"`, or leave it out");
        }
        Some(BrowserConfig { program })
    }

    fn name(&self, report: &mut Report<'_>) {
        let name = &self.file.name;
        let odd = |c: &char| !(c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-'));
        if let Some(odd) = name.chars().find(odd) {
            let message = format!("a name cannot hold `{}`", odd.escape_debug());
            report.value("/name", message).hint("use letters, digits, spaces, `.`, `_` and `-`");
        } else if name.starts_with(|c: char| !c.is_alphanumeric()) {
            report.value(
                "/name",
                format!("a name begins with a letter or a digit, not like `{name}`"),
            );
        }
    }

    /// What the user agreed to.
    fn agreed(&self, report: &mut Report<'_>) -> Agreed {
        let file = self.file;
        if file.tools.component.is_empty() && file.mcp == McpTable::default() {
            return Agreed::default();
        }
        (self.known.locked)(&self.root).unwrap_or_else(|reason| {
            let (key, hint) = match file.tools.component.is_empty() {
                false => (
                    "/tools/component",
                    "`errand tools add` and `errand tools update` write the lock",
                ),
                true => ("/mcp", "`errand mcp pin` writes the lock"),
            };
            report.key(key, reason).hint(hint);
            Agreed::default()
        })
    }
}
