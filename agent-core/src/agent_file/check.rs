//! From a file that has the right shape to an agent: everything that no schema can say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::agents::{self, Above, Lineage};
use super::ground::{self, Missing, Wanted};
use super::output::Decoding;
use super::problem::{Invalid, Place, Problem, shortened};
use super::report::Report;
use super::source::{LONGEST, Source, child};
use super::{
    AgentFile, BudgetTable, McpTable, OutputTable, ResearchTable, component, duration, given, mcp,
    model, nearest, output, search, shape,
};
use crate::act::research;
use crate::agent::{Act, Agent, Budget, ModelConfig, Provider, is_variable};
use crate::browser::BrowserConfig;
use crate::component::{Locked, Pinned};
use crate::delegate::SubAgent;
use crate::mcp::Server;
use crate::param::ParamSpec;
use crate::permission::{Grants, NetRule};
use crate::template::{Template, TemplateError};
use crate::tool::ToolSpec;

/// What an agent file is held against: what this build of Errand has, and the command line.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Every tool there is.
    pub tools: &'a [ToolSpec],
    /// The names in the catalog of local models.
    pub models: &'a [String],
    /// The catalog's model for a file that names none.
    pub default_model: &'a str,
    /// `--model`.
    pub model_override: Option<&'a str>,
    /// What the lock in this folder says; nothing where there is none. The error says what is wrong
    /// with the lock.
    pub locked: &'a (dyn Fn(&Path) -> Result<Agreed, String> + 'a),
    /// Whether a local model can be held to a schema; the error names what it cannot hold.
    pub decoder_holds: &'a (dyn Fn(&Value) -> Result<(), String> + 'a),
}

