//! `errand runs show`: the events of a run.

use std::process::ExitCode;

use agent_core::event::What;
use errand::Errand;
use text::head;

use crate::cli::json::print;
use crate::cli::run::runtime;
use crate::cli::terminal::say;

pub(super) fn main(named: &str, json: bool) -> anyhow::Result<ExitCode> {
    let errand = Errand::open()?;
    let runtime = runtime()?;
    let id = &runtime.block_on(errand.find(named))?;
    let children = runtime.block_on(errand.children(id))?;
    for (seq, event) in runtime.block_on(errand.events(id))?.iter().enumerate() {
        let value = serde_json::to_value(event)?;
        if json {
            print(&value);
        } else {
            say(&format!("{seq:>4}  {}", line(&value)));
        }
        for part in event.what.parts().iter().filter(|_| !json) {
            say(&format!("      {} sha256 {}", part.line(), part.sha256));
        }
        if let (What::Acting { call, .. }, false) = (&event.what, json) {
            let name = id.child(call);
            let again = format!("{name}_r");
            for row in &children {
                if row.id == name || row.id.0.starts_with(&again) {
                    let status = row.status.as_str();
                    say(&format!(
                        "      run {}  {status}, {} events  {}",
                        row.id, row.events, row.agent
                    ));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An event on one line: its type, then what it holds.
fn line(event: &serde_json::Value) -> String {
    let kind = event["type"].as_str().unwrap_or_default();
    let rest: Vec<String> = event
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !matches!(key.as_str(), "type" | "at" | "v"))
        .map(|(key, value)| head(&format!("{key}={value}"), 300).replace('\n', " "))
        .collect();
    format!("{kind:<9} {}", rest.join(" "))
}
