//! `errand tools`: what an agent file can name, and the components that bring more.

mod add;
mod agent;
mod build;
mod call;
mod list;
mod new;
mod remove;
mod show;
mod shown;
mod test;
mod update;

use std::process::ExitCode;

/// The subcommands of `errand tools`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the built-in tools, and those of an agent
    List(list::Args),
    /// Show a component or a tool: what it takes, what it wants, what it gets
    Show(show::Args),
    /// Begin a tool of your own: a project that builds, with a test
    New(new::Args),
    /// Build the component of a tool's project
    Build(build::Args),
    /// Add a component to an agent: look at it, agree to what it wants, pin its bytes
    Add(add::Args),
    /// Look again at a component that has changed, and agree to what it is now
    Update(update::Args),
    /// Take a component out of an agent
    Remove(remove::Args),
    /// Make one call under an agent's grants, without a model
    Call(call::Args),
    /// Run the examples that lie beside a component
    Test(test::Args),
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list::main(args),
        Command::Show(args) => show::main(args),
        Command::New(args) => new::main(args),
        Command::Build(args) => build::main(args),
        Command::Add(args) => add::main(args),
        Command::Update(args) => update::main(args),
        Command::Remove(args) => remove::main(args),
        Command::Call(args) => call::main(args),
        Command::Test(args) => test::main(args),
    }
}
