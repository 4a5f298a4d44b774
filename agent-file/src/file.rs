//! The agent file's keys, as TOML has them and as `errand schema` prints them: the one description of
//! its shape.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model_table::ModelTable;
use super::research::ResearchTable;
use super::search::SearchTable;
use agent_core::mcp::Network;
use agent_core::param::ParamSpec;
use agent_core::strategy::Strategies;

/// An agent file describes one task agent: what to do, with which model, with which tools, what
/// those may reach, and how much a run may spend. Paths are relative to the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Errand agent file", extend("required" = ["name", "task"]))]
pub struct AgentFile {
    /// What the agent is called: letters, digits, spaces, `.`, `_` and `-`, at most 64.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64), example = &"almanac")]
    pub name: String,

    /// What the agent does, in one line for people. The model does not see it.
    #[serde(default)]
    pub description: String,

    /// How to work: rules and knowledge that hold for every run, told to the model beside the
    /// task. A template over the parameters, like `task`.
    #[serde(default)]
    pub instructions: String,

    /// What to do. A minijinja template over the parameters: `{{ question }}` is replaced by the
    /// value of `[params.question]`, `{% if … %}` and `{% for … %}` work too. A variable that is
    /// not declared under `[params]` is an error.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"{{ question }}")]
    pub task: String,

    /// How the agent acts. `code`: each action is a Python snippet in which every tool is a
    /// function (needs the tool `python`; small local models do far better with it). `tools`: each
    /// action is a call of one tool. `research` and `read`: web research, a lead and its readers
    /// (see `[research]`). Left out: what suits the model.
    #[serde(default)]
    #[schemars(with = "String")]
    pub act: Option<String>,

    /// How far a research goes, for `act = "research"` and `act = "read"`.
    #[serde(default)]
    pub research: ResearchTable,

    /// The parameters of the task, each a table `[params.NAME]`. Their values come from
    /// `errand run -p NAME=VALUE`.
    #[serde(default)]
    pub params: BTreeMap<String, ParamSpec>,

    /// The model. Left out: the default local model, which is fetched on first use.
    #[serde(default)]
    #[schemars(with = "ModelTable")]
    pub model: Option<ModelTable>,

    /// The tools that the agent may use.
    #[serde(default)]
    pub tools: ToolsTable,

    /// Other agents that this one may call, each a table `[agents.NAME]` and a tool
    /// `agents.NAME`. Each works by itself, with its own model and context, and with no tool and
    /// no grant that this agent does not have.
    #[serde(default)]
    pub agents: BTreeMap<String, AgentTable>,

    /// MCP servers, whose tools are `SERVER.TOOL`. `errand mcp pin` looks at them and pins them.
    #[serde(default)]
    pub mcp: McpTable,

    /// Where `web.search` looks. Left out: English Wikipedia and DuckDuckGo's page, which need no
    /// key.
    #[serde(default)]
    #[schemars(with = "SearchTable")]
    pub search: Option<SearchTable>,

    /// A browser for pages that say nothing before their scripts have run. Left out: they are read
    /// as they were sent.
    #[serde(default)]
    #[schemars(with = "BrowserTable")]
    pub browser: Option<BrowserTable>,

    /// What the tools may reach. Everything that is not granted here is denied.
    #[serde(default)]
    pub permissions: PermissionsTable,

    /// How far the programs go that `[permissions] run` names.
    #[serde(default)]
    pub programs: ProgramsTable,

    /// How much a run may spend. Whatever is spent first ends it; one last call for the best
    /// answer so far is kept in reserve.
    #[serde(default)]
    pub budget: BudgetTable,

    /// What the outcome looks like. Left out: `{"answer": "…"}`.
    #[serde(default)]
    pub output: OutputTable,
}

impl AgentFile {
    /// One with a name and a task, for agents that are made in code.
    pub fn new(name: impl Into<String>, task: impl Into<String>) -> AgentFile {
        AgentFile { name: name.into(), task: task.into(), ..AgentFile::default() }
    }

    /// With these tools to use.
    #[must_use]
    pub fn using<T: Into<String>>(mut self, tools: impl IntoIterator<Item = T>) -> AgentFile {
        self.tools.using.extend(tools.into_iter().map(Into::into));
        self
    }

    /// As a file has it.
    ///
    /// # Errors
    /// A value that TOML has no way to write.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The JSON Schema of an agent file; `act` names one of these strategies.
    pub fn schema(strategies: Option<&Strategies>) -> Value {
        // What serde fills in is `null` or an empty table, which no file can say; the descriptions
        // name the defaults. A line break in a comment here means nothing there.
        let tidy = |schema: &mut Schema| {
            schema.remove("default");
            if let Some(Value::String(text)) = schema.get_mut("description") {
                *text = text.replace('\n', " ");
            }
        };
        let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
        let mut schema = settings.into_generator().into_root_schema_for::<AgentFile>().to_value();
        if let Some(strategies) = strategies {
            schema["properties"]["act"]["enum"] = strategies.names().collect();
        }
        schema
    }
}

