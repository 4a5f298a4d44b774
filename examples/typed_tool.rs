//! A tool that is an async function: its JSON Schema comes from the type of its argument.
#![allow(clippy::print_stdout, missing_docs)]

use errand::{AgentFile, Builder, Effect, Errand, FnTool};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The order's number, such as `A-17`.
    number: String,
}

pub async fn example(errand: Builder) -> anyhow::Result<String> {
    let find = FnTool::new("orders.find", "Looks an order up.", |order: Order| async move {
        match order.number.as_str() {
            "A-17" => Ok("shipped on Monday"),
            other => Err(format!("there is no order {other}")),
        }
    });
    let errand = errand.tool(find.effect(Effect::Reads)).build()?;
    let file = AgentFile::new("orders", "What is the state of order A-17?").using(["orders.find"]);
    let agent = errand.agent(".", &file, &[])?;
    let finished = errand.start(agent).finished().await?;
    Ok(finished.map(|run| run.outcome.value.to_string()).unwrap_or_default())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{}", example(Errand::builder()).await?);
    Ok(())
}