/// What a lock says that somebody looked at and agreed to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreed {
    /// Components, by name.
    pub components: BTreeMap<String, Locked>,
    /// MCP servers, by name.
    pub servers: BTreeMap<String, crate::mcp::Pinned>,
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
        let bytes = ground::read(path, LONGEST).map_err(|missing| unreadable(path, missing))?;
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
        let (root, file) = ground::home(path).map_err(|error| {
            unreadable(path, Missing { message: ground::why(&error), hint: None })
        })?;
        let (text, source, mut problems) = Source::read(bytes);
        let Some(source) = source else {
            return Err(Invalid::new(path.to_path_buf(), text, problems));
        };
        let schema = AgentFile::schema();
        let fitting = shape::fit(&schema, &source, &mut problems);
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

    /// The MCP servers that an agent file names, pinned or not, and the folder it is in.
    pub fn servers(path: &Path) -> Result<(PathBuf, BTreeMap<String, Server>), Invalid> {
        let bytes = ground::read(path, LONGEST).map_err(|missing| unreadable(path, missing))?;
        let (root, _) = ground::home(path).map_err(|error| {
            unreadable(path, Missing { message: ground::why(&error), hint: None })
        })?;
        let (text, source, problems) = Source::read(&bytes);
        let Some(source) = source else {
            return Err(Invalid::new(path.to_path_buf(), text, problems));
        };
        let mut report = Report { source: &source, problems };
        let fitting = shape::fit(&AgentFile::schema(), &source, &mut report.problems);
        let table = serde_json::from_value::<AgentFile>(fitting).map(|file| file.mcp);
        let servers = mcp::servers(&table.unwrap_or_default(), &root, None, &mut report);
        match report.problems.is_empty() {
            true => Ok((root, servers)),
            false => Err(Invalid::new(path.to_path_buf(), text, report.problems)),
        }
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
        given::declared(&file.params, report);
        let model =
            model::config(&file.model.clone().unwrap_or_default(), &self.root, self.known, report);
        let agreed = self.agreed(report);
        let named = component::named(&file.tools.component, &self.root, &agreed, report);
        let components: Vec<Pinned> = named.iter().map(|named| named.pinned.clone()).collect();
        let mcp = mcp::servers(&file.mcp, &self.root, Some(&agreed.servers), report);
        self.families(&components, &mcp, report);
        let using = self.tools(&components, &mcp, report);
        let (mut grants, secrets) = self.grants(using, report);
        let search = search::search(file.search.as_ref(), &grants, &secrets, report);
        let browser = self.browser(report);
        grants.scopes = component::scopes(&named, &grants, &secrets, report);
        let served = mcp.iter().flat_map(|(name, server)| server.specs(name));
        grants.acting = served.filter(|spec| spec.effect.changes()).map(|spec| spec.name).collect();
        let budget = self.budget(&model, report);
        let decoding = match model.provider {
            Provider::Onnx => Decoding::Constrained,
            _ => Decoding::Free,
        };
        let output = output::schema(&file.output, &self.root, decoding, self.known, report);
        let templates = self.templates(report);
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
        self.research(&grants, &agents, report);
        let (values, waiting) = given::values(&file.params, params, report);
        let (task, instructions) = match templates {
            Some([task, instructions])
                if waiting.is_empty() && report.problems.is_empty() && self.lineage.is_empty() =>
            {
                (
                    rendered("/task", &task, &values, report)?,
                    rendered("/instructions", &instructions, &values, report)?,
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
            .filter(|name| !ground::is_set(name))
            .collect();
        unset.dedup();
        let agent = Agent {
            name: file.name.clone(),
            description: file.description.clone(),
            instructions,
            task,
            act: file.act,
            research: file.research.extent(),
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

    /// What somebody agreed to.
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

    /// A component and a server that are called alike would be one family of tools.
    fn families(
        &self,
        components: &[Pinned],
        mcp: &BTreeMap<String, Server>,
        report: &mut Report<'_>,
    ) {
        for name in components.iter().map(|pinned| &pinned.name).filter(|n| mcp.contains_key(*n)) {
            report
                .key("/mcp/servers", format!("a component and a server are both called `{name}`"))
                .hint("give one of them another name");
        }
    }

    /// The names of the tools in use, each of them known; `weather.*` is all of that family.
    fn tools(
        &self,
        components: &[Pinned],
        mcp: &BTreeMap<String, Server>,
        report: &mut Report<'_>,
    ) -> Vec<String> {
        let file = &self.file.tools;
        let own = self.known.tools.iter().map(|tool| tool.name.clone());
        let brought = components.iter().flat_map(Pinned::specs);
        let served = mcp.iter().flat_map(|(name, server)| server.specs(name));
        let agents = self.file.agents.keys().map(|name| SubAgent::tool(name));
        let known: Vec<String> =
            own.chain(brought.chain(served).map(|spec| spec.name)).chain(agents.clone()).collect();
        // What a component or a server with a problem brings cannot be known.
        let unclear = |name: &str| {
            let family = name.split('.').next().unwrap_or_default();
            (components.len() < file.component.len() && self.may_be_brought(family))
                || (self.file.mcp.names(family) && !mcp.contains_key(family))
        };
        let mut using: Vec<String> = Vec::new();
        for (at, name) in file.using.iter().enumerate() {
            let pointer = format!("/tools/use/{at}");
            let meant: Vec<&String> = match name.strip_suffix('*') {
                Some(family) if family.ends_with('.') => {
                    known.iter().filter(|known| known.starts_with(family)).collect()
                }
                _ => known.iter().filter(|known| *known == name).collect(),
            };
            if meant.is_empty() && !unclear(name) {
                let message = format!("unknown tool `{}`", shortened(name));
                let hint = nearest::hint(name, known.iter().map(String::as_str));
                report.value(&pointer, message).hint(hint);
            } else if let Some(twice) = meant.iter().find(|name| using.contains(name)) {
                report.value(&pointer, format!("`{twice}` is listed twice")).hint("remove one");
            } else {
                using.extend(meant.into_iter().cloned());
            }
        }
        if self.file.act == Some(Act::Code) && !using.iter().any(|name| name == "python") {
            report
                .value("/act", "to act by code the agent needs the tool `python`")
                .hint("add `python` to `[tools] use`");
        }
        for tool in agents {
            if !using.contains(&tool) {
                using.push(tool);
            }
        }
        using
    }

    /// Whether this is no family of tools that there is: then it may be a component's.
    fn may_be_brought(&self, family: &str) -> bool {
        let known = |tool: &ToolSpec| tool.name.split('.').next() == Some(family);
        !self.known.tools.iter().any(known)
    }

    fn grants(&self, using: Vec<String>, report: &mut Report<'_>) -> (Grants, Vec<String>) {
        let table = &self.file.permissions;
        let mut grants = Grants { root: self.root.clone(), tools: using, ..Grants::default() };
        for (at, written) in table.read.iter().enumerate() {
            match ground::existing(&self.root, written, Wanted::Any) {
                Ok(path) => grants.read.push(path),
                Err(missing) => refuse_path(report, "read", at, missing),
            }
        }
        for (at, written) in table.write.iter().enumerate() {
            match ground::creatable(&self.root, written) {
                Ok(path) => grants.write.push(path),
                Err(missing) => refuse_path(report, "write", at, missing),
            }
        }
        for (at, written) in table.net.iter().enumerate() {
            match written.parse::<NetRule>() {
                Ok(rule) => grants.net.push(rule),
                Err(error) => {
                    let message = format!("`{}` {}", shortened(written), error.problem);
                    report.value(&format!("/permissions/net/{at}"), message).hint(error.hint);
                }
            }
        }
        for (at, name) in table.ask.iter().enumerate() {
            if name == research::PLAN && self.file.act == Some(Act::Research) {
                grants.ask.push(name.clone());
                continue;
            }
            let family = name.strip_suffix('*').filter(|family| family.ends_with('.'));
            let meant = |tool: &&String| match family {
                Some(family) => tool.starts_with(family),
                None => *tool == name,
            };
            let asked: Vec<String> = grants.tools.iter().filter(meant).cloned().collect();
            // A name in `use` that could not be made out has been reported.
            if asked.is_empty() && !self.file.tools.using.contains(name) {
                let message = format!("`{}` is not among the agent's tools", shortened(name));
                let hint = nearest::hint(name, grants.tools.iter().map(String::as_str));
                report.value(&format!("/permissions/ask/{at}"), message).hint(hint);
            }
            grants.ask.extend(asked);
        }
        if !table.secrets.iter().all(|name| is_variable(name)) {
            // What was written may be the secret itself: it is neither repeated nor shown.
            let message = "an entry of `secrets` must be the name of an environment variable";
            report
                .key("/permissions/secrets", message)
                .hint("letters, digits and `_`, such as `API_KEY`, without `$`");
        }
        (grants, table.secrets.clone())
    }

    /// Whether a research has what it needs.
    fn research(
        &self,
        grants: &Grants,
        agents: &BTreeMap<String, SubAgent>,
        report: &mut Report<'_>,
    ) {
        let file = self.file;
        match file.act {
            Some(Act::Research) => {
                let reads = |sub: &SubAgent| {
                    sub.agent.act == Some(Act::Read) && sub.params.contains_key("question")
                };
                // An agent that could not be read was reported.
                if agents.len() == file.agents.len() && !agents.values().any(reads) {
                    report
                        .value("/act", "to research, the agent needs one that reads")
                        .hint("name one under `[agents]` whose file has `act = \"read\"` and a parameter `question`");
                }
            }
            Some(Act::Read) => {
                for tool in [research::SEARCH, research::PAGE] {
                    if !grants.tools.iter().any(|name| name == tool) {
                        report
                            .value("/act", format!("to read, the agent needs the tool `{tool}`"))
                            .hint(format!("add `{tool}` to `[tools] use`"));
                    }
                }
            }
            _ => {
                if file.research != ResearchTable::default() {
                    report
                        .key("/research", "`[research]` is for agents that research or read")
                        .hint("remove it, or set `act` to \"research\" or \"read\"");
                }
                return;
            }
        }
        if file.output != OutputTable::default() {
            report
                .key("/output", "what a research comes to has a form of its own")
                .hint("remove `[output]`; `errand report schema` prints the form");
        }
    }

    fn budget(&self, model: &ModelConfig, report: &mut Report<'_>) -> Budget {
        let budget = limits("/budget", &self.file.budget, Budget::default(), report);
        let cost_usd = budget.cost_usd;
        // A price or a provider that is written but wrong has been reported.
        let table = self.file.model.as_ref();
        let wrong = |key, read: bool| !read && report.source.value["model"].get(key).is_some();
        let unclear = wrong("price", table.is_some_and(|table| table.price.is_some()))
            || wrong("provider", table.is_some_and(|table| table.provider.is_some()));
        if cost_usd.is_some() && model.price.is_none() && !unclear {
            let message = format!("`cost_usd` cannot be kept: `{}` has no price", model.name);
            let other = table.is_some_and(|table| table.price.is_some());
            report.key("/budget/cost_usd", message).hint(match model.provider {
                _ if other => "the price in the file is for another model than `--model` names",
                Provider::Openai => {
                    "add `price = { input = …, output = … }` to `[model]`, in USD per million tokens"
                }
                Provider::Onnx | Provider::Scripted => {
                    "this model costs nothing: remove `cost_usd`, or give `[model]` a `price`"
                }
            });
        }
        budget
    }

    /// The templates, in the order task and instructions, if both can be rendered.
    fn templates(&self, report: &mut Report<'_>) -> Option<[Template<'_>; 2]> {
        // Also a parameter that was declared wrongly is declared.
        let declared = report.source.value.get("params").and_then(Value::as_object);
        let declared: Vec<String> = declared.into_iter().flat_map(Map::keys).cloned().collect();
        let mut read = |pointer: &str, source| match Template::parse(source) {
            Ok(template) => {
                for variable in
                    template.variables().filter(|name| !declared.iter().any(|d| d == name))
                {
                    let message = format!("the template uses `{variable}`, which is no parameter");
                    let problem = match template.place(variable) {
                        Some(part) => report.part(pointer, part, message),
                        None => report.value(pointer, message),
                    };
                    let near = nearest::nearest(variable, declared.iter().map(String::as_str));
                    problem.hint(match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            format!("declare it: `[params.{variable}]` with `type = \"string\"`")
                        }
                    });
                }
                for fault in template.faults() {
                    fault_at(pointer, fault.clone(), report);
                }
                Some(template)
            }
            Err(error) => {
                fault_at(pointer, error, report);
                None
            }
        };
        let task = read("/task", &self.file.task);
        let instructions = read("/instructions", &self.file.instructions);
        Some([task?, instructions?])
    }
}

/// A budget's table; what it leaves out is as in `otherwise`.
pub(super) fn limits(
    pointer: &str,
    table: &BudgetTable,
    otherwise: Budget,
    report: &mut Report<'_>,
) -> Budget {
    let BudgetTable { steps, tokens, time, cost_usd } = table;
    let mut budget = Budget {
        steps: steps.unwrap_or(otherwise.steps),
        tokens: tokens.unwrap_or(otherwise.tokens),
        time: otherwise.time,
        cost_usd: cost_usd.or(otherwise.cost_usd),
    };
    if let Some(text) = time {
        match duration::read(text) {
            Ok(time) => budget.time = time,
            Err(wanted) => {
                let message = format!("`time` must be {wanted}, not `{}`", shortened(text));
                report.value(&format!("{pointer}/time"), message);
            }
        }
    }
    budget
}

fn refuse_path(report: &mut Report<'_>, key: &str, at: usize, missing: Missing) {
    report.value(&format!("/permissions/{key}/{at}"), missing.message).hint = missing.hint;
}

fn rendered(
    pointer: &str,
    template: &Template<'_>,
    values: &Map<String, Value>,
    report: &mut Report<'_>,
) -> Option<String> {
    match template.render(values) {
        Ok(text) if pointer == "/task" && text.trim().is_empty() => {
            report.value(pointer, "with these parameters the task is empty");
            None
        }
        Ok(text) => Some(text),
        Err(error) => {
            fault_at(pointer, error, report);
            None
        }
    }
}

fn fault_at(pointer: &str, error: TemplateError, report: &mut Report<'_>) {
    let problem = match error.range {
        Some(part) => report.part(pointer, part, error.message),
        None => report.value(pointer, error.message),
    };
    problem.hint = error.hint;
}