/// The tools that the agent may use.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolsTable {
    /// Names from `errand tools list`, `NAME.TOOL` of the agent's components, and `SERVER.TOOL` of
    /// its MCP servers; `NAME.*` is all tools of one. What is not named here does not exist for the
    /// model. A tool without a grant for what it reaches loads, and its calls are denied.
    #[serde(default, rename = "use")]
    #[schemars(example = serde_json::json!(["files.list", "files.read"]))]
    pub using: Vec<String>,

    /// Components that bring tools of their own, each a table `[[tools.component]]`. `errand tools
    /// add FILE` writes it, and pins the file's bytes and what it wants in `errand.lock`.
    #[serde(default)]
    pub component: Vec<ComponentTable>,
}

/// A WebAssembly component that brings tools of its own. Its calls reach what it wants, and of that
/// only what `[permissions]` grants; the keys here narrow that further.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["file"]))]
pub struct ComponentTable {
    /// The component's file.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"weather.wasm")]
    pub file: String,

    /// What its tools are called after, `NAME.TOOL`: lower-case letters, digits and `-`. Left out:
    /// the file's name without its ending.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 32), example = &"weather")]
    pub name: Option<String>,

    /// Linear memory of one call, such as `"64MB"`, at most `"4GiB"`. Default: `"64MiB"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"64MB")]
    pub memory: Option<String>,

    /// Wall time of one call, such as `"20s"`; waiting for the host does not count. Default:
    /// `"5s"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"20s")]
    pub time: Option<String>,

    /// Size of one result, such as `"1MB"`. Default: `"256KiB"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"1MB")]
    pub output: Option<String>,

    /// Fuel of one call, about one unit an instruction: a limit that does not depend on how fast
    /// the machine is. It makes calls slower. Default: no limit.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1, max = 1_000_000_000_000_000u64))]
    pub fuel: Option<u64>,

    /// Calls that run at once; the rest wait. What other tools call counts apart. Default: 16.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 128))]
    pub calls: Option<u32>,

    /// Hosts that its calls may reach: a part of `[permissions] net`. Left out: what it wants of
    /// them.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = serde_json::json!(["api.example.org"]))]
    pub net: Option<Vec<String>>,

    /// Files and folders that its calls may read: a part of `[permissions] read`.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = serde_json::json!(["./docs"]))]
    pub read: Option<Vec<String>>,

    /// Files and folders that its calls may write: a part of `[permissions] write`.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = serde_json::json!(["./out"]))]
    pub write: Option<Vec<String>>,

    /// Environment variables whose values the host may put into its requests: a part of
    /// `[permissions] secrets`.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = serde_json::json!(["API_KEY"]))]
    pub secrets: Option<Vec<String>>,

    /// Other tools that its calls may call: a part of `use`.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = serde_json::json!(["files.read"]))]
    pub tools: Option<Vec<String>>,
}

/// A headless Chromium, or what is made of it. It has no network of its own: each request of a page
/// is judged by `[permissions]` like one of a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrowserTable {
    /// The program: a name on the search path, or a path. Left out: `chromium`,
    /// `chromium-browser`, `google-chrome` or `chrome`, whichever is there.
    #[schemars(length(min = 1), example = &"chromium")]
    pub program: Option<String>,
}

/// An agent that this one may call.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["file"]))]
pub struct AgentTable {
    /// The path of its agent file. Its parameters are the tool's arguments.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"researcher.toml")]
    pub file: String,

    /// The most that one call may spend, at most what its own file says. Whatever it spends is
    /// taken from this agent's budget.
    #[serde(default)]
    pub budget: BudgetTable,
}

/// MCP servers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpTable {
    /// The path of a JSON file with `mcpServers`, as other programs have it. Its servers are
    /// confined like any, without a network and without files but the system's.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"mcp.json")]
    pub file: Option<String>,

    /// The servers, each a table `[mcp.servers.NAME]`. One that is in `file` too is taken from
    /// there, with what this table says of `read`, `write`, `network`, `timeout` and
    /// `unconfined`.
    #[serde(default)]
    pub servers: BTreeMap<String, ServerTable>,
}

