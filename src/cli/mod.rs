//! The command line: what can be typed, and what each command prints and returns.
//!
//! Exit codes: 0 an outcome, 1 ended without one, 2 usage or agent file, 3 waiting for approval.

mod acp;
mod age;
mod answer;
mod batch;
mod chat;
mod confirm;
mod demo;
mod doctor;
mod drawing;
mod embed;
mod home;
mod init;
mod json;
mod log;
mod mcp;
mod models;
mod pages;
mod param;
mod refetch;
mod report;
mod research;
mod run;
mod runs;
mod schema;
mod serve;
mod shipped;
mod stop;
mod task;
mod terminal;
mod tools;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

const AFTER: &str = "Start with:
  errand demo                  see a run in a second; nothing is fetched
  errand init hello            write an agent file to change
  errand run hello/agent.toml  run it on a local model, fetched once
  errand run \"…\" --read .      do a task that may read this folder, without an agent file
  errand doctor                see what this machine has for that, and what is missing

Files are kept under ERRAND_HOME (default: ~/.local/share/errand).
Exit codes: 0 an outcome, 1 ended without one, 2 usage or agent file, 3 waiting for an approval.";

/// Runs task agents: a model loops through plan, act and observe, its tools run in a WebAssembly
/// sandbox, and nothing happens without a permit.
#[derive(Parser)]
#[command(
    name = "errand",
    version,
    arg_required_else_help = true,
    after_help = AFTER
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: log::Logging,
}

#[derive(Subcommand)]
enum Command {
    /// Show a run in a second: a script plays the model, and nothing is fetched
    Demo(demo::Args),
    /// Write an agent file to start from
    Init(init::Args),
    /// Run an agent file, or a task
    Run(run::Args),
    /// Talk with an agent: a run that goes on after each answer
    Chat(chat::Args),
    /// Run an agent file once for each row of a table
    Batch(batch::Args),
    /// Research a question on the web: a report whose citations can be checked
    Research(research::Args),
    /// Show a research's report, or check that its citations stand in their sources
    #[command(subcommand)]
    Report(report::Command),
    /// Serve OpenAI's API over local models, and runs of agents, over HTTP
    Serve(serve::Args),
    /// Let an editor talk to an agent, through the Agent Client Protocol
    Acp(acp::Args),
    /// Check an agent file, and say what it comes to
    Validate(validate::Args),
    /// Print the JSON Schema of the agent file
    Schema,
    /// List, show, resume or remove runs
    #[command(subcommand)]
    Runs(runs::Command),
    /// List, fetch, import, measure or remove local models
    #[command(subcommand)]
    Models(models::Command),
    /// Vectors of texts: print them, search by meaning, find groups and outliers, rerank
    Embed(embed::Args),
    /// List, add, show, call or test the tools an agent file can name
    #[command(subcommand)]
    Tools(tools::Command),
    /// Look at the tools of MCP servers and pin them; offer agents as an MCP server
    #[command(subcommand)]
    Mcp(mcp::Command),
    /// Confines a program; started by errand itself
    #[command(name = ::tools::process::CONFINED, hide = true, disable_help_flag = true)]
    Confined(mcp::Confined),
    /// Say what this machine has for errand, what is missing, and how to get it
    Doctor(doctor::Args),
    /// Show or remove what errand keeps on this machine
    #[command(name = "self", subcommand)]
    Home(home::Command),
    /// Print shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// Reads the command line, does what it says, and gives the exit code.
pub(crate) fn main() -> ExitCode {
    let Cli { command, logging } = Cli::parse();
    let result = logging.begin().and_then(|_logged| run(command));
    let code = result.unwrap_or_else(|error| terminal::failed(&error));
    terminal::lost().unwrap_or(code)
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::main(args),
        Command::Run(args) => run::main(args),
        Command::Chat(args) => chat::main(args),
        Command::Batch(args) => batch::main(args),
        Command::Research(args) => research::main(args),
        Command::Report(command) => report::main(command),
        Command::Serve(args) => serve::main(args),
        Command::Acp(args) => acp::main(args),
        Command::Validate(args) => validate::main(args),
        Command::Schema => schema::main(),
        Command::Init(args) => init::main(args),
        Command::Runs(command) => runs::main(command),
        Command::Models(command) => models::main(command),
        Command::Embed(args) => embed::main(args),
        Command::Tools(command) => tools::main(command),
        Command::Mcp(command) => mcp::main(command),
        Command::Confined(words) => mcp::confined(words),
        Command::Doctor(args) => doctor::main(args),
        Command::Home(command) => home::main(command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "errand", &mut script);
            terminal::data(String::from_utf8_lossy(&script).trim_end());
            Ok(ExitCode::SUCCESS)
        }
    }
}
