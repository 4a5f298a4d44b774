//! From a file that has the right shape to an agent: everything that no schema can say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::ground::{self, Missing, Wanted};
use super::output::Decoding;
use super::problem::{Invalid, Place, Problem, shortened};
use super::report::Report;
use super::source::{LONGEST, Source, child};
use super::{AgentFile, BudgetTable, component, duration, given, model, nearest, output, shape};
use crate::agent::{Act, Agent, Budget, ModelConfig, Provider, is_variable};
use crate::component::{Locked, Pinned};
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
    /// What the lock in this folder says of each component, by name; empty where there is none. The
    /// error says what is wrong with the lock.
    pub locked: &'a (dyn Fn(&Path) -> Result<Entries, String> + 'a),
    /// Whether a local model can be held to a schema; the error names what it cannot hold.
    pub decoder_holds: &'a (dyn Fn(&Value) -> Result<(), String> + 'a),
}

/// What a lock says of each component, by name.
pub(crate) type Entries = BTreeMap<String, Locked>;

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
        let bytes = ground::read(path, LONGEST).map_err(|missing| unreadable(path, missing))?;
        Self::of(path, &bytes, params, known)
    }

    /// Checks what an agent file at this path would be with these bytes.
    pub fn of(
        path: &Path,
        bytes: &[u8],
        params: &[(String, String)],
        known: &Known<'_>,
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
        let checked = match serde_json::from_value::<AgentFile>(fitting) {
            Ok(agent_file) => {
                Check { file: &agent_file, root, known }.run(file, params, &mut report)
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
                let names = agent.secrets.iter().enumerate();
                places.extend(names.map(|(at, name)| {
                    (name.clone(), place(&format!("/permissions/secrets/{at}")))
                }));
                let params =
                    waiting.iter().map(|name| (name.clone(), source.key(&child("/params", name))));
                places.extend(params);
                Ok(Checked { agent, waiting, unset, text, written: path.to_path_buf(), places })
            }
            _ => Err(Invalid::new(path.to_path_buf(), text, report.problems)),
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
            let place = match self.agent.secrets.contains(name) {
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
        let named = component::named(&file.tools.component, &self.root, self.known, report);
        let components: Vec<Pinned> = named.iter().map(|named| named.pinned.clone()).collect();
        let using = self.tools(&components, report);
        let (mut grants, secrets) = self.grants(using, report);
        grants.scopes = component::scopes(&named, &grants, &secrets, report);
        let budget = self.budget(&model, report);
        let decoding = match model.provider {
            Provider::Onnx => Decoding::Constrained,
            _ => Decoding::Free,
        };
        let output = output::schema(&file.output, &self.root, decoding, self.known, report);
        let templates = self.templates(report);
        let (values, waiting) = given::values(&file.params, params, report);
        let (task, instructions) = match templates {
            Some([task, instructions]) if waiting.is_empty() && report.problems.is_empty() => (
                rendered("/task", &task, &values, report)?,
                rendered("/instructions", &instructions, &values, report)?,
            ),
            _ => (file.task.clone(), file.instructions.clone()),
        };
        let named = model.api_key.iter().map(|key| key.variable().to_string());
        let mut unset: Vec<String> =
            named.chain(secrets.iter().cloned()).filter(|name| !ground::is_set(name)).collect();
        unset.dedup();
        let agent = Agent {
            name: file.name.clone(),
            description: file.description.clone(),
            instructions,
            task,
            act: file.act,
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
        };
        Some((agent, waiting, unset))
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

    /// The names of the tools in use, each of them known; `weather.*` is all of that family.
    fn tools(&self, components: &[Pinned], report: &mut Report<'_>) -> Vec<String> {
        let file = &self.file.tools;
        let own = components.iter().flat_map(Pinned::specs).map(|spec| spec.name);
        let known: Vec<String> =
            self.known.tools.iter().map(|tool| tool.name.clone()).chain(own).collect();
        // What a component with a problem brings cannot be known.
        let unclear = components.len() < file.component.len();
        let mut using: Vec<String> = Vec::new();
        for (at, name) in file.using.iter().enumerate() {
            let pointer = format!("/tools/use/{at}");
            let meant: Vec<&String> = match name.strip_suffix('*') {
                Some(family) if family.ends_with('.') => {
                    known.iter().filter(|known| known.starts_with(family)).collect()
                }
                _ => known.iter().filter(|known| *known == name).collect(),
            };
            if meant.is_empty() && !(unclear && self.may_be_brought(name)) {
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
        using
    }

    /// Whether a name belongs to no family of tools that there is: then it may be a component's.
    fn may_be_brought(&self, name: &str) -> bool {
        let family = |name: &str| name.split('.').next().unwrap_or_default().to_string();
        !self.known.tools.iter().any(|tool| family(&tool.name) == family(name))
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

    fn budget(&self, model: &ModelConfig, report: &mut Report<'_>) -> Budget {
        let BudgetTable { steps, tokens, time, cost_usd } = &self.file.budget;
        let mut budget = Budget { cost_usd: *cost_usd, ..Budget::default() };
        budget.steps = steps.unwrap_or(budget.steps);
        budget.tokens = tokens.unwrap_or(budget.tokens);
        if let Some(text) = time {
            match duration::read(text) {
                Ok(time) => budget.time = time,
                Err(wanted) => {
                    let message = format!("`time` must be {wanted}, not `{}`", shortened(text));
                    report.value("/budget/time", message);
                }
            }
        }
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