/// An MCP server: a program to start (`command`), or an endpoint (`url`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerTable {
    /// The program: a name on the search path, or a path.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"./server")]
    pub command: Option<String>,

    /// The program's arguments.
    #[serde(default)]
    pub args: Vec<String>,

    /// The folder that the program runs in; left out, the agent file's. Paths in `args` begin there.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"./server")]
    pub cwd: Option<String>,

    /// The program's whole environment. `${NAME}` is replaced by an environment variable of
    /// errand when the program is started.
    #[serde(default)]
    pub env: BTreeMap<String, String>,

    /// The endpoint of a server that is reached over HTTP.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"https://example.org/mcp")]
    pub url: Option<String>,

    /// Headers of every request to `url`; `${NAME}` is replaced as in `env`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,

    /// Files and folders that the program may read, beside the system's programs and libraries:
    /// its own ones too, such as a virtual environment.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["./venv"]))]
    pub read: Vec<String>,

    /// Files and folders that the program may read and write. Each must exist.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["./data"]))]
    pub write: Vec<String>,

    /// Which network the program sees: `none` (the default) or `open`, all of this machine's.
    #[serde(default)]
    #[schemars(with = "Network")]
    pub network: Option<Network>,

    /// Starts the program with all that its user may do, also where it could be confined.
    #[serde(default)]
    pub unconfined: bool,

    /// How long one call may take without a sign of progress, such as `"30s"`. Default: `"60s"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"30s")]
    pub timeout: Option<String>,
}

/// What the tools may reach. Everything that is not granted is denied.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionsTable {
    /// Files, and folders with all that is in them, that may be read. Each must exist.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["./docs"]))]
    pub read: Vec<String>,

    /// Files and folders that may be written. What does not exist yet is made when it is first
    /// written to. A write grant does not let the agent read.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["./out"]))]
    pub write: Vec<String>,

    /// Files and folders below `write` where files may be deleted and moved away without a person's
    /// yes. Elsewhere below `write` each of these is asked for.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["./out"]))]
    pub delete: Vec<String>,

    /// Hosts that may be reached: `host` (ports 80 and 443) or `host:port`. `*.example.org` is
    /// every name below example.org and not example.org itself. A private or loopback address
    /// only as a literal IP with its port.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["*.example.org", "127.0.0.1:8080"]))]
    pub net: Vec<String>,

    /// Programs that `run.program` may run: `git` with any arguments, `git status` with these and no
    /// others, `git diff *` with these first. Other arguments of a program that is named here need a
    /// person's yes. What a program reads and writes is what is granted above, and `[programs]` says
    /// how far it goes beside that.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["git status", "git diff *", "cargo"]))]
    pub run: Vec<String>,

    /// Names of tools whose every call needs a person's yes, beside a grant for what it reaches.
    /// `plan`: the plan of a research.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["files.write"]))]
    pub ask: Vec<String>,

    /// Names of environment variables whose values the host may add to requests. The model and
    /// the tools never see them.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["API_KEY"]))]
    pub secrets: Vec<String>,
}

/// How far the programs go that `run.program` runs. Each call has a cell of its own: it sees the
/// system's programs and libraries, what the agent may read and write, and a private `/tmp`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramsTable {
    /// Files and folders that programs may read beside what the agent may: a toolchain, say. Each
    /// must exist. With `network = "open"` these, and what the agent may write, are all that they read.
    #[serde(default)]
    #[schemars(example = serde_json::json!(["/opt/toolchain"]))]
    pub read: Vec<String>,

    /// Which network programs see: `none` (the default) or `open`, all of this machine's.
    #[serde(default)]
    #[schemars(with = "Network")]
    pub network: Option<Network>,

    /// Environment variables beside `PATH`, `HOME`, `TMPDIR` and the language. No secrets: a model
    /// can have a program print them.
    #[serde(default)]
    pub env: BTreeMap<String, String>,

    /// How long one call may take, such as `"30s"`. Default: `"2m"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"2m")]
    pub timeout: Option<String>,

    /// How much memory all processes of one call may have together, at most `"4GiB"`. Default: `"2GiB"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"2GiB")]
    pub memory: Option<String>,
}

/// How much a run may spend. Each limit must be above zero.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetTable {
    /// Turns of plan, act, observe. Default: 16.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 10_000))]
    pub steps: Option<u32>,

    /// Tokens that the model reads and writes, summed over its calls. Default: 200_000.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1, max = 1_000_000_000_000u64))]
    pub tokens: Option<u64>,

    /// Wall time, such as `"90s"`, `"10m"` or `"1h30m"`, at most `"720h"`. Default: `"10m"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"10m")]
    pub time: Option<String>,

    /// US dollars. Needs `price` under `[model]`. Default: no limit.
    #[serde(default)]
    #[schemars(with = "f64", extend("exclusiveMinimum" = 0.0, "maximum" = 1_000_000.0))]
    pub cost_usd: Option<f64>,
}

/// What the outcome looks like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputTable {
    /// A JSON Schema (2020-12) that the outcome must satisfy.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub schema: Option<Value>,

    /// Or the path of a JSON file that holds the schema.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"answer.schema.json")]
    pub schema_file: Option<String>,
}
